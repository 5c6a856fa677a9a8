//! One plugin under test: its host, its world, and calls into it as honey makes them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use honey_lab::{Lab, LabOptions, Specs};
use honey_model::{Address, Fault, FaultClass, Found};
use honey_plugin_host::{
    Artifact, Clock, Grant, HostSettings, Plugin, PluginError, PluginHost, PluginSource, PluginSpec, Reached,
    SshFacts,
};
use honey_ports::{ApplyAction, ApplyRequest, CallContext, Driver, Target, call::Cancel};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use crate::{
    death::Death,
    gate::{Behind, Gate},
    rest::Rest,
    setup::Setup,
    stage::{Notebook, Transcript, Vault, listener},
    template::fill,
};

/// Number of objects by collection.
pub(crate) type Census = BTreeMap<String, usize>;

/// The longest that one call may take here.
const DEADLINE: Duration = Duration::from_mins(1);
/// How long a guest may compute in one call here.
const CPU: Duration = Duration::from_secs(3);

/// Whom the plugin meets.
struct World {
    gate: Gate,
    lab: Option<(Arc<Lab>, String)>,
}

/// A change to make.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) action: ApplyAction,
    pub(crate) kind: String,
    pub(crate) id: Option<String>,
    pub(crate) prior: Option<Value>,
    pub(crate) desired: Option<Value>,
}

/// An operation of honey: who does it, and what survives a crash.
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) owner: &'static str,
    pub(crate) address: Address,
    pub(crate) notebook: Arc<Notebook>,
    pub(crate) cancel: Cancel,
    pub(crate) deadline: Duration,
}

/// One plugin under test.
pub(crate) struct Trial {
    artifact: Artifact,
    bytes: Arc<[u8]>,
    pub(crate) setup: Setup,
    host: PluginHost,
    world: World,
    /// Of this world: the vendor's address is part of the grant.
    loaded: OnceCell<Arc<Plugin>>,
    pub(crate) death: Arc<Death>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) transcript: Arc<Transcript>,
    reached: Reached,
    operations: AtomicUsize,
    earlier_requests: usize,
    overruns: Mutex<Vec<String>>,
}

/// Owners that play.
pub(crate) const ONE: &str = "kit-one";
/// Somebody else.
pub(crate) const TWO: &str = "kit-two";

impl Trial {
    pub(crate) async fn new(
        bytes: Arc<[u8]>,
        artifact: Artifact,
        setup: Setup,
        cache: Option<PathBuf>,
    ) -> Result<Self, Fault> {
        let death = Arc::new(Death::default());
        let vault = Arc::new(Vault::new(death.clone()));
        let transcript = Arc::new(Transcript::default());
        let reached: Reached = Arc::default();
        let mut settings = HostSettings::new(vault.clone());
        settings.cache_directory = cache;
        settings.progress = listener(&transcript);
        settings.cpu_budget = CPU;
        settings.http.retry.attempts = 1;
        settings.ssh_facts = Some(Arc::new(Scripted(setup.facts.clone())));
        settings.clock = Clock::skipping();
        settings.reached = Some(reached.clone());
        let host = PluginHost::new(settings)?;
        let world = World::start(&setup, &artifact, &vault, &death).await?;
        Ok(Self {
            artifact,
            bytes,
            setup,
            host,
            world,
            loaded: OnceCell::new(),
            death,
            vault,
            transcript,
            reached,
            operations: AtomicUsize::default(),
            earlier_requests: 0,
            overruns: Mutex::default(),
        })
    }

    /// A world in which nothing was ever done.
    pub(crate) async fn renew(&mut self) -> Result<(), Fault> {
        self.earlier_requests += self.world.gate.total();
        self.vault.forget_captured(&self.operators_secrets());
        self.world = World::start(&self.setup, &self.artifact, &self.vault, &self.death).await?;
        self.loaded = OnceCell::new();
        Ok(())
    }

    fn operators_secrets(&self) -> Vec<String> {
        self.artifact.manifest.secrets.keys().map(|name| operators(name)).collect()
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.world.gate
    }

    pub(crate) fn requests(&self) -> usize {
        self.earlier_requests + self.world.gate.total()
    }

