//! Replicas of a workload and the pods that belong to it.

use honey_model::{Fault, FaultClass};
use honey_ports::{CallContext, cluster::ObjectName};
use http::Method;
use serde_json::{Value, json};

use crate::{
    FIELD_MANAGER,
    access::{Access, Call},
    apply::show,
    discovery::{Discovery, segment},
    fault,
};

/// Sets the replicas through the scale subresource.
pub(crate) async fn scale(
    access: &Access,
    discovery: &Discovery,
    context: &CallContext,
    name: &ObjectName,
    replicas: u32,
) -> Result<(), Fault> {
    let place = discovery.known(access, context, &name.api_version, &name.kind).await?;
    if !place.scalable {
        return Err(Fault::new(
            FaultClass::Unsupported,
            fault::REFUSED,
            format!("{} cannot be scaled", show(name)),
        ));
    }
    let path = format!("{}/scale?fieldManager={FIELD_MANAGER}", place.object(name));
    let body = json!({"spec": {"replicas": replicas}});
    let what = format!("cannot scale {} to {replicas}", show(name));
    access
        .json(context, &Call::send(what, Method::PATCH, &path, "application/merge-patch+json", &body))
        .await?;
    Ok(())
}

/// All pods of a workload, those in deletion included: what its selector finds
/// and what its `ReplicaSets` or itself own by name, so that the pods of a
/// workload that was just deleted are not taken for none.
pub(crate) async fn pods_of(
    access: &Access,
    discovery: &Discovery,
    context: &CallContext,
    name: &ObjectName,
) -> Result<Vec<Value>, Fault> {
    let place = discovery.known(access, context, &name.api_version, &name.kind).await?;
    let path = place.object(name);
    let workload = access.found(context, &Call::get(format!("cannot read {}", show(name)), &path)).await?;
    let namespace = name.namespace.as_deref().unwrap_or("default");
    let pods = list(access, context, &format!("/api/v1/namespaces/{}/pods", segment(namespace)), "").await?;
    let selector = workload.as_ref().map(|workload| &workload["spec"]["selector"]);
    Ok(pods
        .into_iter()
        .filter(|pod| {
            owned_by_name(pod, name)
                || selector.is_some_and(|selector| selects(selector, &pod["metadata"]["labels"]))
        })
        .collect())
}

/// Whether a pod's controlling owner is the workload, or a `ReplicaSet` or `Job` named after it.
fn owned_by_name(pod: &Value, name: &ObjectName) -> bool {
    pod["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(|owner| {
        let (kind, owner) =
            (owner["kind"].as_str().unwrap_or_default(), owner["name"].as_str().unwrap_or_default());
        match kind {
            "ReplicaSet" if name.kind == "Deployment" => {
                owner.rsplit_once('-').is_some_and(|(deployment, _)| deployment == name.name)
            }
            "Job" if name.kind == "CronJob" => {
                owner.rsplit_once('-').is_some_and(|(schedule, _)| schedule == name.name)
            }
            _ => kind == name.kind && owner == name.name,
        }
    })
}

/// Whether labels match a `spec.selector`. An empty selector matches nothing here.
pub(crate) fn selects(selector: &Value, labels: &Value) -> bool {
    let plain = selector["matchLabels"].as_object();
    let expressions = selector["matchExpressions"].as_array();
    if plain.is_none_or(serde_json::Map::is_empty) && expressions.is_none_or(Vec::is_empty) {
        return false;
    }
    plain.into_iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
        && expressions.into_iter().flatten().all(|expression| {
            let found = expression["key"].as_str().and_then(|key| labels.get(key));
            let values = expression["values"].as_array();
            let listed = found.is_some_and(|label| values.is_some_and(|values| values.contains(label)));
            match expression["operator"].as_str() {
                Some("In") => listed,
                Some("NotIn") => !listed,
                Some("Exists") => found.is_some(),
                Some("DoesNotExist") => found.is_none(),
                _ => false,
            }
        })
}

/// Every object of a list, page by page.
pub(crate) async fn list(
    access: &Access,
    context: &CallContext,
    path: &str,
    selector: &str,
) -> Result<Vec<Value>, Fault> {
    const PAGE: usize = 500;
    let mut items = Vec::new();
    let mut token = String::new();
    loop {
        let mut full = format!("{path}?limit={PAGE}");
        if !selector.is_empty() {
            full.push_str(&format!("&labelSelector={}", segment(selector)));
        }
        if !token.is_empty() {
            full.push_str(&format!("&continue={}", segment(&token)));
        }
        let call = Call::get(format!("cannot list {}", fault::shown(path)), &full);
        let mut page = access.json(context, &call).await?;
        let (api_version, kind) = (page["apiVersion"].clone(), page["kind"].as_str().unwrap_or_default());
        let kind = kind.strip_suffix("List").unwrap_or(kind).to_owned();
        // Taken, not copied: a page may be megabytes.
        let mut listed = page.get_mut("items").map(Value::take).unwrap_or_default();
        for item in listed.as_array_mut().into_iter().flatten() {
            let mut item = item.take();
            // Items of a list come without their type.
            if let Some(map) = item.as_object_mut() {
                map.entry("apiVersion").or_insert(api_version.clone());
                map.entry("kind").or_insert(json!(kind));
            }
            items.push(item);
        }
        page["metadata"]["continue"].as_str().unwrap_or_default().clone_into(&mut token);
        if token.is_empty() {
            return Ok(items);
        }
    }
}
