//! One plugin in its real host, against a lab of its own, with a tap between.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use honey_lab::{Lab, LabOptions, Specs};
use honey_model::{Address, Fault, FaultClass, Found};
use honey_plugin_host::{
    Clock, Grant, HostSettings, HttpSettings, Plugin, PluginHost, PluginSource, PluginSpec,
};
use honey_ports::{
    ApplyAction, ApplyRequest, CallContext, Checkpoint, Driver, Progress, Target,
    call::Cancel,
    capability::{Capabilities, RecordSwap, RecordSwapper, SwapError},
};
use serde_json::{Value, json};

use crate::{
    Failure, facts, hand,
    keep::Keep,
    placeholder,
    scenario::{Ability, Act, Scenario, Secrets, Step},
    subject::Subject,
    trick::Trickster,
    wire::{Exchange, Wire},
};

/// How often the engine calls again what may succeed by waiting.
const ATTEMPTS: usize = 5;

/// The first wait of the engine, in the time of a rehearsal.
const BREATH: Duration = Duration::from_millis(20);

/// What all stands share.
#[derive(Clone)]
pub struct Workshop {
    /// Where the built plugins are.
    pub plugins: PathBuf,
    /// The vendors' specifications, where there are any.
    pub judge: Option<Arc<Specs>>,
}

/// How a stand is set up.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Longest wait for an answer.
    pub answer_within: Duration,
    /// Where the simulated spans begin to be noticed: share of their length.
    pub time_scale: f64,
}

impl Default for Setup {
    fn default() -> Self {
        Self { answer_within: Duration::from_secs(20), time_scale: 0.05 }
    }
}

/// What is known of an object, as the engine's state would be.
#[derive(Debug, Clone)]
pub struct Known {
    /// The vendor's id.
    pub id: String,
    /// The whole outcome of the last step about it.
    pub outcome: Value,
}

/// A plugin ready to be asked.
pub struct Stand {
    /// The world.
    pub lab: Lab,
    /// What went over the wire.
    pub wire: Arc<Wire>,
    /// Waits that were skipped.
    pub clock: Clock,
    /// Secrets.
    pub keep: Arc<Keep>,
    /// The machine that ssh shows.
    pub machine: Arc<facts::Machine>,
    /// Who is under test.
    pub subject: &'static Subject,
    /// Objects by label.
    pub known: BTreeMap<String, Known>,
    plugin: Arc<Plugin>,
    _host: PluginHost,
}

/// What one step came to.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The last call's outcome; null for no object.
    pub outcome: Result<Value, Fault>,
    /// Faults of the calls before the last.
    pub earlier: Vec<Fault>,
    /// What went over the wire meanwhile.
    pub exchanges: Vec<Exchange>,
    /// Waits meanwhile.
    pub waits: Vec<Duration>,
    /// The desired value in its normal form, placeholders filled in.
    pub desired: Value,
    /// The operation's last checkpoint.
    pub noted: Option<(String, Value)>,
    /// What was known of the object before.
    pub before: Option<Known>,
}

/// The last checkpoint of an operation.
#[derive(Default)]
struct Notes(Mutex<Option<(String, Value)>>);

#[async_trait]
impl Checkpoint for Notes {
    async fn save(&self, id: &str, progress: &Value) -> Result<(), Fault> {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
            Some((id.to_owned(), progress.clone()));
        Ok(())
    }
}

