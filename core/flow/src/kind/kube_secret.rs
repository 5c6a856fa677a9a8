//! `kube-secret`: a Kubernetes secret made from named secrets (runbook 6.8).
//!
//! Plan, state and journal hold names and templates; values meet only here, on
//! their way to the cluster. Drift is found by keyed digest of each value.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use honey_model::{Fault, FaultClass, Field, Found, KindSchema, Ownership, Secret};
use honey_ports::{Applied, ApplyAction, ApplyRequest, CallContext, Target, cluster::ObjectName};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Kind, connect::Connections, locator, typed};

pub(super) struct KubeSecret(pub(super) Arc<Connections>);

#[derive(Deserialize)]
struct Desired {
    kubeconfig: Option<String>,
    namespace: String,
    name: String,
    #[serde(rename = "type")]
    secret_type: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    data: BTreeMap<String, Value>,
}

impl Desired {
    fn object_name(&self) -> ObjectName {
        ObjectName {
            api_version: "v1".to_owned(),
            kind: "Secret".to_owned(),
            namespace: Some(self.namespace.clone()),
            name: self.name.clone(),
        }
    }
}

#[async_trait]
impl Kind for KubeSecret {
    fn schema(&self) -> KindSchema {
        let immutable =
            Field { immutable: Some("Kubernetes fixes a secret's type".to_owned()), ..Field::default() };
        KindSchema {
            kind: "kube-secret".to_owned(),
            version: 1,
            description: "A secret of the cluster".to_owned(),
            fields: [("kubeconfig".to_owned(), locator("Which cluster")), ("type".to_owned(), immutable)]
                .into(),
            ..KindSchema::default()
        }
    }

    async fn read(&self, context: &CallContext, target: &Target<'_>) -> Result<Option<Found>, Fault> {
        let Some(raw) = target.desired else { return Ok(None) };
        let desired: Desired = typed(Some(raw))?;
        let Some(kubeconfig) = &desired.kubeconfig else { return Ok(None) };
        let cluster = self.0.cluster(context, kubeconfig).await?;
        let Some(live) = cluster.get(context, &desired.object_name()).await? else { return Ok(None) };
        let mut attributes = raw.clone();
        attributes["type"] = live.get("type").cloned().unwrap_or(Value::Null);
        attributes["data"] = self.compare(&desired, live.get("data")).await?;
        Ok(Some(found(&desired, attributes)))
    }

    async fn apply(&self, context: &CallContext, request: &ApplyRequest<'_>) -> Result<Applied, Fault> {
        let from = if request.action == ApplyAction::Delete { request.prior } else { request.desired };
        let desired: Desired = typed(from)?;
        let missing = || Fault::new(FaultClass::Internal, "HNY0001", "a secret without its cluster");
        let cluster = self.0.cluster(context, desired.kubeconfig.as_deref().ok_or_else(missing)?).await?;
        if matches!(request.action, ApplyAction::Delete | ApplyAction::Replace) {
            cluster.delete(context, &desired.object_name()).await?;
            if request.action == ApplyAction::Delete {
                return Ok(None);
            }
        }
        let mut data = Map::new();
        for (key, value) in &desired.data {
            let bytes = self.value(value).await?.ok_or_else(missing)?;
            data.insert(key.clone(), json!(STANDARD.encode(bytes.expose())));
        }
        let object = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": desired.name, "namespace": desired.namespace, "labels": desired.labels },
            "type": desired.secret_type,
            "data": data,
        });
        cluster.apply(context, &object, request.action == ApplyAction::Adopt).await?;
        Ok(Some(found(&desired, request.desired.cloned().unwrap_or(Value::Null))))
    }
}

impl KubeSecret {
    /// A value's bytes: text with secrets, or a pull secret's document.
    async fn value(&self, value: &Value) -> Result<Option<Secret>, Fault> {
        let Some(registry) = value.get("$registry") else { return self.0.reveal(value).await };
        let text = |key: &str| registry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let Some(password) = self.0.reveal(&registry["password"]).await? else { return Ok(None) };
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

    /// The desired data where the cluster holds the same bytes; a mark where it does not.
    async fn compare(&self, desired: &Desired, live: Option<&Value>) -> Result<Value, Fault> {
        let key = self.0.secrets.fingerprint_key().await?;
        let mut seen = Map::new();
        for (name, encoded) in live.and_then(Value::as_object).into_iter().flatten() {
            let Some(template) = desired.data.get(name) else {
                seen.insert(name.clone(), json!({ "unexpected": true }));
                continue;
            };
            let held = Secret::new(STANDARD.decode(encoded.as_str().unwrap_or_default()).unwrap_or_default());
            let wanted = self.value(template).await.ok().flatten();
            let same = wanted.is_some_and(|wanted| wanted.fingerprint(&key) == held.fingerprint(&key));
            let shown =
                if same { template.clone() } else { json!({ "fingerprint": held.fingerprint(&key) }) };
            seen.insert(name.clone(), shown);
        }
        Ok(Value::Object(seen))
    }
}

fn found(desired: &Desired, attributes: Value) -> Found {
    let id = format!("v1/Secret/{}/{}", desired.namespace, desired.name);
    Found { id, attributes, outputs: json!({ "name": desired.name }), ownership: Ownership::Ours }
}