    /// What was reached beside honey's interfaces.
    pub(crate) fn reached(&self) -> Vec<&'static str> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Calls that the host had to end, since the last time.
    pub(crate) fn overruns(&self) -> Vec<String> {
        std::mem::take(&mut *self.overruns.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Objects of the vendor now.
    pub(crate) fn census(&self) -> Census {
        if let Some(rest) = self.world.gate.rest() {
            return rest.census();
        }
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        if let Some((lab, vendor)) = &self.world.lab {
            for event in lab.books().objects().into_iter().filter(|event| event.vendor == *vendor) {
                let count = counts.entry(event.kind).or_default();
                match event.event {
                    honey_lab::books::Event::Created => *count += 1,
                    honey_lab::books::Event::Deleted => *count -= 1,
                    honey_lab::books::Event::Changed => {}
                }
            }
        }
        let positive =
            counts.into_iter().filter_map(|(kind, count)| Some((kind, usize::try_from(count).ok()?)));
        positive.filter(|(_, count)| *count > 0).collect()
    }

    /// What must never be seen: values of secrets, as they are and encoded.
    pub(crate) fn needles(&self) -> Vec<String> {
        use base64::Engine as _;
        let mut plain = self.vault.values();
        plain.extend(self.world.gate.rest().map(Rest::secrets).unwrap_or_default());
        // What is short would be found by chance; what is declared no secret may be shown.
        let identifiers: Vec<String> = self.identifiers();
        plain.retain(|value| value.len() >= 8 && !identifiers.contains(value));
        let encoded: Vec<String> =
            plain.iter().map(|value| base64::engine::general_purpose::STANDARD.encode(value)).collect();
        plain.extend(encoded);
        plain
    }

    fn identifiers(&self) -> Vec<String> {
        let declared = self.artifact.manifest.secrets.iter().filter(|(_, secret)| secret.identifier);
        declared.filter_map(|(name, _)| self.secret_value(name)).collect()
    }

    fn secret_value(&self, name: &str) -> Option<String> {
        self.world.secrets(&self.setup, &self.artifact).remove(name)
    }

    /// The plugin as a new process has it.
    pub(crate) async fn plugin(&self) -> Result<Arc<Plugin>, PluginError> {
        let plugin = self.loaded.get_or_try_init(|| self.load()).await?;
        plugin.begin_run();
        Ok(plugin.clone())
    }

    /// Loads it for the world of now.
    async fn load(&self) -> Result<Arc<Plugin>, PluginError> {
        let manifest = &self.artifact.manifest;
        let vendor = &self.setup.vendor;
        let talks = vendor.lab.is_some() || !vendor.collections.is_empty() || !vendor.routes.is_empty();
        let grant = Grant {
            egress: talks.then(|| vec![self.gate().origin().to_owned()]),
            secrets: given(&self.setup, &self.artifact).map(|name| (name.clone(), operators(name))).collect(),
            settings: match &self.setup.settings {
                Value::Null => Value::Object(Map::new()),
                settings => fill(settings, &json!({ "vendor": self.gate().origin() })),
            },
            ssh: manifest.ssh_facts,
            memory_mib: Some(manifest.limits.memory_mib),
            timeout_seconds: None,
        };
        let source = PluginSource::Bytes(self.bytes.to_vec().into());
        let spec = PluginSpec { id: manifest.id.clone(), source, grant, expected: None };
        self.host.load(spec).await
    }

    /// A new operation on the kit's object of a kind.
    pub(crate) fn operation(&self, kind: &str, owner: &'static str) -> Operation {
        let number = self.operations.fetch_add(1, Ordering::Relaxed);
        Operation {
            id: format!("operation-{number}"),
            owner,
            address: Address::of(&["kit", kind, "one"]),
            notebook: Arc::new(Notebook::new(self.death.clone(), self.transcript.clone())),
            cancel: Cancel::default(),
            deadline: DEADLINE,
        }
    }

    fn context(&self, operation: &Operation) -> CallContext {
        CallContext {
            operation_id: operation.id.clone(),
            owner: operation.owner.to_owned(),
            address: operation.address.clone(),
            deadline: operation.deadline,
            cancel: operation.cancel.clone(),
            progress: listener(&self.transcript),
            checkpoint: operation.notebook.clone(),
        }
    }

    fn hear(&self, outcome: &Result<Option<Found>, Fault>) {
        match outcome {
            Ok(None) => {}
            Ok(Some(found)) => {
                self.transcript.note("attributes", found.attributes.to_string());
                self.transcript.note("outputs", found.outputs.to_string());
                self.transcript.note("an id", found.id.clone());
            }
            Err(fault) => {
                self.transcript.note("a fault", serde_json::to_string(fault).unwrap_or_default());
                if ended_by_host(fault) {
                    let mut overruns = self.overruns.lock().unwrap_or_else(PoisonError::into_inner);
                    overruns.push(fault.to_string());
                }
            }
        }
    }

    /// Reads.
    pub(crate) async fn read(
        &self,
        kind: &str,
        owner: &'static str,
        id: Option<&str>,
        desired: Option<&Value>,
    ) -> Result<Option<Found>, Fault> {
        let operation = self.operation(kind, owner);
        let plugin = self.plugin().await?;
        loop {
            let outcome = plugin.read(&self.context(&operation), Target { kind, id, desired }).await;
            self.hear(&outcome);
            match &outcome {
                Err(fault) if self.too_fast(fault).await => {}
                _ => return outcome,
            }
        }
    }

    /// Applies once, in a process of its own. None: that process died.
    pub(crate) async fn apply(
        &self,
        operation: &Operation,
        change: &Change,
    ) -> Option<Result<Option<Found>, Fault>> {
        let plugin = match self.plugin().await {
            Ok(plugin) => plugin,
            Err(error) => return Some(Err(error.into())),
        };
        let resume = operation.notebook.last();
        let request = ApplyRequest {
            kind: &change.kind,
            action: change.action,
            id: change.id.as_deref(),
            prior: change.prior.as_ref(),
            desired: change.desired.as_ref(),
            resume: resume.as_ref(),
        };
        let context = self.context(operation);
        let outcome = tokio::select! {
            biased;
            () = self.death.struck() => None,
            outcome = plugin.apply(&context, request) => Some(outcome),
        };
        if let Some(outcome) = &outcome {
            self.hear(outcome);
        }
        outcome
    }

    /// Applies as honey does: what may be tried again is tried again.
    pub(crate) async fn settle(
        &self,
        operation: &Operation,
        change: &Change,
    ) -> Result<Option<Found>, Fault> {
        const TRIES: usize = 4;
        let mut tried = 0;
        loop {
            tried += 1;
            match self.apply(operation, change).await {
                Some(Err(fault)) if self.too_fast(&fault).await => tried -= 1,
                Some(Err(fault)) if fault.class.retriable() && tried < TRIES => {}
                Some(outcome) => return outcome,
                None => {
                    let text = "the process died where it should not";
                    return Err(Fault::new(honey_model::FaultClass::Internal, "HNY0001", text));
                }
            }
        }
    }

    /// A simulated vendor has limits of its own, in real seconds: waits for them
    /// where it was no meddling of ours.
    async fn too_fast(&self, fault: &Fault) -> bool {
        let own = fault.class == FaultClass::RateLimited && !self.gate().meddles();
        if own {
            tokio::time::sleep(
                fault.retry_after.unwrap_or(Duration::from_secs(1)).min(Duration::from_secs(2)),
            )
            .await;
        }
        own
    }

    /// Sends requests as a person would.
    pub(crate) async fn by_hand(&self, on: &str, body: &Value, given: &Value) -> Result<u16, String> {
        let (method, path) = on.split_once(' ').unwrap_or(("GET", on));
        let mut headers = BTreeMap::new();
        if let Some(authorization) = &self.setup.vendor.authorization {
            let value = self.world.admitted(&self.setup, &self.artifact).unwrap_or_default();
            headers.insert(authorization.header.to_lowercase(), value);
        }
        let path = format!("{}{path}", self.setup.vendor.base);
        self.gate().by_hand(method, &path, &headers, &fill(body, given)).await
    }
}

/// Whether the host had to end the call.
pub(crate) fn ended_by_host(fault: &Fault) -> bool {
    matches!(fault.code.as_str(), "HNY0412" | "HNY0413" | "HNY0414" | "HNY0415" | "HNY0416" | "HNY0417")
}

/// The operator's name of a secret.
fn operators(name: &str) -> String {
    format!("operator-{name}")
}

impl World {
    async fn start(
        setup: &Setup,
        artifact: &Artifact,
        vault: &Vault,
        death: &Arc<Death>,
    ) -> Result<Self, Fault> {
        let wrong = |why: String| Fault::new(honey_model::FaultClass::Internal, "HNY0488", why);
        let lab = match &setup.vendor.lab {
            None => None,
            Some(name) => {
                let options = LabOptions {
                    time_scale: 0.0,
                    judge: specifications(),
                    only: Some(name.clone()),
                    ..LabOptions::default()
                };
                let lab = Lab::start(options).await.map_err(|error| wrong(error.to_string()))?;
                if !lab.endpoints().contains_key(name) {
                    let known = lab.names().join(", ");
                    return Err(wrong(format!("the lab has no vendor `{name}`; it has {known}")));
                }
                Some((Arc::new(lab), name.clone()))
            }
        };
        let secrets = values(setup, artifact, lab.as_ref());
        for (name, value) in &secrets {
            vault.give(&operators(name), value);
        }
        let behind = |_: &str| match &lab {
            Some((lab, name)) => Behind::Lab(lab.clone(), name.clone()),
            None => Behind::Rest(Box::new(Rest::new(setup.vendor.clone(), admitted(setup, &secrets)))),
        };
        let gate = Gate::open(behind, setup.vendor.error.clone(), death.clone())
            .await
            .map_err(|error| wrong(format!("no gate on loopback: {error}")))?;
        Ok(Self { gate, lab })
    }

    fn secrets(&self, setup: &Setup, artifact: &Artifact) -> BTreeMap<String, String> {
        values(setup, artifact, self.lab.as_ref())
    }

    fn admitted(&self, setup: &Setup, artifact: &Artifact) -> Option<String> {
        admitted(setup, &self.secrets(setup, artifact))
    }
}

/// The vendors' specifications, where there are any. They are large, and read
/// once for all worlds.
fn specifications() -> Option<Arc<Specs>> {
    static READ: OnceLock<Option<Arc<Specs>>> = OnceLock::new();
    let read = || {
        let folder = std::env::var_os("HONEY_SPECS").filter(|folder| !folder.is_empty())?;
        Some(Arc::new(Specs::new(Path::new(&folder))))
    };
    READ.get_or_init(read).clone()
}

/// The operator's secrets by the plugin's names.
fn values(setup: &Setup, artifact: &Artifact, lab: Option<&(Arc<Lab>, String)>) -> BTreeMap<String, String> {
    let value = |name: &String| {
        let of_lab = lab.map(|(lab, vendor)| lab.secret(vendor, name)).filter(|value| !value.is_empty());
        let own = setup.secrets.get(name).map(String::as_str).or(of_lab);
        (name.clone(), own.map_or_else(|| format!("canary-of-{name}-6b1f0c9e"), str::to_owned))
    };
    given(setup, artifact).map(value).collect()
}

/// The secrets that the plugin has.
fn given<'a>(setup: &'a Setup, artifact: &'a Artifact) -> impl Iterator<Item = &'a String> {
    artifact.manifest.secrets.keys().filter(|name| !setup.without.contains(name))
}

/// The header's value that lets in.
fn admitted(setup: &Setup, secrets: &BTreeMap<String, String>) -> Option<String> {
    let authorization = setup.vendor.authorization.as_ref()?;
    match fill(&json!(authorization.value), &json!({ "secret": secrets })) {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Host facts as conformance.toml tells them.
struct Scripted(Value);

#[async_trait]
impl SshFacts for Scripted {
    async fn facts(&self, address: &str, _: u16, _: &str, _: Option<&str>) -> Result<Value, Fault> {
        Ok(fill(&self.0, &json!({ "address": address })))
    }
}
