//! `kube-object`: any object of the cluster, by server-side apply.
//!
//! Drift is what a server-side dry run would change, so that defaults and
//! other managers' fields make no noise. Fields that somebody else changed are
//! taken over as far as the plan showed it. What cannot change in place, and a
//! Job that failed, is replaced. An object that runs a singleton is started
//! only on the active instance: checked here, right before the call, on every
//! path.

mod facts;
mod uses;
mod view;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use honey_model::{
    Active, Fault, FaultClass, Field, Found, KindSchema, Ownership,
    kubernetes::{NO_NAMESPACE, ObjectIdentity, group_of, namespaced},
};
use honey_ports::{
    Applied, ApplyAction, ApplyRequest, CallContext, Target,
    cluster::{Cluster, FieldOwner, IMMUTABLE, ObjectName},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Kind, connect::Connections, locator, typed};
pub(crate) use facts::taken_over;

/// How long an object may take to become ready.
const READY_LIMIT: Duration = Duration::from_mins(15);
/// Where the attributes say from whom fields are taken over.
pub(crate) const TAKES_OVER: &str = "takes_over";

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
    /// By source (`Secret/app`): what its pods are started with.
    #[serde(default)]
    uses: BTreeMap<String, Value>,
}

/// What is sent for a wanted object, given the live one.
struct Effective {
    object: Value,
    digests: Option<uses::Digests>,
    /// The replicas are an autoscaler's and left out.
    autoscaled: bool,
}

