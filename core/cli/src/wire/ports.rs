//! Implementations for ports, from the configuration.

use std::{borrow::Cow, collections::BTreeSet, path::Path, sync::Arc};

use async_trait::async_trait;
use honey_config::{Config, Loaded, schema::SecretOrigin};
use honey_flow::{HostLooks, Ports, Session};
use honey_model::{Address, Diagnostic, Fault, FaultClass, SecretName};
use honey_plugin_host::{
    Grant, HostSettings, LockFile, Plugin, PluginError, PluginHost, PluginSource, PluginSpec, SshFacts,
};
use honey_ports::{
    CallContext, Driver, Progress, Secrets,
    call::NoCheckpoint,
    capability::Capabilities,
    host::{Facts, HostTarget, Hosts},
    store::StateStore,
};
use honey_state::{Options, Sources, Store, Vault};
use honey_ui::view::apply::{ProgressView, Show};
use serde_json::Value;

use super::{
    builtin,
    meant::{Scope, settle},
};
use crate::{context::Context, environment, failure::Failure};

/// The lock file, beside the configuration.
pub(super) const LOCK_FILE: &str = "honey.lock";

/// Everything that a verb works with.
pub(super) struct Wired {
    /// The configuration with its text.
    pub(super) loaded: Loaded,
    /// The flow's surroundings.
    pub(super) session: Session,
    /// Who shows progress and records it.
    pub(super) view: ProgressView,
    /// Who counts vendor calls.
    pub(super) host: PluginHost,
}

impl Wired {
    /// Vendor calls so far, by plugin.
    pub(super) fn vendor_calls(&self) -> std::collections::BTreeMap<String, u64> {
        let mut calls = std::collections::BTreeMap::new();
        for count in self.host.calls() {
            *calls.entry(count.plugin).or_default() += count.count;
        }
        calls
    }

    /// Closes connections.
    pub(super) async fn close(&self) {
        self.session.ports.hosts.close().await;
        self.view.clear();
    }
}

/// Wires everything for a configuration and what it is needed for.
pub(super) async fn wire(
    context: &Context,
    loaded: Loaded,
    scope: Scope<'_>,
    show: Show,
) -> Result<Wired, Failure> {
    let view =
        ProgressView::start(if context.output.json { Show::Nothing } else { show }, context.output.stderr);
    let progress = view.progress();
    let base = absolute(&loaded.directory)?;
    // An instance has no state of its own: where it lies is known before it says who is meant.
    let state_folder = base.join(&loaded.config.state.directory);
    let mut options = Options::new(environment::operator());
    options.keep = loaded.config.state.keep as usize;
    options.progress = progress.clone();
    let store: Arc<dyn StateStore> = Arc::new(Store::local(&state_folder, options)?);
    let loaded = settle(context, loaded, store.as_ref(), scope).await?;
    let config = Arc::new(loaded.config.clone());
    let vault = Vault::open(&state_folder.join("secrets"), sources(&config, &base)?)?;
    context.output.warnings(&vault.warnings(), &Context::reader());
    let secrets: Arc<dyn Secrets> = Arc::new(vault);
    let ssh = honey_ssh::SshOptions::new(state_folder.join("known-hosts"));
    let hosts: Arc<dyn Hosts> = Arc::new(honey_ssh::SshHosts::new(ssh));
    let looks = Arc::new(HostLooks::new(hosts.clone(), &base));
    let host = PluginHost::new(HostSettings {
        cache_directory: environment::cache_directory(),
        ssh_facts: Some(Arc::new(FactsOverSsh { looks: looks.clone(), progress: progress.clone() })),
        progress: progress.clone(),
        ..HostSettings::new(secrets.clone())
    })?;
    let plugins = load_plugins(context, &loaded, &host, &base).await?;
    let drivers =
        plugins.iter().map(|(id, plugin)| (id.clone(), plugin.clone() as Arc<dyn Driver>)).collect();
    let capabilities =
        plugins.iter().map(|(id, plugin)| (id.clone(), plugin.clone() as Arc<dyn Capabilities>)).collect();
    let clusters = Arc::new(honey_kube::KubeClusters);
    let ports = Ports { drivers, capabilities, hosts, looks, clusters, secrets, store };
    let session =
        Session::new(config, base, env!("CARGO_PKG_VERSION"), ports, progress, context.cancel.clone());
    Ok(Wired { loaded, session, view, host })
}

