//! `kube-object`: any object of the cluster, by server-side apply.
//!
//! Drift is what a server-side dry run would change, so that defaults and
//! other managers' fields make no noise. An object that runs a singleton is
//! started only on the active instance: checked here, right before the call,
//! on every path.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use honey_model::{Active, Fault, FaultClass, Found, KindSchema, Ownership};
use honey_ports::{Applied, ApplyAction, ApplyRequest, CallContext, Target, cluster::ObjectName};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Kind, connect::Connections, locator, typed};

/// How long an object may take to become ready.
const READY_LIMIT: Duration = Duration::from_mins(15);

pub(super) struct KubeObject(pub(super) Arc<Connections>);

#[derive(Deserialize)]
struct Desired {
    kubeconfig: Option<String>,
    object: Value,
    /// Wait until it is ready before what depends on it goes on.
    #[serde(default)]
    wait: bool,
    /// Must run on the active instance only.
    #[serde(default)]
    singleton: bool,
    /// The instance this cluster belongs to.
    instance: String,
}

#[async_trait]
impl Kind for KubeObject {
    fn schema(&self) -> KindSchema {
        KindSchema {
            kind: "kube-object".to_owned(),
            version: 1,
            description: "An object of the cluster".to_owned(),
            fields: [
                ("kubeconfig".to_owned(), locator("Which cluster")),
                ("wait".to_owned(), locator("Whether others wait until it is ready")),
                ("instance".to_owned(), locator("Whose cluster it is")),
                ("singleton".to_owned(), locator("Runs on the active instance only")),
            ]
            .into(),
            ..KindSchema::default()
        }
    }

    async fn read(&self, context: &CallContext, target: &Target<'_>) -> Result<Option<Found>, Fault> {
        let Some(raw) = target.desired else { return Ok(None) };
        let desired: Desired = typed(Some(raw))?;
        let Some(kubeconfig) = &desired.kubeconfig else { return Ok(None) };
        let name = name_of(&desired.object)?;
        let cluster = self.0.cluster(context, kubeconfig).await?;
        let Some(live) = cluster.get(context, &name).await? else { return Ok(None) };
        let mut attributes = raw.clone();
        if let Some(would_be) = cluster.dry_run(context, &desired.object).await? {
            let live = normalised(live);
            let would_be = normalised(would_be);
            if live != would_be {
                attributes["object"] = project(&live, &desired.object);
                let gone = paths_only_in(&live, &would_be);
                if !gone.is_empty() {
                    attributes["removed"] = json!(gone);
                }
            }
        }
        Ok(Some(found(&name, attributes)))
    }

    async fn apply(&self, context: &CallContext, request: &ApplyRequest<'_>) -> Result<Applied, Fault> {
        if request.action == ApplyAction::Delete {
            return self.remove(context, request).await;
        }
        let desired: Desired = typed(request.desired)?;
        let kubeconfig = desired.kubeconfig.as_deref().ok_or_else(no_cluster)?;
        let name = name_of(&desired.object)?;
        if desired.singleton && runs(&desired.object) {
            self.refuse_second_singleton(&desired.instance, &name).await?;
        }
        let cluster = self.0.cluster(context, kubeconfig).await?;
        if request.action == ApplyAction::Replace {
            cluster.delete(context, &name).await?;
        }
        let force = request.action == ApplyAction::Adopt;
        cluster.apply(context, &desired.object, force).await?;
        if desired.wait {
            cluster.wait_ready(context, &name, READY_LIMIT).await?;
        }
        Ok(Some(found(&name, request.desired.cloned().unwrap_or(Value::Null))))
    }
}

impl KubeObject {
    async fn refuse_second_singleton(&self, instance: &str, name: &ObjectName) -> Result<(), Fault> {
        let active = self.0.store.load().await?.map(|state| state.active).unwrap_or_default();
        if active.may_run_singletons(instance) {
            return Ok(());
        }
        let who = match &active {
            Active::Nobody => "no instance is active yet".to_owned(),
            Active::Instance { name, .. } => format!("`{name}` is the active instance"),
            Active::Moving { from, to, .. } => format!("a cutover from `{from}` to `{to}` is under way"),
        };
        let text = format!("{} {} must not run on `{instance}`: {who}", name.kind, name.name);
        Err(Fault::new(FaultClass::Conflict, "HNY0801", text)
            .with_help("plan again; to move the active role use `honey cutover --to`"))
    }

