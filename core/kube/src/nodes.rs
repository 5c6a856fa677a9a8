//! Nodes, their labels, and whether they take new pods.

use honey_model::Fault;
use honey_ports::{CallContext, cluster::NodeStatus};
use http::Method;
use serde_json::{Map, Value, json};

use crate::{
    FIELD_MANAGER,
    access::{Access, Call},
    discovery::segment,
    fault::shown,
};

/// What honey needs of a node.
pub(crate) fn status(node: &Value) -> NodeStatus {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ready = node["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    NodeStatus {
        name: text(&node["metadata"]["name"]),
        ready,
        version: text(&node["status"]["nodeInfo"]["kubeletVersion"]),
        addresses: node["status"]["addresses"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|address| address["address"].as_str().map(str::to_owned))
            .collect(),
        labels: node["metadata"]["labels"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), text(value)))
            .collect(),
        unschedulable: node["spec"]["unschedulable"] == true,
    }
}

/// Sets and removes labels under a field manager of their own, so that they are
/// nobody else's and no apply of honey's takes them away.
pub(crate) async fn label(
    access: &Access,
    context: &CallContext,
    node: &str,
    labels: &[(String, Option<String>)],
) -> Result<(), Fault> {
    let changes: Map<String, Value> = labels
        .iter()
        .map(|(key, value)| (key.clone(), value.as_ref().map_or(Value::Null, |text| json!(text))))
        .collect();
    let path = format!("/api/v1/nodes/{}?fieldManager={FIELD_MANAGER}-labels", segment(node));
    let what = format!("cannot label node {}", shown(node));
    let body = json!({"metadata": {"labels": changes}});
    access
        .json(context, &Call::send(what, Method::PATCH, &path, "application/merge-patch+json", &body))
        .await?;
    Ok(())
}

/// Closes a node for new pods, or opens it again.
pub(crate) async fn cordon(
    access: &Access,
    context: &CallContext,
    node: &str,
    closed: bool,
) -> Result<(), Fault> {
    let path = format!("/api/v1/nodes/{}?fieldManager={FIELD_MANAGER}-nodes", segment(node));
    let verb = if closed { "close" } else { "open" };
    let what = format!("cannot {verb} node {} for new pods", shown(node));
    let body = json!({"spec": {"unschedulable": closed.then_some(true)}});
    access
        .json(context, &Call::send(what, Method::PATCH, &path, "application/merge-patch+json", &body))
        .await?;
    Ok(())
}
