//! Which singletons a cluster has, and whether they run: asked of the cluster,
//! because what is recorded is only what honey once applied. A workload counts
//! when the state records it as one, or when it carries the mark in the cluster.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use honey_model::{Fault, State};
use honey_ports::{
    CallContext,
    cluster::{Cluster, ObjectName, Readiness},
};
use serde::Serialize;
use serde_json::Value;

use super::{observe::wanted, of_scope};
use crate::action::node::condition;

/// Marks a workload, or its pods, of which only one may run.
const MARK: &str = "honey.dev/singleton";
/// Kinds that can carry the mark.
const KINDS: &[(&str, &str)] = &[
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "ReplicaSet"),
    ("batch/v1", "CronJob"),
    ("batch/v1", "Job"),
    ("v1", "Pod"),
];
/// Singletons that are asked for at once.
const AT_ONCE: usize = 8;

/// One singleton as a cluster has it.
#[derive(Clone, Debug, Serialize)]
pub struct SingletonStatus {
    /// `Deployment/worker`
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Replicas that are wanted; of a `CronJob` 1 unless it is suspended, of a `Job` its active pods,
    /// of a lone pod none.
    pub wanted: u64,
    /// Pods that are there, those that are ending included: they may still work.
    pub pods: u64,
    /// Of these, pods that are Ready and stay.
    pub ready: u64,
    /// How far it is.
    pub readiness: Readiness,
}

impl SingletonStatus {
    /// Whether it runs, or will as soon as the cluster gets to it.
    pub fn runs(&self) -> bool {
        self.wanted > 0 || self.pods > 0
    }

    /// Whether it does not run where it should. A `CronJob` that is not suspended
    /// does what it should between two runs, a `Job` or a lone pod when it has ended.
    pub fn is_down(&self) -> bool {
        match self.name.split('/').next() {
            Some("Job" | "Pod") => false,
            Some("CronJob") => self.wanted == 0,
            _ => self.wanted == 0 || self.ready == 0,
        }
    }
}

/// Every singleton of an instance's cluster.
pub(super) async fn observe(
    cluster: &dyn Cluster,
    context: &CallContext,
    state: &State,
    instance: &str,
) -> Result<Vec<SingletonStatus>, Fault> {
    let recorded = recorded(state, instance);
    let lists = KINDS.iter().map(|(api_version, kind)| async move {
        let all = cluster.list(context, api_version, kind, None, "").await?;
        Ok::<_, Fault>(all.into_iter().filter_map(move |mut object| {
            // Lists leave out what all their items have in common.
            object["apiVersion"] = (*api_version).into();
            object["kind"] = (*kind).into();
            Some((name_of(&object)?, object))
        }))
    });
    let mut objects: BTreeMap<ObjectName, Value> = BTreeMap::new();
    for list in futures::future::try_join_all(lists).await? {
        objects.extend(list);
    }
    let mut found: BTreeSet<ObjectName> = recorded;
    found.extend(objects.iter().filter(|(_, object)| is_marked(object)).map(|(name, _)| name.clone()));
    // What a workload makes carries its mark too, and is counted with it.
    found.retain(|name| objects.get(name).is_none_or(|object| !is_made_by_one(object)));
    let looks = found.into_iter().map(|name| one(cluster, context, name, &objects));
    stream::iter(looks).buffered(AT_ONCE).try_collect().await
}

/// Singletons that honey applied, whatever the cluster says of them now.
fn recorded(state: &State, instance: &str) -> BTreeSet<ObjectName> {
    of_scope(state, instance)
        .filter(|(_, record)| record.kind == "kube-object" && record.attributes["singleton"] == true)
        .filter_map(|(_, record)| name_of(&record.attributes["object"]))
        .collect()
}

async fn one(
    cluster: &dyn Cluster,
    context: &CallContext,
    name: ObjectName,
    objects: &BTreeMap<ObjectName, Value>,
) -> Result<SingletonStatus, Fault> {
    let live = objects.get(&name);
    let active = |job: &Value| job.pointer("/status/active").and_then(Value::as_u64).unwrap_or(0);
    let mut readiness = Readiness::Ready;
    let mut ready = 0;
    let (wanted, pods) = match (name.kind.as_str(), live) {
        ("CronJob", None) => (0, 0),
        ("CronJob", Some(live)) => {
            let own = |job: &&Value| {
                job["metadata"]["namespace"].as_str() == name.namespace.as_deref()
                    && owner(job, "CronJob") == Some(&name.name)
            };
            (u64::from(live["spec"]["suspend"] != true), objects.values().filter(own).map(active).sum())
        }
        ("Pod", live) => (0, u64::from(live.is_some_and(is_there))),
        ("Job", live) => (live.map_or(0, active), live.map_or(0, active)),
        (_, live) => {
            // Pods can outlive the workload that made them.
            let pods = cluster.pods_of(context, &name).await?;
            ready = count(pods.iter().filter(|pod| is_ready(pod)));
            if live.is_some() && ready == 0 {
                readiness = cluster.readiness(context, &name).await?;
            }
            (live.map_or(0, wanted), count(pods.iter().filter(|pod| is_there(pod))))
        }
    };
    if live.is_none() {
        readiness = Readiness::Failed { message: "it is gone".to_owned() };
    }
    Ok(SingletonStatus {
        name: format!("{}/{}", name.kind, name.name),
        namespace: name.namespace.unwrap_or_default(),
        wanted,
        pods,
        ready,
        readiness,
    })
}

fn count<T>(all: impl Iterator<Item = T>) -> u64 {
    u64::try_from(all.count()).unwrap_or(u64::MAX)
}

/// Whether a pod may still work: one that has ended cannot.
fn is_there(pod: &Value) -> bool {
    !matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
}

fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready") && pod["metadata"].get("deletionTimestamp").is_none()
}

fn is_marked(object: &Value) -> bool {
    [
        "/metadata",
        "/spec/template/metadata",
        "/spec/jobTemplate/metadata",
        "/spec/jobTemplate/spec/template/metadata",
    ]
    .iter()
    .any(|place| object.pointer(place).is_some_and(|metadata| metadata["annotations"][MARK] == "true"))
}

/// Whether one of the kinds above made it.
fn is_made_by_one(object: &Value) -> bool {
    KINDS.iter().any(|(_, kind)| owner(object, kind).is_some())
}

fn owner<'a>(object: &'a Value, kind: &str) -> Option<&'a str> {
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    owners.iter().find(|owner| owner["kind"] == kind)?["name"].as_str()
}

fn name_of(object: &Value) -> Option<ObjectName> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Some(ObjectName {
        api_version: text(&object["apiVersion"])?,
        kind: text(&object["kind"])?,
        // What is left out is `default`, in a file; a cluster always says it.
        namespace: Some(text(&object["metadata"]["namespace"]).unwrap_or_else(|| "default".to_owned())),
        name: text(&object["metadata"]["name"])?,
    })
}
