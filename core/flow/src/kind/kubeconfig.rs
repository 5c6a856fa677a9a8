//! `kubeconfig`: the operator's way into the cluster (runbook 6.5, 8): pulled
//! from a server, addresses rewritten, named after the cluster, kept as a
//! secret. Falls over between servers.

use std::sync::Arc;

use async_trait::async_trait;
use honey_model::{Digest, Fault, FaultClass, Found, KindSchema, Ownership, Secret};
use honey_ports::{Applied, ApplyAction, ApplyRequest, CallContext, Target, host::HostTarget};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Kind,
    connect::{Connections, Machine, SshSettings, secret_name},
    host::no_address,
    locator, typed,
};
use crate::kubeconfig::{self, API_PORT, PATH, Reach};

pub(super) struct Kubeconfig(pub(super) Arc<Connections>);

#[derive(Deserialize)]
struct Desired {
    servers: Vec<Option<Machine>>,
    #[serde(default)]
    ssh: SshSettings,
    context: String,
    secret: String,
    /// Whether the API is reached through ssh.
    #[serde(default)]
    tunnel: bool,
}

impl Desired {
    fn urls(&self) -> Vec<String> {
        let address = |machine: &Option<Machine>| machine.as_ref()?.ipv4.clone();
        self.servers.iter().filter_map(address).map(|ip| format!("https://{ip}:{API_PORT}")).collect()
    }

    fn targets(&self) -> Vec<HostTarget> {
        let machines = self.servers.iter().flatten();
        machines.filter(|_| self.tunnel).filter_map(|machine| machine.target(&self.ssh)).collect()
    }
}

#[async_trait]
impl Kind for Kubeconfig {
    fn schema(&self) -> KindSchema {
        KindSchema {
            kind: "kubeconfig".to_owned(),
            version: 1,
            description: "Administrator's access to the cluster".to_owned(),
            fields: [
                ("ssh".to_owned(), locator("How to reach them")),
                ("secret".to_owned(), locator("Where it is kept")),
            ]
            .into(),
            ..KindSchema::default()
        }
    }

    async fn read(&self, _context: &CallContext, target: &Target<'_>) -> Result<Option<Found>, Fault> {
        let Some(raw) = target.desired else { return Ok(None) };
        let desired: Desired = typed(Some(raw))?;
        let Ok(text) = self.0.secret(&desired.secret).await else { return Ok(None) };
        Ok(found(raw, &desired, &text))
    }

    async fn apply(&self, context: &CallContext, request: &ApplyRequest<'_>) -> Result<Applied, Fault> {
        let desired: Result<Desired, Fault> = typed(request.desired);
        if request.action == ApplyAction::Delete {
            if let Some(id) = request.id {
                self.0.secrets.forget(&secret_name(id)?).await?;
            }
            return Ok(None);
        }
        let desired = desired?;
        let pulled = self.pull(context, &desired).await?;
        let (urls, tunnel) = (desired.urls(), desired.targets());
        if urls.is_empty() {
            return Err(no_address());
        }
        let reach = Reach { name: &desired.context, urls: &urls, tunnel: &tunnel };
        let rewritten = kubeconfig::rewrite(&pulled, &reach)?;
        self.0.secrets.put(&secret_name(&desired.secret)?, &rewritten).await?;
        let raw = request.desired.unwrap_or(&Value::Null);
        found(raw, &desired, &rewritten).map(Some).ok_or_else(malformed)
    }
}

impl Kubeconfig {
    /// From the first server that answers.
    async fn pull(&self, context: &CallContext, desired: &Desired) -> Result<Secret, Fault> {
        let mut last = no_address();
        for machine in desired.servers.iter().flatten() {
            let Some(target) = machine.target(&desired.ssh) else { continue };
            let read = async {
                let host = self.0.host(context, &target).await?;
                host.read(context, PATH, 64 * 1024).await
            };
            match read.await {
                Ok(Some(text)) => return Ok(text),
                Ok(None) => {
                    last = Fault::new(
                        FaultClass::NotFound,
                        "HNY0585",
                        format!("{} has no kubeconfig", target.address),
                    );
                }
                Err(fault) => last = fault,
            }
        }
        Err(last)
    }
}

fn malformed() -> Fault {
    Fault::new(FaultClass::Malformed, "HNY0586", "the server's kubeconfig cannot be understood")
        .with_help("look at /etc/rancher/k3s/k3s.yaml on the first server")
}

/// What is stored, in the shape of the desired value. No key or certificate of a client leaves this function.
fn found(raw: &Value, desired: &Desired, text: &Secret) -> Option<Found> {
    let document: Value = serde_norway::from_str(text.expose_str()?).ok()?;
    let cluster = document.pointer("/clusters/0/cluster")?;
    let authority = cluster.get("certificate-authority-data")?.as_str()?;
    let mut attributes = raw.clone();
    attributes["context"] = document["current-context"].clone();
    let stored = kubeconfig::urls(&document);
    if stored != json!(desired.urls()) {
        attributes["servers"] = stored;
    }
    let through = kubeconfig::tunnel(text);
    if through != desired.targets() {
        attributes["tunnel"] = json!(!through.is_empty() && !desired.tunnel);
    }
    attributes["cluster_ca"] = json!(authority_digest(authority));
    let outputs = json!({ "secret": desired.secret, "context": desired.context });
    Some(Found::new(desired.secret.clone(), attributes, outputs, Ownership::Ours))
}

/// Digest of the authority's certificate as the hosts report it: over the PEM text.
fn authority_digest(base64_text: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64_text).unwrap_or_default();
    Digest::of_bytes(&bytes).to_string()
}

#[cfg(test)]
mod tests {
    use honey_model::Secret;

    use super::{Desired, found};
    use crate::kubeconfig::{Reach, rewrite};
    use serde_json::json;

    const PULLED: &str = "apiVersion: v1\nkind: Config\nclusters:\n- name: default\n  cluster:\n    server: https://127.0.0.1:6443\n    certificate-authority-data: Y2E=\ncontexts:\n- name: default\n  context: {cluster: default, user: default}\ncurrent-context: default\nusers:\n- name: default\n  user: {client-key-data: a2V5}\n";

    fn desired(tunnel: bool) -> Desired {
        serde_json::from_value(json!({
            "servers": [{"ipv4": "51.81.83.33"}, {"ipv4": "51.81.87.86"}],
            "context": "honeydue-ovh", "secret": "honey.ovh.kubeconfig", "tunnel": tunnel,
        }))
        .unwrap()
    }

    fn stored(desired: &Desired) -> Secret {
        let (urls, tunnel) = (desired.urls(), desired.targets());
        let reach = Reach { name: &desired.context, urls: &urls, tunnel: &tunnel };
        rewrite(&Secret::new(PULLED), &reach).unwrap()
    }

    #[test]
    fn no_key_is_told_and_only_another_access_differs() {
        let open = desired(false);
        let same = found(&json!({}), &open, &stored(&open)).unwrap();
        assert!(!serde_json::to_string(&same).unwrap().contains("a2V5"));
        assert!(same.attributes.get("servers").is_none() && same.attributes.get("tunnel").is_none());
        let closed = desired(true);
        let same = found(&json!({"tunnel": true}), &closed, &stored(&closed)).unwrap();
        assert_eq!(same.attributes["tunnel"], true);
        let other = found(&json!({"tunnel": true}), &closed, &stored(&open)).unwrap();
        assert_eq!(other.attributes["tunnel"], false);
        let other = found(&json!({}), &open, &stored(&closed)).unwrap();
        assert_eq!(other.attributes["tunnel"], true);
    }
}