fn absolute(directory: &Path) -> Result<std::path::PathBuf, Failure> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    std::path::absolute(directory).map_err(Failure::Output)
}

fn sources(config: &Config, base: &Path) -> Result<Sources, Failure> {
    let mut named = std::collections::BTreeMap::new();
    for (name, source) in &config.secrets {
        let checked = SecretName::new(name).map_err(|error| {
            Failure::usage(Diagnostic::error("HNY0780", error.to_string()).at(format!("secrets.{name}")))
        })?;
        let raw = source.raw;
        let source = match source.origin() {
            Some(SecretOrigin::Env(variable)) => {
                honey_state::Source::Env { variable: variable.to_owned(), raw }
            }
            Some(SecretOrigin::File(path)) => honey_state::Source::File { path: base.join(path), raw },
            Some(SecretOrigin::Generate(length)) => honey_state::Source::Generate(length as usize),
            // Loading refuses what names none or several.
            None => continue,
        };
        named.insert(checked, source);
    }
    Ok(Sources { named, environment: Arc::new(environment::variable) })
}

/// Plugins that the configuration speaks of.
pub(super) fn referenced(config: &Config) -> BTreeSet<String> {
    let mut ids: BTreeSet<String> = config.plugins.keys().cloned().collect();
    ids.extend(config.instances.values().map(|instance| instance.plugin.clone()));
    ids.extend(config.dns.iter().map(|dns| dns.plugin.clone()));
    ids.extend(config.shared.values().map(|shared| shared.plugin.clone()));
    ids.extend(config.registries.values().map(|registry| registry.plugin.clone()));
    ids
}

/// What the chosen instance cannot do without.
fn needed(config: &Config, instance: Option<&str>) -> BTreeSet<String> {
    let mut ids = referenced(config);
    for (name, other) in &config.instances {
        let elsewhere = config
            .instances
            .iter()
            .any(|(used, one)| one.plugin == other.plugin && Some(used.as_str()) == instance);
        if Some(name.as_str()) != instance && !elsewhere {
            ids.remove(&other.plugin);
        }
    }
    ids
}

/// What the configuration says about one plugin, as the host wants it.
pub(super) fn specification(
    config: &Config,
    lock: &LockFile,
    id: &str,
    base: &Path,
) -> Result<PluginSpec, Diagnostic> {
    let said = config.plugins.get(id).cloned().unwrap_or_default();
    let at = format!("plugins.{id}.source");
    let source = match said.source.as_deref() {
        None | Some("builtin") => {
            let bytes = builtin::artifact(id).ok_or_else(|| {
                let known: Vec<&str> = builtin::ids().collect();
                let help =
                    format!("name a file with `source`; this build of honey has: {}", known.join(", "));
                Diagnostic::error("HNY0486", format!("no plugin `{id}` comes with honey"))
                    .with_help(help)
                    .at(at)
            })?;
            PluginSource::Bytes(Cow::Borrowed(bytes))
        }
        Some(path) => PluginSource::Path(base.join(path)),
    };
    let settings = Value::Object(said.settings.into_iter().collect());
    let grant = Grant {
        egress: said.egress,
        secrets: said.secrets,
        settings,
        ssh: said.ssh,
        memory_mib: said.memory_mib,
        timeout_seconds: said.timeout_seconds,
    };
    Ok(PluginSpec { id: id.to_owned(), source, grant, expected: lock.expected(id).cloned() })
}

