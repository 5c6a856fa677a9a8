//! Connections to hosts and clusters that the kinds share during a run, and
//! the facts of each host, read once until something changes it.

use std::{collections::HashMap, sync::Arc};

use honey_model::{Fault, FaultClass, Secret, SecretName};
use honey_ports::{
    CallContext, Secrets,
    cluster::{Cluster, Clusters},
    host::{Facts, Host, HostTarget, Hosts, K3sBinary, Step, Tunnel},
    store::StateStore,
};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};

use super::{clock, k3s_server::CONFIG_PATH};
use crate::{Ports, kubeconfig};

/// The kernel settings file that honey owns on a host.
pub(crate) const SYSCTL_PATH: &str = "/etc/sysctl.d/90-honey.conf";
/// The ssh daemon settings file that honey owns on a host.
pub(crate) const SSHD_PATH: &str = "/etc/ssh/sshd_config.d/10-honey.conf";
/// When a host looks for updates.
pub(crate) const UPGRADES_PATH: &str = "/etc/apt/apt.conf.d/20auto-upgrades";
/// What fail2ban guards, and where it reads.
pub(crate) const JAIL_PATH: &str = "/etc/fail2ban/jail.d/10-honey.local";
/// Says which server of which cluster honey made of a host.
pub(crate) const MARK_PATH: &str = "/var/lib/honey/server";

type FactsCell = Arc<OnceCell<Facts>>;

/// An open cluster.
struct OpenCluster {
    /// Digest of the kubeconfig it was made from.
    digest: String,
    client: Arc<dyn Cluster>,
    /// What the client goes through, where the API is closed.
    _tunnel: Option<Tunnel>,
}

/// Open connections, shared by all kinds of a run.
pub(crate) struct Connections {
    hosts: Arc<dyn Hosts>,
    clusters: Arc<dyn Clusters>,
    /// Secrets by name.
    pub secrets: Arc<dyn Secrets>,
    /// Where the active instance is recorded.
    pub store: Arc<dyn StateStore>,
    /// Where relative paths of the configuration start from.
    base: std::path::PathBuf,
    facts: Mutex<HashMap<HostTarget, FactsCell>>,
    open: Mutex<HashMap<String, OpenCluster>>,
}

/// How a machine is reached: its outputs, with the operator's settings over them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Machine {
    pub(crate) ipv4: Option<String>,
    pub(crate) ipv6: Option<String>,
    pub(crate) private_ipv4: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) ssh_port: Option<u16>,
    pub(crate) ssh_host: Option<String>,
    pub(crate) host_keys: Vec<String>,
    pub(crate) private_network: bool,
}

/// The operator's ssh settings for an instance.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SshSettings {
    pub(crate) user: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) identity: Option<String>,
}

impl Machine {
    /// Where ssh goes; none while the address is not known.
    pub(crate) fn target(&self, ssh: &SshSettings) -> Option<HostTarget> {
        Some(HostTarget {
            address: self.ssh_host.clone().or_else(|| self.ipv4.clone()).or_else(|| self.ipv6.clone())?,
            port: ssh.port.or(self.ssh_port),
            user: ssh.user.clone().or_else(|| self.user.clone()),
            identity: ssh.identity.clone(),
            host_keys: self.host_keys.clone(),
        })
    }
}

impl Connections {
    pub(crate) fn new(ports: &Ports, base: &std::path::Path) -> Self {
        Self {
            hosts: ports.hosts.clone(),
            clusters: ports.clusters.clone(),
            secrets: ports.secrets.clone(),
            store: ports.store.clone(),
            base: base.to_owned(),
            facts: Mutex::default(),
            open: Mutex::default(),
        }
    }

    /// The host behind a target.
    pub(crate) async fn host(
        &self,
        context: &CallContext,
        target: &HostTarget,
    ) -> Result<Arc<dyn Host>, Fault> {
        self.hosts.connect(context, &self.localised(target)).await
    }

    /// A target with its paths as this process reads them.
    fn localised(&self, target: &HostTarget) -> HostTarget {
        let identity = target.identity.as_deref().map(|path| self.local(path));
        HostTarget { identity, ..target.clone() }
    }

    /// A machine that is gone takes its host key with it.
    pub(crate) async fn forget(&self, target: &HostTarget) -> Result<(), Fault> {
        self.facts.lock().await.remove(target);
        self.hosts.forget(target).await
    }

    /// A path of the configuration as this process reads it; `~` is left to ssh.
    fn local(&self, path: &str) -> String {
        if path.starts_with('~') {
            path.to_owned()
        } else {
            self.base.join(path).to_string_lossy().into_owned()
        }
    }

    /// The host's facts; one round trip for all kinds that ask.
    pub(crate) async fn facts(&self, context: &CallContext, target: &HostTarget) -> Result<Facts, Fault> {
        let cell = self.facts.lock().await.entry(target.clone()).or_default().clone();
        let read = || async {
            let host = self.host(context, target).await?;
            let files =
                [CONFIG_PATH, SYSCTL_PATH, SSHD_PATH, UPGRADES_PATH, JAIL_PATH, MARK_PATH].map(str::to_owned);
            let mut facts = host.facts(context, &files).await?;
            facts.clock_ahead_seconds = facts.epoch_seconds.saturating_sub(clock::now());
            Ok(facts)
        };
        cell.get_or_try_init(read).await.cloned()
    }