    async fn remove(&self, context: &CallContext, request: &ApplyRequest<'_>) -> Result<Applied, Fault> {
        let Some(prior) = request.prior else { return Ok(None) };
        let prior: Desired = typed(Some(prior))?;
        let kubeconfig = prior.kubeconfig.as_deref().ok_or_else(no_cluster)?;
        let cluster = self.0.cluster(context, kubeconfig).await?;
        cluster.delete(context, &name_of(&prior.object)?).await?;
        Ok(None)
    }
}

fn no_cluster() -> Fault {
    Fault::new(FaultClass::Internal, "HNY0001", "an object without its cluster")
}

fn found(name: &ObjectName, attributes: Value) -> Found {
    let namespace = name.namespace.as_deref().unwrap_or("_");
    let id = format!("{}/{}/{namespace}/{}", name.api_version, name.kind, name.name);
    Found { id, attributes, outputs: json!({}), ownership: Ownership::Ours }
}

/// The name that an object gives itself.
fn name_of(object: &Value) -> Result<ObjectName, Fault> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let missing = || Fault::new(FaultClass::Invalid, "HNY0680", "an object without apiVersion, kind or name");
    Ok(ObjectName {
        api_version: text("/apiVersion").ok_or_else(missing)?,
        kind: text("/kind").ok_or_else(missing)?,
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name").ok_or_else(missing)?,
    })
}

/// Whether the object would start pods: replicas above zero, or a kind that
/// does not count replicas at all.
fn runs(object: &Value) -> bool {
    object.pointer("/spec/replicas").and_then(Value::as_u64) != Some(0)
}

/// Drops what the server writes by itself.
fn normalised(mut object: Value) -> Value {
    if let Some(top) = object.as_object_mut() {
        top.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for server_side in
            ["managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"]
        {
            metadata.remove(server_side);
        }
    }
    object
}

/// The part of `live` that `wanted` speaks of.
pub(crate) fn project(live: &Value, wanted: &Value) -> Value {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            let both =
                wanted.iter().filter_map(|(key, inner)| Some((key.clone(), project(live.get(key)?, inner))));
            Value::Object(both.collect::<Map<_, _>>())
        }
        (Value::Array(live), Value::Array(wanted)) if live.len() == wanted.len() => {
            Value::Array(live.iter().zip(wanted).map(|(live, wanted)| project(live, wanted)).collect())
        }
        _ => live.clone(),
    }
}

/// Paths that stand in `live` and would be gone, at most twenty.
fn paths_only_in(live: &Value, would_be: &Value) -> Vec<String> {
    fn walk(live: &Value, would_be: &Value, at: &str, gone: &mut Vec<String>) {
        if let (Value::Object(live), Value::Object(would_be)) = (live, would_be) {
            for (key, inner) in live {
                let path = format!("{at}/{key}");
                match would_be.get(key) {
                    Some(other) => walk(inner, other, &path, gone),
                    None if gone.len() < 20 => gone.push(path),
                    None => {}
                }
            }
        }
    }
    let mut gone = Vec::new();
    walk(live, would_be, "", &mut gone);
    gone
}

#[cfg(test)]
mod tests {
    use super::{normalised, paths_only_in, project, runs};
    use serde_json::json;

    #[test]
    fn only_replicas_zero_counts_as_not_running() {
        assert!(!runs(&json!({"spec": {"replicas": 0}})));
        assert!(runs(&json!({"spec": {"replicas": 1}})));
        assert!(runs(&json!({"spec": {}})), "replicas default to 1");
    }

    #[test]
    fn server_side_fields_and_defaults_make_no_difference() {
        let live =
            json!({"metadata": {"name": "a", "uid": "1"}, "spec": {"x": 1, "default": true}, "status": {}});
        assert_eq!(
            normalised(live.clone()),
            json!({"metadata": {"name": "a"}, "spec": {"x": 1, "default": true}})
        );
        assert_eq!(project(&live, &json!({"spec": {"x": 2}})), json!({"spec": {"x": 1}}));
        assert_eq!(paths_only_in(&json!({"a": {"b": 1}}), &json!({"a": {}})), ["/a/b"]);
    }
}
