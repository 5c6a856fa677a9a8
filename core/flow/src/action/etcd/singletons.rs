//! What a restored cluster would start, held back before anything acts on it.
//!
//! A snapshot may be from a time when this instance was the active one. While
//! its API answers and neither kubelet nor controllers run, every singleton in
//! it that may not run here is set to 0, and its pods are taken off.

use std::collections::BTreeSet;

use honey_model::{Address, Fault};
use honey_ports::{
    CallContext,
    cluster::{Cluster, ObjectName},
};
use serde_json::{Value, json};

use crate::{Session, action::status::workload};

/// Marks a workload, and its pods, of which only one may run.
const MARK: &str = "honey.dev/singleton";

fn marked(object: &Value) -> bool {
    let on = |pointer: &str| object.pointer(pointer).is_some_and(|all| all[MARK] == "true");
    on("/metadata/annotations") || on("/spec/template/metadata/annotations")
}

fn name_of(object: &Value, api_version: &str, kind: &str) -> Option<ObjectName> {
    Some(ObjectName {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: object["metadata"]["namespace"].as_str().map(str::to_owned),
        name: object["metadata"]["name"].as_str()?.to_owned(),
    })
}

/// Holds them back, unless this instance is the active one. Names what was held.
pub(super) async fn hold(
    session: &Session,
    context: &CallContext,
    cluster: &dyn Cluster,
    instance: &str,
) -> Result<Vec<String>, Fault> {
    let state = session.state().await?;
    if state.active.may_run_singletons(instance) {
        return Ok(Vec::new());
    }
    // What the snapshot marks, and what honey knows to be one.
    let mut known: BTreeSet<ObjectName> = state
        .resources
        .iter()
        .filter(|(address, _)| address.scope() == instance)
        .filter_map(|(address, record)| workload(address, record).filter(|(_, singleton)| *singleton))
        .map(|(name, _)| name)
        .collect();
    for kind in ["Deployment", "StatefulSet"] {
        for object in cluster.list(context, "apps/v1", kind, None, "").await?.iter().filter(|one| marked(one))
        {
            known.extend(name_of(object, "apps/v1", kind));
        }
    }
    let mut held = Vec::new();
    for name in &known {
        if cluster.get(context, name).await?.is_none() {
            continue;
        }
        // Their pods first: nobody makes new ones now.
        for pod in cluster.pods_of(context, name).await? {
            cluster.forget_pod(context, &pod).await?;
        }
        cluster.scale(context, name, 0).await?;
        held.push(format!("{}/{}", name.kind, name.name));
    }
    // A controller that comes up reads the set before the workload.
    for set in cluster.list(context, "apps/v1", "ReplicaSet", None, "").await? {
        let owner = |one: &Value| {
            known.iter().any(|name| one["kind"] == json!(name.kind) && one["name"] == json!(name.name))
        };
        let owned = set["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(owner);
        if let Some(name) = name_of(&set, "apps/v1", "ReplicaSet").filter(|_| owned)
            && set["spec"]["replicas"] != json!(0)
        {
            cluster.scale(context, &name, 0).await?;
        }
    }
    Ok(held)
}

/// Where a restored API is spoken to.
pub(super) fn address(instance: &str, server: &str) -> Address {
    Address::of(&[instance, "etcd", server])
}
