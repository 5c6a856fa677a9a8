//! Loads plugins: digest, stamp, grant, imports, code, in that order.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use honey_model::{Digest, Fault};
use honey_ports::{Event, Progress, Secrets};
use serde_json::Value;
use wasmtime::component::Component;

use crate::{
    CallCount, Grant, HttpSettings, PluginError,
    cache::Cache,
    clock::Clock,
    engine::Runtime,
    error::Problem,
    grant,
    http::Client,
    linker,
    plugin::{Abilities, Core, Plugin, Services},
    stamp,
};

/// No artifact is larger.
const ARTIFACT_LIMIT: u64 = 64 << 20;

/// Reads facts of a host over ssh, for providers that have no API.
#[async_trait]
pub trait SshFacts: Send + Sync {
    /// One round trip, read only.
    async fn facts(
        &self,
        address: &str,
        port: u16,
        user: &str,
        identity: Option<&str>,
    ) -> Result<Value, Fault>;
}

/// What a host needs of its surroundings.
pub struct HostSettings {
    /// Where compiled plugins are kept; none: compiled each time.
    pub cache_directory: Option<PathBuf>,
    /// The operator's secrets, and those that plugins capture.
    pub secrets: Arc<dyn Secrets>,
    /// Host facts, where some plugin may read them.
    pub ssh_facts: Option<Arc<dyn SshFacts>>,
    /// Who is told what goes on outside of operations.
    pub progress: Progress,
    /// How requests are sent.
    pub http: HttpSettings,
    /// How long a guest may compute in one call, waiting not counted.
    pub cpu_budget: Duration,
    /// How time passes for waits and deadlines; rehearsals skip waits.
    pub clock: Clock,
    /// Notes what guests reach beside honey's own interfaces, for kits that look at it.
    pub reached: Option<Reached>,
}

/// What was reached of WASI: `wasi:clocks/wall-clock` …
pub type Reached = Arc<Mutex<BTreeSet<&'static str>>>;

impl HostSettings {
    /// The usual settings.
    pub fn new(secrets: Arc<dyn Secrets>) -> Self {
        Self {
            cache_directory: None,
            secrets,
            ssh_facts: None,
            progress: Progress::silent(),
            http: HttpSettings::default(),
            cpu_budget: Duration::from_secs(10),
            clock: Clock::default(),
            reached: None,
        }
    }
}

/// Where an artifact is.
#[derive(Clone, Debug)]
pub enum PluginSource {
    /// In memory, for those that come with honey.
    Bytes(Cow<'static, [u8]>),
    /// In a file.
    Path(PathBuf),
}

/// A plugin to load.
#[derive(Clone, Debug)]
pub struct PluginSpec {
    /// The configuration's name for it.
    pub id: String,
    /// Where it is.
    pub source: PluginSource,
    /// What it may do.
    pub grant: Grant,
    /// Its digest, where it is pinned.
    pub expected: Option<Digest>,
}

/// The plugin host.
pub struct PluginHost {
    runtime: Arc<Runtime>,
    services: Arc<Services>,
    cache: Option<Arc<Cache>>,
}

impl PluginHost {
    /// A host without plugins.
    pub fn new(settings: HostSettings) -> Result<Self, Fault> {
        let runtime = Runtime::new().map_err(|error| {
            Fault::from(Problem::Load(format!("the runtime does not start: {error:#}")).of("*"))
        })?;
        let services = Services {
            secrets: settings.secrets,
            ssh_facts: settings.ssh_facts,
            http: Client::new(settings.http),
            progress: settings.progress,
            cpu_budget: settings.cpu_budget,
            clock: settings.clock,
            reached: settings.reached,
        };
        let cache = settings.cache_directory.map(|directory| Arc::new(Cache::new(directory)));
        Ok(Self { runtime: Arc::new(runtime), services: Arc::new(services), cache })
    }

    /// Loads one plugin.
    pub async fn load(&self, spec: PluginSpec) -> Result<Arc<Plugin>, PluginError> {
        let id = spec.id.clone();
        let loader = Loader {
            runtime: self.runtime.clone(),
            services: self.services.clone(),
            cache: self.cache.clone(),
        };
        match tokio::task::spawn_blocking(move || loader.load(spec)).await {
            Ok(loaded) => loaded.map(Arc::new),
            Err(error) => Err(Problem::Load(format!("loading failed: {error}")).of(id)),
        }
    }