#[async_trait]
impl Kind for KubeObject {
    fn schema(&self) -> KindSchema {
        let complete = Field { complete: true, ..Field::default() };
        let uses = Field { sensitive: true, ..Field::default() };
        KindSchema {
            kind: "kube-object".to_owned(),
            version: 1,
            description: "An object of the cluster".to_owned(),
            fields: [
                ("kubeconfig".to_owned(), locator("Which cluster")),
                ("wait".to_owned(), locator("Whether others wait until it is ready")),
                ("instance".to_owned(), locator("Whose cluster it is")),
                ("singleton".to_owned(), locator("Runs on the active instance only")),
                ("object".to_owned(), complete),
                ("uses".to_owned(), uses),
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
        let effective = self.effective(context, cluster.as_ref(), &desired, Some(&live)).await?;
        let mut attributes = raw.clone();
        let mut replace = facts::failed_job(&live);
        let compared = match cluster.dry_run(context, &effective.object).await {
            Ok(Some(left)) => Some(view::normalised(left)),
            Ok(None) => None,
            Err(fault) if fault.code == IMMUTABLE => {
                replace = Some(cannot_change(&fault));
                attributes["object"] = view::project(&view::normalised(live.clone()), &desired.object);
                None
            }
            Err(fault) => return Err(fault),
        };
        let shown = view::normalised(live.clone());
        if let Some(left) = compared.filter(|left| *left != shown) {
            let mut object = view::view(&effective.object, &shown, &left);
            uses::without(&mut object);
            if effective.autoscaled {
                object["spec"]["replicas"] = desired.object["spec"]["replicas"].clone();
            }
            attributes["object"] = object;
            let owners = cluster.owners_in_the_way(context, &effective.object).await?;
            if !owners.is_empty() {
                attributes[TAKES_OVER] = json!(owners);
            }
        }
        if let Some(wanted) = effective.digests.filter(|_| !desired.uses.is_empty()) {
            attributes["uses"] = uses::compared(&desired.uses, &wanted, &uses::read(&live));
        }
        let id = identity(context, cluster.as_ref(), &desired.object).await?;
        let instances = instances(context, cluster.as_ref(), &live).await?;
        let found = Found::new(id, attributes, json!({}), Ownership::Ours);
        Ok(Some(Found { replace, data: facts::data(&live, instances), ..found }))
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
        // What an earlier try of this operation left behind counts too: a Job that failed never runs again.
        let looked_at = name.kind == "Job" || facts::can_be_scaled(&desired.object);
        let live = if looked_at { cluster.get(context, &name).await? } else { None };
        let failed = live.as_ref().is_some_and(|live| facts::failed_job(live).is_some());
        if request.action == ApplyAction::Replace || failed {
            cluster.delete(context, &name).await?;
        }
        let effective = self.effective(context, cluster.as_ref(), &desired, live.as_ref()).await?;
        let mut owners = shown_owners(request);
        if desired.singleton {
            // How many of a singleton run is never anybody else's to say.
            let now = cluster.owners_in_the_way(context, &effective.object).await?;
            owners.extend(now.into_iter().filter(|owner| owner.field == "spec.replicas"));
        }
        cluster.apply_taking_over(context, &effective.object, &owners).await?;
        if desired.wait {
            cluster.wait_ready(context, &name, READY_LIMIT).await?;
        }
        let id = identity(context, cluster.as_ref(), &desired.object).await?;
        let attributes = request.desired.cloned().unwrap_or(Value::Null);
        Ok(Some(Found::new(id, attributes, json!({}), Ownership::Ours)))
    }
}

impl KubeObject {
    async fn effective(
        &self,
        context: &CallContext,
        cluster: &dyn Cluster,
        desired: &Desired,
        live: Option<&Value>,
    ) -> Result<Effective, Fault> {
        let mut object = desired.object.clone();
        let digests = uses::digests(&self.0, &desired.uses).await?;
        match (&digests, live) {
            (Some(digests), _) => uses::annotate(&mut object, digests),
            // Not known yet: as the pods were started, so that nothing else seems to change.
            (None, Some(live)) => uses::annotate(&mut object, &uses::read(live)),
            (None, None) => {}
        }
        let by_others = live.is_some_and(facts::scaled_by_others);
        let autoscaled = !desired.singleton
            && by_others
            && facts::can_be_scaled(&object)
            && autoscaler_targets(context, cluster, &object).await?;
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut).filter(|_| autoscaled) {
            spec.remove("replicas");
        }
        Ok(Effective { object, digests, autoscaled })
    }

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

/// Applies a recorded object with another number of replicas, say, and leaves alone what its pods were
/// started with: the digests stand in no record. Takes over whatever it has to. Idempotent.
///
/// # Errors
/// Where the cluster does not answer or refuses the object.
pub(crate) async fn apply_recorded(
    context: &CallContext,
    cluster: &dyn Cluster,
    object: &Value,
) -> Result<(), Fault> {
    let mut object = object.clone();
    if let Some(live) = cluster.get(context, &name_of(&object)?).await? {
        uses::annotate(&mut object, &uses::read(&live));
    }
    cluster.apply(context, &object, true).await.map(|_| ())
}

/// From whom the plan said that fields are taken over.
pub(crate) fn shown_owners(request: &ApplyRequest<'_>) -> Vec<FieldOwner> {
    let shown = request.prior.and_then(|prior| prior.get(TAKES_OVER));
    shown.and_then(|owners| serde_json::from_value(owners.clone()).ok()).unwrap_or_default()
}

/// Whether an autoscaler of the cluster has this object as its target.
async fn autoscaler_targets(
    context: &CallContext,
    cluster: &dyn Cluster,
    object: &Value,
) -> Result<bool, Fault> {
    let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str);
    let listed = cluster.list(context, "autoscaling/v2", "HorizontalPodAutoscaler", namespace, "").await?;
    Ok(listed.iter().any(|autoscaler| facts::targets(autoscaler, object)))
}

/// How many objects a definition has; 0 for what is no definition.
async fn instances(context: &CallContext, cluster: &dyn Cluster, live: &Value) -> Result<usize, Fault> {
    match facts::defined(live) {
        Some((api_version, kind)) => Ok(cluster.list(context, &api_version, &kind, None, "").await?.len()),
        None => Ok(0),
    }
}

/// The object's id. Asks the cluster only for kinds that are not Kubernetes' own.
async fn identity(context: &CallContext, cluster: &dyn Cluster, object: &Value) -> Result<String, Fault> {
    let name = name_of(object)?;
    let group = group_of(&name.api_version);
    let asked = match namespaced(group, &name.kind) {
        Some(known) => Some(known),
        None => cluster.namespaced(context, &name.api_version, &name.kind).await?,
    };
    let identity = ObjectIdentity::of(object, &|_, _| asked);
    Ok(identity
        .map_or_else(|| format!("{group}/{}/{NO_NAMESPACE}/{}", name.kind, name.name), |id| id.to_string()))
}

fn cannot_change(fault: &Fault) -> String {
    let words = fault.vendor.as_ref().map_or(fault.message.as_str(), |vendor| vendor.message.as_str());
    format!("it cannot be changed in place: {}", honey_model::text::visible(words, 300))
}

fn no_cluster() -> Fault {
    Fault::new(FaultClass::Internal, "HNY0001", "an object without its cluster")
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

#[cfg(test)]
mod tests {
    use super::runs;
    use serde_json::json;

    #[test]
    fn only_replicas_zero_counts_as_not_running() {
        assert!(!runs(&json!({"spec": {"replicas": 0}})));
        assert!(runs(&json!({"spec": {"replicas": 1}})));
        assert!(runs(&json!({"spec": {}})), "replicas default to 1");
    }
}
