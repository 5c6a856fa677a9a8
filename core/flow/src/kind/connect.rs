//! Connections to hosts and clusters that the kinds share during a run.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use honey_model::{Fault, FaultClass, Secret, SecretName};
use honey_ports::{
    CallContext, Secrets,
    cluster::{Cluster, Clusters},
    host::{Facts, Host, HostTarget, Hosts, K3sBinary, Step, Tunnel},
    store::StateStore,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{HostLooks, Ports, kubeconfig};

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
    looks: Arc<HostLooks>,
    /// By the name of the kubeconfig. Each has a lock of its own: a cluster that lets us wait
    /// keeps nobody from another one.
    open: Mutex<HashMap<String, Arc<Mutex<Option<OpenCluster>>>>>,
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
    /// What single machines have of their own, by the address that the configuration gives them.
    pub(crate) machines: BTreeMap<String, SshSettings>,
}

impl Machine {
    /// Where ssh goes; none while the address is not known.
    pub(crate) fn target(&self, ssh: &SshSettings) -> Option<HostTarget> {
        let address = self.ssh_host.clone().or_else(|| self.ipv4.clone()).or_else(|| self.ipv6.clone())?;
        let own = ssh.machines.get(&address);
        let text = |of: fn(&SshSettings) -> &Option<String>| {
            own.and_then(|own| of(own).clone()).or_else(|| of(ssh).clone())
        };
        Some(HostTarget {
            port: own.and_then(|own| own.port).or(ssh.port).or(self.ssh_port),
            user: text(|ssh| &ssh.user).or_else(|| self.user.clone()),
            identity: text(|ssh| &ssh.identity),
            host_keys: self.host_keys.clone(),
            address,
        })
    }
}

impl Connections {
    pub(crate) fn new(ports: &Ports) -> Self {
        Self {
            hosts: ports.hosts.clone(),
            clusters: ports.clusters.clone(),
            secrets: ports.secrets.clone(),
            store: ports.store.clone(),
            looks: ports.looks.clone(),
            open: Mutex::default(),
        }
    }

    /// The host behind a target.
    pub(crate) async fn host(
        &self,
        context: &CallContext,
        target: &HostTarget,
    ) -> Result<Arc<dyn Host>, Fault> {
        self.hosts.connect(context, &self.looks.localised(target)).await
    }

    /// A machine that is gone takes its host key with it.
    pub(crate) async fn forget(&self, target: &HostTarget) -> Result<(), Fault> {
        self.looks.forget(target).await;
        self.hosts.forget(&self.looks.localised(target)).await
    }

    /// The host's facts; one round trip for all who ask.
    pub(crate) async fn facts(&self, context: &CallContext, target: &HostTarget) -> Result<Facts, Fault> {
        self.looks.facts(context, target).await
    }

    /// What is known of a host already; asks nobody.
    pub(crate) async fn known_facts(&self, target: &HostTarget) -> Option<Facts> {
        self.looks.known(target).await
    }

    /// The host's facts as they are now.
    pub(crate) async fn fresh_facts(
        &self,
        context: &CallContext,
        target: &HostTarget,
    ) -> Result<Facts, Fault> {
        self.looks.forget(target).await;
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
                let binary = K3sBinary::Local { path: self.looks.local(path), sha256: sha256.clone() };
                Step::K3s { version: version.clone(), binary, role: *role }
            }
            other => other.clone(),
        };
        let steps: Vec<Step> = steps.iter().map(local).collect();
        let outcome = host.run(context, &steps).await;
        self.looks.forget(target).await;
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
        let place = self.open.lock().await.entry(kubeconfig.to_owned()).or_default().clone();
        let mut open = place.lock().await;
        if let Some(known) = open.as_ref().filter(|known| known.digest == digest) {
            return Ok(known.client.clone());
        }
        let targets = kubeconfig::tunnel(&text);
        let (client, tunnel) = if targets.is_empty() {
            (self.clusters.connect(&text).await?, None)
        } else {
            self.cluster_through(context, &text, &targets).await.map(|(client, way)| (client, Some(way)))?
        };
        *open = Some(OpenCluster { digest, client: client.clone(), _tunnel: tunnel });
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
        let targets: Vec<HostTarget> = targets.iter().map(|target| self.looks.localised(target)).collect();
        self.hosts.tunnel(context, &targets, listen, kubeconfig::API_PORT).await
    }

    /// A value's bytes: text with secrets, or a pull secret's document.
    pub(crate) async fn secret_value(&self, value: &Value) -> Result<Option<Secret>, Fault> {
        let Some(registry) = value.get("$registry") else { return self.reveal(value).await };
        let text = |key: &str| registry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let Some(password) = self.reveal(&registry["password"]).await? else { return Ok(None) };
        let password = password.expose_str().ok_or_else(|| {
            let text = "the password of a registry is not text";
            Fault::new(FaultClass::Invalid, "HNY0122", text).with_help("use a secret there that is text")
        })?;
        let user = text("username");
        let basic = STANDARD.encode(format!("{user}:{password}"));
        let document =
            json!({ "auths": { text("host"): { "username": user, "password": password, "auth": basic } } });
        Ok(Some(Secret::new(document.to_string())))
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
                for piece in &pieces {
                    joined.extend_from_slice(piece.expose());
                }
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

#[cfg(test)]
mod tests {
    use super::{Machine, SshSettings};
    use serde_json::json;

    #[test]
    fn a_machine_may_be_reached_in_a_way_of_its_own() {
        let ssh: SshSettings = serde_json::from_value(json!({
            "user": "ubuntu", "port": null, "identity": "all",
            "machines": { "192.0.2.7": { "identity": "its-own", "port": 2222 }, "box": { "user": "admin" } },
        }))
        .unwrap();
        let reached = |machine: serde_json::Value| {
            let machine: Machine = serde_json::from_value(machine).unwrap();
            let target = machine.target(&ssh).unwrap();
            (target.user.unwrap(), target.port, target.identity.unwrap())
        };
        let own = reached(json!({ "ipv4": "192.0.2.7", "user": "root", "ssh_port": 22 }));
        assert_eq!(own, ("ubuntu".to_owned(), Some(2222), "its-own".to_owned()));
        let alias = reached(json!({ "ssh_host": "box", "ipv4": "192.0.2.8" }));
        assert_eq!(alias, ("admin".to_owned(), None, "all".to_owned()));
        let other = reached(json!({ "ipv4": "192.0.2.9", "ssh_port": 22 }));
        assert_eq!(other, ("ubuntu".to_owned(), Some(22), "all".to_owned()));
    }
}
