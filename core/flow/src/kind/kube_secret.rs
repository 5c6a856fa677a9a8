//! `kube-secret`: a Kubernetes secret made from named secrets (runbook 6.8).
//!
//! Plan, state and journal hold names and templates; values meet only here, on
//! their way to the cluster. Every value is compared by its keyed digest, a key
//! that nobody wants or that is missing counts as a difference.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use honey_model::{
    Fault, FaultClass, Field, Found, KindSchema, Ownership, Secret, kubernetes::ObjectIdentity,
};
use honey_ports::{
    Applied, ApplyAction, ApplyRequest, CallContext, Target,
    cluster::{Cluster, ObjectName},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Kind,
    connect::Connections,
    kube_object::{TAKES_OVER, shown_owners},
    locator, typed,
};

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
        let data = Field { complete: true, sensitive: true, ..Field::default() };
        KindSchema {
            kind: "kube-secret".to_owned(),
            version: 1,
            description: "A secret of the cluster".to_owned(),
            fields: [
                ("kubeconfig".to_owned(), locator("Which cluster")),
                ("type".to_owned(), immutable),
                ("data".to_owned(), data),
            ]
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
        attributes["labels"] = labels(&desired, &live);
        attributes["data"] = self.compare(&desired, live.get("data")).await?;
        if attributes != *raw
            && attributes["type"] == raw["type"]
            && let Ok(object) = self.object(&desired).await
        {
            let owners = cluster.owners_in_the_way(context, &object).await?;
            if !owners.is_empty() {
                attributes[TAKES_OVER] = json!(owners);
            }
        }
        Ok(Some(found(&desired, attributes)))
    }

    async fn apply(&self, context: &CallContext, request: &ApplyRequest<'_>) -> Result<Applied, Fault> {
        let from = if request.action == ApplyAction::Delete { request.prior } else { request.desired };
        let desired: Desired = typed(from)?;
        let cluster = self.0.cluster(context, desired.kubeconfig.as_deref().ok_or_else(unknown)?).await?;
        if matches!(request.action, ApplyAction::Delete | ApplyAction::Replace) {
            cluster.delete(context, &desired.object_name()).await?;
            if request.action == ApplyAction::Delete {
                return Ok(None);
            }
        }
        let object = self.object(&desired).await?;
        let applied = cluster.apply_taking_over(context, &object, &shown_owners(request)).await?;
        self.remove_surplus(context, cluster.as_ref(), &desired, &applied).await?;
        Ok(Some(found(&desired, request.desired.cloned().unwrap_or(Value::Null))))
    }
}

impl KubeSecret {
    /// The object with its values: for the API alone.
    async fn object(&self, desired: &Desired) -> Result<Value, Fault> {
        let mut data = Map::new();
        for (key, value) in &desired.data {
            let bytes = self.0.secret_value(value).await?.ok_or_else(unknown)?;
            data.insert(key.clone(), json!(STANDARD.encode(bytes.expose())));
        }
        Ok(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": desired.name, "namespace": desired.namespace, "labels": desired.labels },
            "type": desired.secret_type,
            "data": data,
        }))
    }

    /// Keys that somebody else added stay with a server-side apply: they are taken out by name.
    async fn remove_surplus(
        &self,
        context: &CallContext,
        cluster: &dyn Cluster,
        desired: &Desired,
        applied: &Value,
    ) -> Result<(), Fault> {
        let held = applied.get("data").and_then(Value::as_object);
        let surplus: Map<String, Value> = held
            .into_iter()
            .flat_map(Map::keys)
            .filter(|key| !desired.data.contains_key(*key))
            .map(|key| (key.clone(), Value::Null))
            .collect();
        if surplus.is_empty() {
            return Ok(());
        }
        cluster.merge_patch(context, &desired.object_name(), &json!({ "data": surplus })).await
    }

    /// The desired data where the cluster holds the same bytes; a keyed digest where it does not.
    async fn compare(&self, desired: &Desired, live: Option<&Value>) -> Result<Value, Fault> {
        let key = self.0.secrets.fingerprint_key().await?;
        let mut seen = Map::new();
        for (name, encoded) in live.and_then(Value::as_object).into_iter().flatten() {
            let held = Secret::new(STANDARD.decode(encoded.as_str().unwrap_or_default()).unwrap_or_default());
            let held = held.fingerprint(&key);
            let template = desired.data.get(name);
            let wanted = match template {
                Some(template) => self.0.secret_value(template).await.ok().flatten(),
                None => None,
            };
            let same = wanted.is_some_and(|wanted| wanted.fingerprint(&key) == held);
            let shown = template.filter(|_| same).cloned().unwrap_or_else(|| json!(held));
            seen.insert(name.clone(), shown);
        }
        Ok(Value::Object(seen))
    }
}

fn unknown() -> Fault {
    Fault::new(FaultClass::Internal, "HNY0001", "a secret without its cluster or its values")
}

/// Those of the live labels that are wanted.
fn labels(desired: &Desired, live: &Value) -> Value {
    let there = live.pointer("/metadata/labels").and_then(Value::as_object);
    let wanted = |(key, _): &(&String, &Value)| desired.labels.contains_key(*key);
    let kept = there.into_iter().flatten().filter(wanted).map(|(key, value)| (key.clone(), value.clone()));
    Value::Object(kept.collect())
}

fn found(desired: &Desired, attributes: Value) -> Found {
    let identity = ObjectIdentity {
        group: String::new(),
        kind: "Secret".to_owned(),
        namespace: Some(desired.namespace.clone()),
        name: desired.name.clone(),
    };
    Found::new(identity.to_string(), attributes, json!({ "name": desired.name }), Ownership::Ours)
}
