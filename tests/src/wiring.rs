//! A session for a lab's folder, wired as the `honey` binary wires it: the same
//! ports, the same plugins, the same configuration. Only the store is wrapped.

use std::{collections::BTreeMap, collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use honey_config::{Config, LoadOptions, schema::SecretOrigin};
use honey_flow::{HostLooks, Ports, Session};
use honey_model::{Address, Fault, FaultClass, SecretName};
use honey_plugin_host::{Grant, HostSettings, PluginHost, PluginSource, PluginSpec, SshFacts};
use honey_ports::{
    CallContext, Driver, Progress, Secrets,
    call::{Cancel, NoCheckpoint},
    capability::Capabilities,
    host::{HostTarget, Hosts},
    store::StateStore,
};
use honey_state::{Options, Source, Sources, Store, Vault};
use serde_json::Value;

use crate::{Failure, artifacts};

/// Wires the configuration in `folder`; `wrap` is put around its store.
pub async fn wire(
    folder: &Path,
    wrap: impl FnOnce(Arc<dyn StateStore>) -> Arc<dyn StateStore>,
) -> Result<Session, Failure> {
    let loaded = honey_config::load(LoadOptions {
        path: folder.join("honey.toml"),
        instance: None,
        profile: None,
        environment: Vec::new(),
        overrides: Vec::new(),
        built_in: None,
    })
    .map_err(|findings| format!("{findings:?}"))?;
    let base = std::path::absolute(folder)?;
    let config = Arc::new(loaded.config.clone());
    let state_folder = base.join(&config.state.directory);
    // The machine's own name, so that the next process sees that this one is gone.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let mut options = Options::new(format!("operator@{}", host.trim()));
    options.keep = config.state.keep as usize;
    let store = wrap(Arc::new(Store::local(&state_folder, options)?));
    let secrets: Arc<dyn Secrets> =
        Arc::new(Vault::open(&state_folder.join("secrets"), sources(&config, &base)?)?);
    let ssh = honey_ssh::SshOptions::new(state_folder.join("known-hosts"));
    let hosts: Arc<dyn Hosts> = Arc::new(honey_ssh::SshHosts::new(ssh));
    let plugins = artifacts::plugins();
    let looks = Arc::new(HostLooks::new(hosts.clone(), &base));
    let host = PluginHost::new(HostSettings {
        // Compiled once for all processes of a proof.
        cache_directory: plugins.parent().map(|target| target.join("crash-cache")),
        ssh_facts: Some(Arc::new(Facts(looks.clone()))),
        ..HostSettings::new(secrets.clone())
    })?;
    let ids = referenced(&config);
    let wanted = ids.iter().map(|id| specification(&config, id, &plugins)).collect();
    let mut drivers: BTreeMap<String, Arc<dyn Driver>> = BTreeMap::new();
    let mut capabilities: BTreeMap<String, Arc<dyn Capabilities>> = BTreeMap::new();
    for (id, plugin) in ids.iter().zip(host.load_all(wanted).await) {
        let plugin = plugin?;
        drivers.insert(id.clone(), plugin.clone());
        capabilities.insert(id.clone(), plugin);
    }
    let clusters = Arc::new(honey_kube::KubeClusters);
    let ports = Ports { drivers, capabilities, hosts, looks, clusters, secrets, store };
    Ok(Session::new(config, base, env!("CARGO_PKG_VERSION"), ports, Progress::silent(), Cancel::default()))
}

fn sources(config: &Config, base: &Path) -> Result<Sources, Failure> {
    let mut named = BTreeMap::new();
    for (name, source) in &config.secrets {
        let raw = source.raw;
        let source = match source.origin() {
            Some(SecretOrigin::Env(variable)) => Source::Env { variable: variable.to_owned(), raw },
            Some(SecretOrigin::File(path)) => Source::File { path: base.join(path), raw },
            Some(SecretOrigin::Generate(length)) => Source::Generate(length as usize),
            // Loading refuses what names none or several.
            None => continue,
        };
        named.insert(SecretName::new(name)?, source);
    }
    Ok(Sources { named, environment: Arc::new(|_| None) })
}

fn referenced(config: &Config) -> BTreeSet<String> {
    let mut ids: BTreeSet<String> = config.plugins.keys().cloned().collect();
    ids.extend(config.instances.values().map(|instance| instance.plugin.clone()));
    ids
}

fn specification(config: &Config, id: &str, plugins: &Path) -> PluginSpec {
    let said = config.plugins.get(id).cloned().unwrap_or_default();
    let grant = Grant {
        egress: said.egress,
        secrets: said.secrets,
        settings: Value::Object(said.settings.into_iter().collect()),
        ssh: said.ssh,
        memory_mib: said.memory_mib,
        timeout_seconds: said.timeout_seconds,
    };
    let source = PluginSource::Path(plugins.join(format!("{id}.wasm")));
    PluginSpec { id: id.to_owned(), source, grant, expected: None }
}

struct Facts(Arc<HostLooks>);

#[async_trait]
impl SshFacts for Facts {
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
            deadline: Duration::from_mins(1),
            cancel: Cancel::default(),
            progress: Progress::silent(),
            checkpoint: Arc::new(NoCheckpoint),
        };
        let facts = self.0.facts(&context, &target).await?;
        serde_json::to_value(facts)
            .map_err(|error| Fault::new(FaultClass::Internal, "HNY0001", error.to_string()))
    }
}