impl Notes {
    fn last(&self) -> Option<(String, Value)> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl Stand {
    /// A fresh lab, a fresh host, the plugin loaded.
    pub async fn start(
        workshop: &Workshop,
        subject: &'static Subject,
        setup: Setup,
    ) -> Result<Self, Failure> {
        Self::with(workshop, subject, setup, Secrets::All).await
    }

    /// The same, set up for a scenario.
    pub async fn for_scenario(
        workshop: &Workshop,
        subject: &'static Subject,
        setup: Setup,
        scenario: &Scenario,
    ) -> Result<Self, Failure> {
        Self::with(workshop, subject, setup, scenario.secrets).await
    }

    async fn with(
        workshop: &Workshop,
        subject: &'static Subject,
        setup: Setup,
        given: Secrets,
    ) -> Result<Self, Failure> {
        let mut options = LabOptions {
            judge: workshop.judge.clone(),
            time_scale: setup.time_scale,
            ..LabOptions::default()
        };
        if subject.vendor != "ovh" {
            options.ovh_services = Vec::new();
        }
        (subject.lab)(&mut options);
        let lab = Lab::start(options).await?;
        let wire = Arc::new(Wire::of(subject.vendor));
        lab.set_tap(wire.clone());
        let keep = Arc::new(Keep::default());
        let mut secrets = BTreeMap::new();
        let names = match given {
            Secrets::These(names) => names,
            _ => subject.secrets,
        };
        for name in names.iter().filter(|name| given != Secrets::Without(name)) {
            let stored = format!("operator-{name}");
            keep.give(&stored, lab.secret(subject.vendor, name));
            secrets.insert((*name).to_owned(), stored);
        }
        let clock = Clock::skipping();
        let machine = Arc::new(facts::Machine::default());
        let host = PluginHost::new(HostSettings {
            cache_directory: workshop.plugins.parent().map(|target| target.join("contract-cache")),
            clock: clock.clone(),
            http: HttpSettings { request_timeout: setup.answer_within, ..HttpSettings::default() },
            ssh_facts: Some(machine.clone()),
            ..HostSettings::new(keep.clone())
        })?;
        let mut grant = Grant { secrets, ..Grant::default() };
        if subject.vendor.is_empty() {
            grant.ssh = true;
        } else {
            let origin = lab.endpoint(subject.vendor);
            let endpoint =
                if subject.base_in_endpoint { format!("{origin}{}", subject.base) } else { origin.clone() };
            grant.egress = Some(vec![origin]);
            grant.settings = json!({"endpoint": endpoint});
            for (setting, path) in subject.settings {
                grant.settings[setting] = json!(format!("{}{path}", lab.endpoint(subject.vendor)));
            }
        }
        let source = PluginSource::Path(workshop.plugins.join(format!("{}.wasm", subject.plugin)));
        let spec = PluginSpec { id: subject.plugin.to_owned(), source, grant, expected: None };
        let plugin = host.load(spec).await?;
        Ok(Self { lab, wire, clock, keep, machine, subject, known: BTreeMap::new(), plugin, _host: host })
    }

    /// The plugin's kinds.
    pub fn schema(&self, kind: &str) -> Option<&honey_model::KindSchema> {
        self.plugin.schemas().iter().find(|schema| schema.kind == kind)
    }

    /// All of them.
    pub fn schemas(&self) -> &[honey_model::KindSchema] {
        self.plugin.schemas()
    }

    /// What a plan compares before a step: the desired value in its normal form,
    /// and the known object as it is.
    pub async fn compared(&self, step: &Step) -> Result<(Value, Option<Found>), Fault> {
        let given = placeholder::fill(&step.desired, &self.known);
        let desired = self.checked(step, &given).await?;
        let context = self.context(step, &Arc::default());
        let id = self.known.get(step.label).map(|known| known.id.as_str());
        let target = Target { kind: step.kind, id, desired: Some(&desired) };
        let found = self.plugin.read(&context, target).await?;
        Ok((desired, found))
    }

    /// Does a step as the engine would: what may succeed by waiting is called
    /// again, with what was left at the last checkpoint.
    pub async fn run(&mut self, step: &Step) -> Ran {
        self.run_at_most(step, ATTEMPTS, None).await
    }

    /// Does the same operation once more, from what it had noted: as after a
    /// crash in which its result was not recorded.
    pub async fn again(&mut self, step: &Step, ran: &Ran) -> Ran {
        match &ran.before {
            Some(before) => drop(self.known.insert(step.label.to_owned(), before.clone())),
            None => drop(self.known.remove(step.label)),
        }
        self.run_at_most(step, ATTEMPTS, Some(ran)).await
    }

    /// The next call of the same operation, and no more.
    pub async fn next(&mut self, step: &Step, ran: &Ran) -> Ran {
        self.run_at_most(step, 1, Some(ran)).await
    }

    /// How many objects of each kind exist at the vendor by its own books.
    pub fn living(&self) -> BTreeMap<String, i64> {
        let mut living: BTreeMap<String, i64> = BTreeMap::new();
        for line in self.lab.books().objects() {
            let change = match line.event {
                honey_lab::books::Event::Created => 1,
                honey_lab::books::Event::Deleted => -1,
                honey_lab::books::Event::Changed => continue,
            };
            // A cart that nobody buys costs nothing and expires.
            if line.vendor == self.subject.vendor && line.kind != "cart" {
                *living.entry(line.kind).or_default() += change;
            }
        }
        living.retain(|_, count| *count != 0);
        living
    }

    /// The same with one call only.
    pub async fn once(&mut self, step: &Step) -> Ran {
        self.run_at_most(step, 1, None).await
    }

    /// `earlier` is an earlier call of the same operation.
    async fn run_at_most(&mut self, step: &Step, attempts: usize, earlier: Option<&Ran>) -> Ran {
        let before = self.known.get(step.label).cloned();
        let from = self.wire.count();
        if earlier.is_none() {
            let trick = step.trick.map(|trick| Trickster::new(trick, self.lab.world().clone()));
            self.wire.trick(trick.map(|trick| Box::new(trick) as Box<dyn crate::wire::Meddler>));
        }
        let noted = earlier.and_then(|ran| ran.noted.clone());
        self.clock.take_waits();
        let given = placeholder::fill(&step.desired, &self.known);
        let notes = Arc::new(Notes(Mutex::new(noted)));
        let mut earlier = Vec::new();
        let (desired, outcome) = match self.checked(step, &given).await {
            Err(fault) => (given, Err(fault)),
            Ok(desired) => loop {
                let outcome = self.call(step, &desired, &notes).await;
                match outcome {
                    Err(fault) if fault.class.retriable() && earlier.len() + 1 < attempts => {
                        earlier.push(fault);
                        // The engine waits longer each time, and the vendor goes on meanwhile.
                        tokio::time::sleep(BREATH * u32::try_from(earlier.len()).unwrap_or(1)).await;
                    }
                    outcome => break (desired, outcome),
                }
            },
        };
        if let Ok(value) = &outcome {
            self.remember(step, value);
        }
        let exchanges = self.wire.exchanges().split_off(from);
        Ran {
            outcome,
            earlier,
            exchanges,
            waits: self.clock.take_waits(),
            desired,
            noted: notes.last(),
            before,
        }
    }

    fn remember(&mut self, step: &Step, value: &Value) {
        if let Some(id) = value.get("id").and_then(Value::as_str)
            && !step.label.is_empty()
        {
            self.known.insert(step.label.to_owned(), Known { id: id.to_owned(), outcome: value.clone() });
        }
        if matches!(step.act, Act::Can(_)) {
            self.known.insert(step.name.to_owned(), Known { id: String::new(), outcome: value.clone() });
        }
    }

    async fn checked(&self, step: &Step, given: &Value) -> Result<Value, Fault> {
        if given.is_null() || matches!(step.act, Act::Can(_) | Act::Hand(..)) {
            return Ok(given.clone());
        }
        let checked = self.plugin.check(step.kind, given).await?;
        match checked.diagnostics.iter().find(|found| found.severity == honey_model::Severity::Error) {
            None => Ok(checked.desired),
            Some(wrong) => Err(Fault::new(FaultClass::Invalid, wrong.code.clone(), wrong.summary.clone())),
        }
    }

    fn context(&self, step: &Step, notes: &Arc<Notes>) -> CallContext {
        let label = if step.label.is_empty() { "none" } else { step.label };
        let kind = if step.kind.is_empty() { "ability" } else { step.kind };
        CallContext {
            operation_id: format!("rehearsal:{label}:{}", step.name),
            owner: format!("honeydue-{}", self.subject.plugin),
            address: Address::of(&[self.subject.plugin, kind, label]),
            deadline: Duration::from_mins(30),
            cancel: Cancel::default(),
            progress: Progress::silent(),
            checkpoint: notes.clone(),
        }
    }

    async fn call(&self, step: &Step, desired: &Value, notes: &Arc<Notes>) -> Result<Value, Fault> {
        let context = self.context(step, notes);
        let known = self.known.get(step.label).map(|known| known.id.as_str());
        let wanted = (!desired.is_null()).then_some(desired);
        let action = match &step.act {
            Act::Read => return self.read(&context, step.kind, known, wanted).await,
            Act::Find => return self.read(&context, step.kind, None, wanted).await,
            Act::Import => return self.read(&context, step.kind, known, None).await,
            Act::Hand(method, path) => {
                let path = placeholder::path(path, &self.known);
                return hand::send(self, method, &path, desired).await;
            }
            Act::Can(ability) => {
                return self.ability(&context, ability, known.unwrap_or_default(), desired).await;
            }
            Act::Create => ApplyAction::Create,
            Act::Adopt => ApplyAction::Adopt,
            Act::Update => ApplyAction::Update,
            Act::Replace => ApplyAction::Replace,
            Act::Delete => ApplyAction::Delete,
        };
        let last = notes.last();
        let noted = last.as_ref().map(|(id, _)| id.as_str()).filter(|id| !id.is_empty());
        let planned = known.filter(|_| !matches!(action, ApplyAction::Create | ApplyAction::Adopt));
        let removing = action == ApplyAction::Delete;
        let request = ApplyRequest {
            kind: step.kind,
            action,
            id: if removing { planned } else { noted.or(planned) },
            prior: None,
            desired: wanted.filter(|_| !removing),
            resume: last.as_ref().map(|(_, progress)| progress),
        };
        self.plugin.apply(&context, request).await.map(shown)
    }

    async fn read(
        &self,
        context: &CallContext,
        kind: &str,
        id: Option<&str>,
        desired: Option<&Value>,
    ) -> Result<Value, Fault> {
        self.plugin.read(context, Target { kind, id, desired }).await.map(shown)
    }

    async fn ability(
        &self,
        context: &CallContext,
        ability: &Ability,
        id: &str,
        given: &Value,
    ) -> Result<Value, Fault> {
        let plugin = &self.plugin;
        let text = |name: &str| given[name].as_str().unwrap_or_default();
        Ok(match ability {
            Ability::Power => json!(plugin.power(context, id).await?),
            Ability::SetPower(on) => json!(plugin.set_power(context, id, *on).await?),
            Ability::Reboot => json!(plugin.reboot(context, id).await?),
            Ability::Reinstall => json!(plugin.reinstall(context, id, given).await?),
            Ability::Price => json!(plugin.price(context, text("kind"), &given["desired"]).await?),
            Ability::EdgeRanges => json!(plugin.edge_ranges(context).await?),
            Ability::Resolve => {
                json!(plugin.resolve_image(context, given.as_str().unwrap_or_default()).await?)
            }
            Ability::StartLogin => json!(plugin.start_login(context).await?),
            Ability::LoginFinished => json!(plugin.login_finished(context).await?),
            Ability::Current => {
                let wanted: Vec<(String, String)> =
                    serde_json::from_value(given["wanted"].clone()).unwrap_or_default();
                json!(plugin.current(context, text("zone"), &wanted).await?)
            }
            Ability::Swap => {
                let swaps: Vec<RecordSwap> =
                    serde_json::from_value(given["swaps"].clone()).unwrap_or_default();
                match plugin.swap(context, text("zone"), &swaps).await {
                    Ok(sets) => json!(sets),
                    Err(SwapError::Failed(fault)) => return Err(fault),
                    Err(SwapError::Moved(set)) => {
                        let words = format!("{} holds {:?}", set.name, set.values);
                        return Err(Fault::new(FaultClass::Conflict, "moved", words));
                    }
                }
            }
        })
    }
}

/// An object as a value; null where there is none.
fn shown(found: Option<Found>) -> Value {
    found.map_or(Value::Null, |found| {
        json!({"id": found.id, "attributes": found.attributes, "outputs": found.outputs, "ownership": found.ownership})
    })
}