    /// Loads all at once; each has its own answer, in the order asked.
    pub async fn load_all(&self, specs: Vec<PluginSpec>) -> Vec<Result<Arc<Plugin>, PluginError>> {
        futures::future::join_all(specs.into_iter().map(|spec| self.load(spec))).await
    }

    /// What was sent to vendors so far.
    pub fn calls(&self) -> Vec<CallCount> {
        self.services.http.calls.all()
    }
}

struct Loader {
    runtime: Arc<Runtime>,
    services: Arc<Services>,
    cache: Option<Arc<Cache>>,
}

impl Loader {
    fn load(&self, spec: PluginSpec) -> Result<Plugin, PluginError> {
        let id = &spec.id;
        let bytes = read(&spec.source).map_err(|problem| problem.of(id))?;
        let digest = Digest::of_bytes(&bytes);
        if let Some(expected) = spec.expected.as_ref().filter(|expected| **expected != digest) {
            let (expected, found) = (expected.to_string(), digest.to_string());
            return Err(Problem::Digest { expected, found }.of(id));
        }
        let artifact = stamp::read(&bytes).map_err(|problem| problem.of(id))?;
        let manifest = artifact.manifest;
        let origin = manifest.origin();
        let named = |problem: Problem| problem.of(&origin);
        if manifest.id != *id {
            let why = format!("it calls itself `{}`, the configuration calls it `{id}`", manifest.id);
            return Err(named(Problem::Manifest(why)));
        }
        let effective = grant::intersect(&manifest, &spec.grant).map_err(named)?;
        let component = self.component(&origin, &bytes, &digest).map_err(named)?;
        let (linker, imports) =
            linker::link(&self.runtime.engine, &component, &manifest, &effective).map_err(named)?;
        let broken = |error: wasmtime::Error| {
            Problem::Load(honey_model::text::visible(&format!("{error:#}"), 400)).of(&origin)
        };
        let pre = linker.instantiate_pre(&component).map_err(broken)?;
        let lifecycle =
            crate::bindings::exports::honey::plugin::lifecycle::GuestIndices::new(&pre).map_err(broken)?;
        let abilities = Abilities::find(&component, &pre).map_err(broken)?;
        abilities.match_manifest(&manifest).map_err(named)?;
        let settings = match &spec.grant.settings {
            Value::Null => "{}".to_owned(),
            settings => settings.to_string(),
        };
        let core = Core {
            origin,
            manifest,
            effective,
            services: self.services.clone(),
            runtime: self.runtime.clone(),
            cache: Arc::default(),
        };
        Ok(Plugin {
            id: spec.id,
            core: Arc::new(core),
            pre,
            lifecycle,
            abilities,
            kinds: artifact.kinds,
            imports,
            digest,
            settings,
        })
    }

    fn component(&self, origin: &str, bytes: &[u8], digest: &Digest) -> Result<Component, Problem> {
        let engine = &self.runtime.engine;
        if let Some(component) = self.cache.as_ref().and_then(|cache| cache.load(engine, digest)) {
            return Ok(component);
        }
        let message = format!("compiling plugin {origin}");
        self.services.progress.tell(Event::Notice { message });
        let component = Component::from_binary(engine, bytes)
            .map_err(|error| Problem::NotComponent(honey_model::text::visible(&format!("{error:#}"), 400)))?;
        if let Some(cache) = &self.cache {
            cache.store(engine, digest, &component);
        }
        Ok(component)
    }
}

fn read(source: &PluginSource) -> Result<Cow<'_, [u8]>, Problem> {
    match source {
        PluginSource::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
        PluginSource::Path(path) => {
            let unreadable = |why: String| Problem::Unreadable(format!("{}: {why}", path.display()));
            let size = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
            if size > ARTIFACT_LIMIT {
                return Err(unreadable(format!("it is larger than {} MiB", ARTIFACT_LIMIT >> 20)));
            }
            std::fs::read(path).map(Cow::Owned).map_err(|error| unreadable(error.to_string()))
        }
    }
}