    /// What is known of a host already; asks nobody.
    pub(crate) async fn known_facts(&self, target: &HostTarget) -> Option<Facts> {
        let cell = self.facts.lock().await.get(target).cloned()?;
        cell.get().cloned()
    }

    /// The host's facts as they are now.
    pub(crate) async fn fresh_facts(
        &self,
        context: &CallContext,
        target: &HostTarget,
    ) -> Result<Facts, Fault> {
        self.facts.lock().await.remove(target);
        self.facts(context, target).await
    }

    /// Applies steps and forgets the facts they may have changed.
    pub(crate) async fn run(
        &self,
        context: &CallContext,
        target: &HostTarget,
        steps: &[Step],
    ) -> Result<(), Fault> {
        let host = self.host(context, target).await?;
        let local = |step: &Step| match step {
            Step::K3s { version, binary: K3sBinary::Local { path, sha256 }, role } => {
                let binary = K3sBinary::Local { path: self.local(path), sha256: sha256.clone() };
                Step::K3s { version: version.clone(), binary, role: *role }
            }
            other => other.clone(),
        };
        let steps: Vec<Step> = steps.iter().map(local).collect();
        let outcome = host.run(context, &steps).await;
        self.facts.lock().await.remove(target);
        outcome.map(|_| ())
    }

    /// A secret by its text name.
    pub(crate) async fn secret(&self, name: &str) -> Result<Secret, Fault> {
        self.secrets.get(&secret_name(name)?).await
    }

    /// The cluster that a stored kubeconfig leads to, through ssh where it says so.
    pub(crate) async fn cluster(
        &self,
        context: &CallContext,
        kubeconfig: &str,
    ) -> Result<Arc<dyn Cluster>, Fault> {
        let text = self.secret(kubeconfig).await?;
        let digest = honey_model::Digest::of_bytes(text.expose()).to_string();
        let mut open = self.open.lock().await;
        if let Some(known) = open.get(kubeconfig).filter(|known| known.digest == digest) {
            return Ok(known.client.clone());
        }
        let targets = kubeconfig::tunnel(&text);
        let (client, tunnel) = if targets.is_empty() {
            (self.clusters.connect(&text).await?, None)
        } else {
            self.cluster_through(context, &text, &targets).await.map(|(client, way)| (client, Some(way)))?
        };
        let cluster = OpenCluster { digest, client: client.clone(), _tunnel: tunnel };
        open.insert(kubeconfig.to_owned(), cluster);
        Ok(client)
    }

    /// A cluster whose API is reached through ssh to one of these hosts.
    pub(crate) async fn cluster_through(
        &self,
        context: &CallContext,
        kubeconfig: &Secret,
        targets: &[HostTarget],
    ) -> Result<(Arc<dyn Cluster>, Tunnel), Fault> {
        let tunnel = self.tunnel(context, targets, 0).await?;
        let text = kubeconfig::at(kubeconfig, &format!("https://{}", tunnel.address))?;
        Ok((self.clusters.connect(&text).await?, tunnel))
    }

    /// A way to the API of the first of these hosts that answers.
    pub(crate) async fn tunnel(
        &self,
        context: &CallContext,
        targets: &[HostTarget],
        listen: u16,
    ) -> Result<Tunnel, Fault> {
        let targets: Vec<HostTarget> = targets.iter().map(|target| self.localised(target)).collect();
        self.hosts.tunnel(context, &targets, listen, kubeconfig::API_PORT).await
    }

    /// The bytes that a desired text with secrets stands for; `None` while part of it is unknown.
    pub(crate) async fn reveal(&self, value: &Value) -> Result<Option<Secret>, Fault> {
        if let Some(name) = honey_model::value::as_secret(value) {
            return self.secret(name).await.map(Some);
        }
        match value {
            Value::String(text) => Ok(Some(Secret::new(text.as_bytes()))),
            Value::Object(object) => {
                let Some(parts) = object.get("$concat").and_then(Value::as_array) else { return Ok(None) };
                let mut pieces = Vec::with_capacity(parts.len());
                for part in parts {
                    match Box::pin(self.reveal(part)).await? {
                        Some(piece) => pieces.push(piece),
                        None => return Ok(None),
                    }
                }
                // Sized beforehand: growing would leave copies behind that nobody wipes.
                let mut joined = Vec::with_capacity(pieces.iter().map(|piece| piece.expose().len()).sum());
                pieces.iter().for_each(|piece| joined.extend_from_slice(piece.expose()));
                Ok(Some(Secret::new(joined)))
            }
            _ => Ok(None),
        }
    }
}

/// A secret's name from text that honey wrote itself.
pub(crate) fn secret_name(name: &str) -> Result<SecretName, Fault> {
    SecretName::new(name).map_err(|error| Fault::new(FaultClass::Invalid, "HNY0780", error.to_string()))
}
