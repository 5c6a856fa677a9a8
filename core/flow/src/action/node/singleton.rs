//! Moving a singleton off a node without two of it at any instant.
//!
//! An eviction would not do: the successor of an evicted pod starts while the
//! evicted one still ends. So its workload goes to 0, no pod of it may be left,
//! and only then it comes back, elsewhere, and only on the active instance.

use std::time::Duration;

use honey_model::{Active, Address, Fault, FaultClass, State};
use honey_ports::{Event, cluster::ObjectName, store::StateStore};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Api, pods::shown};
use crate::{kind::kube_object::apply_recorded, phase::wait::Waiting};

/// How long the last pod may take to go, and the new one to be ready.
const GONE_LIMIT: Duration = Duration::from_mins(10);
const READY_LIMIT: Duration = Duration::from_mins(5);

/// A workload that was set to 0 and comes back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Frozen {
    pub(crate) name: ObjectName,
    pub(crate) replicas: u64,
    /// As honey applied it; none where somebody else did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object: Option<Value>,
}

impl Frozen {
    pub(crate) fn shown(&self) -> String {
        honey_model::text::visible(&format!("{}/{}", self.name.kind, self.name.name), 200)
    }
}

/// The workloads of some singleton pods, with the number that each has now.
pub(crate) async fn workloads(
    state: &State,
    api: Api<'_>,
    instance: &str,
    pods: &[Value],
) -> Result<Vec<Frozen>, Fault> {
    let mut found: Vec<Frozen> = Vec::new();
    for pod in pods {
        let name = workload_of(pod).ok_or_else(|| {
            let text = format!("the singleton {} belongs to no Deployment or StatefulSet", shown(pod));
            Fault::new(FaultClass::Unsupported, "HNY0846", text)
                .with_help("stop it by hand, wait until it is gone, and run this again")
        })?;
        if found.iter().any(|known| known.name == name) {
            continue;
        }
        let live = api.cluster.get(api.context, &name).await?;
        let replicas = live.as_ref().map_or(0, |live| live["spec"]["replicas"].as_u64().unwrap_or(1));
        // One that was stopped by somebody else stays stopped.
        if replicas > 0 {
            found.push(Frozen { object: recorded(state, instance, &name), name, replicas });
        }
    }
    Ok(found)
}

fn workload_of(pod: &Value) -> Option<ObjectName> {
    let owners = pod["metadata"]["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    let name = owner["name"].as_str()?;
    let (kind, name) = match owner["kind"].as_str()? {
        "ReplicaSet" => ("Deployment", name.rsplit_once('-')?.0),
        "StatefulSet" => ("StatefulSet", name),
        _ => return None,
    };
    Some(ObjectName {
        api_version: "apps/v1".to_owned(),
        kind: kind.to_owned(),
        namespace: pod["metadata"]["namespace"].as_str().map(str::to_owned),
        name: name.to_owned(),
    })
}

fn recorded(state: &State, instance: &str, name: &ObjectName) -> Option<Value> {
    let namespace = name.namespace.as_deref().unwrap_or("_");
    let address = Address::of(&[instance, "kube", namespace, &name.kind, &name.name]);
    state.resources.get(&address).map(|record| record.attributes["object"].clone())
}

/// Nothing of them is wanted any more. With `wait`, no pod of them is left either.
pub(crate) async fn stop(api: Api<'_>, frozen: &[Frozen], wait: bool) -> Result<(), Fault> {
    for one in frozen {
        scale(api, one, 0).await?;
    }
    for one in frozen.iter().filter(|_| wait) {
        gone(api, one).await?;
    }
    Ok(())
}

async fn scale(api: Api<'_>, one: &Frozen, replicas: u64) -> Result<(), Fault> {
    if let Some(object) = &one.object {
        let mut object = object.clone();
        object["spec"]["replicas"] = json!(replicas);
        apply_recorded(api.context, api.cluster, &object).await
    } else {
        let replicas = u32::try_from(replicas).unwrap_or(u32::MAX);
        api.cluster.scale(api.context, &one.name, replicas).await
    }
}

/// Waits until no pod of it is left: zero wanted is not zero running.
async fn gone(api: Api<'_>, one: &Frozen) -> Result<(), Fault> {
    let what = format!("the singleton {}", one.shown());
    let mut waiting = Waiting::new(api.context, GONE_LIMIT, &what);
    loop {
        let pods = api.cluster.pods_of(api.context, &one.name).await?;
        let Some(pod) = pods.first() else { return Ok(()) };
        waiting.more(&format!("the end of {}", shown(pod))).await?;
    }
}

/// Brings them back, where this instance is the active one, after no pod of
/// them is left. Says which do not become ready in time, where that is waited for.
pub(crate) async fn start(
    store: &dyn StateStore,
    api: Api<'_>,
    instance: &str,
    frozen: &[Frozen],
    wait_ready: bool,
) -> Result<Vec<String>, Fault> {
    let mut waiting = Vec::new();
    for one in frozen {
        gone(api, one).await?;
        // Asked for each, as late as can be.
        let active = store.load().await?.map_or(Active::Nobody, |state| state.active);
        if !active.may_run_singletons(instance) {
            let message = format!("{} stays stopped: `{instance}` is not the active instance", one.shown());
            api.context.progress.tell(Event::Notice { message });
            continue;
        }
        scale(api, one, one.replicas).await?;
        if !wait_ready {
            continue;
        }
        match api.cluster.wait_ready(api.context, &one.name, READY_LIMIT).await {
            Ok(()) => {}
            Err(fault) if fault.class == FaultClass::Canceled => return Err(fault),
            Err(fault) => waiting.push(format!("{}: {fault}", one.shown())),
        }
    }
    Ok(waiting)
}
