//! `kubeconfig`: the operator's way into the cluster (runbook 6.5, 8): pulled
//! from a server, addresses rewritten, named after the cluster, kept as a
//! secret. Falls over between servers.

use std::sync::Arc;

use async_trait::async_trait;
use honey_model::{Digest, Fault, FaultClass, Found, KindSchema, Ownership, Secret};
use honey_ports::{Applied, ApplyAction, ApplyRequest, CallContext, Target};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Kind,
    connect::{Connections, Machine, SshSettings, secret_name},
    host::no_address,
    locator, typed,
};

const KUBECONFIG_PATH: &str = "/etc/rancher/k3s/k3s.yaml";
/// The extension under which all servers are listed, for falling over.
const SERVERS_EXTENSION: &str = "honey.servers";

pub(super) struct Kubeconfig(pub(super) Arc<Connections>);

#[derive(Deserialize)]
struct Desired {
    servers: Vec<Option<Machine>>,
    #[serde(default)]
    ssh: SshSettings,
    context: String,
    secret: String,
}

impl Desired {
    fn urls(&self) -> Vec<String> {
        let address = |machine: &Option<Machine>| machine.as_ref()?.ipv4.clone();
        self.servers.iter().filter_map(address).map(|ip| format!("https://{ip}:6443")).collect()
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
                ("servers".to_owned(), locator("The servers' machines")),
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
        let rewritten = rewrite(&pulled, &desired)?;
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
                host.read(context, KUBECONFIG_PATH, 64 * 1024).await
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

/// k3s writes `https://127.0.0.1:6443` and calls everything `default`.
fn rewrite(text: &Secret, desired: &Desired) -> Result<Secret, Fault> {
    let mut document: Value =
        serde_norway::from_str(text.expose_str().ok_or_else(malformed)?).map_err(|_| malformed())?;
    let urls = desired.urls();
    let first = urls.first().ok_or_else(no_address)?;
    let name = &desired.context;
    for (list, inner) in [("clusters", "cluster"), ("users", "user"), ("contexts", "context")] {
        let entry = document.pointer_mut(&format!("/{list}/0")).ok_or_else(malformed)?;
        entry["name"] = json!(name);
        if !entry[inner].is_object() {
            return Err(malformed());
        }
    }
    document["clusters"][0]["cluster"]["server"] = json!(first);
    document["clusters"][0]["cluster"]["extensions"] =
        json!([{ "name": SERVERS_EXTENSION, "extension": { "servers": urls } }]);
    document["contexts"][0]["context"]["cluster"] = json!(name);
    document["contexts"][0]["context"]["user"] = json!(name);
    document["current-context"] = json!(name);
    serde_norway::to_string(&document).map(Secret::new).map_err(|_| malformed())
}

/// What is stored, in the shape of the desired value. No key or certificate of a client leaves this function.
fn found(raw: &Value, desired: &Desired, text: &Secret) -> Option<Found> {
    let document: Value = serde_norway::from_str(text.expose_str()?).ok()?;
    let cluster = document.pointer("/clusters/0/cluster")?;
    let authority = cluster.get("certificate-authority-data")?.as_str()?;
    let mut attributes = raw.clone();
    attributes["context"] = document["current-context"].clone();
    let stored = cluster.pointer("/extensions/0/extension/servers").cloned().unwrap_or(Value::Null);
    if stored != json!(desired.urls()) {
        attributes["addresses"] = stored;
    }
    attributes["cluster_ca"] = json!(authority_digest(authority));
    let outputs = json!({ "secret": desired.secret, "context": desired.context });
    Some(Found { id: desired.secret.clone(), attributes, outputs, ownership: Ownership::Ours })
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

    use super::{Desired, found, rewrite};
    use serde_json::json;

    const PULLED: &str = "apiVersion: v1\nkind: Config\nclusters:\n- name: default\n  cluster:\n    server: https://127.0.0.1:6443\n    certificate-authority-data: Y2E=\ncontexts:\n- name: default\n  context: {cluster: default, user: default}\ncurrent-context: default\nusers:\n- name: default\n  user: {client-key-data: a2V5}\n";

    fn desired() -> Desired {
        serde_json::from_value(json!({
            "servers": [{"ipv4": "51.81.83.33"}, {"ipv4": "51.81.87.86"}],
            "context": "honeydue-ovh", "secret": "honey.ovh.kubeconfig",
        }))
        .unwrap()
    }

    #[test]
    fn addresses_and_names_are_rewritten_and_no_key_is_told() {
        let rewritten = rewrite(&Secret::new(PULLED), &desired()).unwrap();
        let text = rewritten.expose_str().unwrap();
        assert!(
            text.contains("server: https://51.81.83.33:6443")
                && text.contains("current-context: honeydue-ovh")
        );
        assert!(!text.contains("127.0.0.1"));
        let found = found(&json!({}), &desired(), &rewritten).unwrap();
        assert!(!serde_json::to_string(&found).unwrap().contains("a2V5"));
        assert!(found.attributes.get("addresses").is_none());
    }

    #[test]
    fn what_is_no_kubeconfig_is_refused() {
        for text in ["", "[]", "clusters: 3", "clusters: [{}]"] {
            assert!(rewrite(&Secret::new(text), &desired()).is_err(), "{text}");
        }
    }
}