/// The lock file beside the configuration; an empty one where there is none.
pub(super) fn lock_file(base: &Path) -> Result<LockFile, Failure> {
    let path = base.join(LOCK_FILE);
    if !path.exists() {
        return Ok(LockFile::default());
    }
    LockFile::read(&path).map_err(|error| {
        let text = format!("the lock file cannot be used: {}", error.problem);
        Failure::usage(
            Diagnostic::error("HNY0419", text)
                .with_help("`honey plugin lock` writes a new one when it is removed"),
        )
    })
}

async fn load_plugins(
    context: &Context,
    loaded: &Loaded,
    host: &PluginHost,
    base: &Path,
) -> Result<Vec<(String, Arc<Plugin>)>, Failure> {
    let config = &loaded.config;
    let lock = lock_file(base)?;
    let ids: Vec<String> = referenced(config).into_iter().collect();
    let needed = needed(config, loaded.instance.as_deref());
    let mut problems = Vec::new();
    let mut specifications = Vec::new();
    for id in &ids {
        match specification(config, &lock, id, base) {
            Ok(specification) => specifications.push(specification),
            Err(problem) => problems.push((id.clone(), problem)),
        }
    }
    let names: Vec<String> = specifications.iter().map(|specification| specification.id.clone()).collect();
    let mut plugins = Vec::new();
    for (id, answer) in names.into_iter().zip(host.load_all(specifications).await) {
        match answer {
            Ok(plugin) => plugins.push((id, plugin)),
            Err(error) => problems.push((id.clone(), finding(&id, error))),
        }
    }
    // What only another instance needs must not stop this one.
    let (fatal, others): (Vec<_>, Vec<_>) = problems.into_iter().partition(|(id, _)| needed.contains(id));
    let warning = |(_, finding): (String, Diagnostic)| Diagnostic {
        severity: honey_model::Severity::Warning,
        ..finding
    };
    context.output.warnings(&others.into_iter().map(warning).collect::<Vec<_>>(), &Context::reader());
    if fatal.is_empty() {
        Ok(plugins)
    } else {
        let findings = fatal.into_iter().map(|(_, mut finding)| {
            finding.source = loaded.locate(&finding.path);
            finding
        });
        Err(Failure::Diagnostics(crate::failure::Exit::Usage, findings.collect()))
    }
}

/// A plugin that cannot be loaded, as a finding about its table.
pub(super) fn finding(id: &str, error: PluginError) -> Diagnostic {
    let fault: Fault = error.into();
    let finding = Diagnostic::error(fault.code.clone(), fault.to_string()).at(format!("plugins.{id}"));
    match fault.help {
        Some(help) => finding.with_help(help),
        None => finding,
    }
}

/// What plugins that may look over ssh are told: what honey's own kinds see too.
struct FactsOverSsh {
    looks: Arc<HostLooks>,
    progress: Progress,
}

#[async_trait]
impl SshFacts for FactsOverSsh {
    async fn facts(
        &self,
        address: &str,
        port: u16,
        user: &str,
        identity: Option<&str>,
    ) -> Result<Value, Fault> {
        let target = HostTarget {
            address: address.to_owned(),
            port: (port != 0).then_some(port),
            user: (!user.is_empty()).then(|| user.to_owned()),
            identity: identity.map(str::to_owned),
            host_keys: Vec::new(),
        };
        let context = CallContext {
            operation_id: format!("facts:{address}"),
            owner: String::new(),
            address: Address::of(&["host", "facts"]),
            deadline: std::time::Duration::from_mins(1),
            cancel: honey_ports::call::Cancel::default(),
            progress: self.progress.clone(),
            checkpoint: Arc::new(NoCheckpoint),
        };
        let facts = self.looks.facts(&context, &target).await?;
        // honey's own files are no matter of a plugin.
        let facts = Facts { files: std::collections::BTreeMap::new(), ..facts };
        serde_json::to_value(facts)
            .map_err(|error| Fault::new(FaultClass::Internal, "HNY0001", format!("facts: {error}")))
    }
}
