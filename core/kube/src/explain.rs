//! Why an object is not ready: its pods' states, the newest warning, the end of a log.

use honey_model::text::visible;
use honey_ports::{CallContext, cluster::ObjectName};
use serde_json::Value;

use crate::{
    access::Call,
    cluster::KubeCluster,
    discovery::segment,
    ready::{self, Stuck},
    workload,
};

/// Lines of a log that are shown.
const LOG_LINES: usize = 12;
/// Characters of each.
const LINE_LENGTH: usize = 200;

/// Something that keeps a workload's pods from running.
pub(crate) struct Trouble {
    pub(crate) text: String,
    pub(crate) hopeless: bool,
}

fn has_pods(kind: &str) -> bool {
    matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet" | "Job")
}

async fn pods(cluster: &KubeCluster, context: &CallContext, name: &ObjectName) -> Vec<Value> {
    if !has_pods(&name.kind) {
        return Vec::new();
    }
    // An explanation that cannot be had must not hide the failure itself.
    workload::pods_of(&cluster.access, &cluster.discovery, context, name).await.unwrap_or_default()
}

/// The first pod that is stuck.
pub(crate) async fn trouble(
    cluster: &KubeCluster,
    context: &CallContext,
    name: &ObjectName,
) -> Option<Trouble> {
    let pods = pods(cluster, context, name).await;
    pods.iter().filter(|pod| pod.pointer("/metadata/deletionTimestamp").is_none()).find_map(|pod| {
        let Stuck { reason, message, hopeless } = ready::stuck(pod)?;
        // A Job counts the attempts of its pods by itself, and says when it gives up.
        if name.kind == "Job" && reason == "CrashLoopBackOff" {
            return None;
        }
        let pod_name = visible(pod["metadata"]["name"].as_str().unwrap_or_default(), 80);
        Some(Trouble { text: format!("pod {pod_name}: {reason}: {message}"), hopeless })
    })
}

/// Everything that helps, as further sentences; empty when nothing is known.
pub(crate) async fn explain(cluster: &KubeCluster, context: &CallContext, name: &ObjectName) -> String {
    let mut text = String::new();
    let pods = pods(cluster, context, name).await;
    let worst = pods.iter().max_by_key(|pod| {
        let failed = pod["status"]["phase"] == "Failed";
        (
            failed,
            ready::stuck(pod).is_some(),
            pod["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned(),
        )
    });
    if let Some(event) = newest_warning(cluster, context, name, &pods).await {
        text.push_str(&format!("; last event: {event}"));
    }
    if let Some(pod) = worst
        && let Some(log) = log_tail(cluster, context, pod).await
    {
        let pod_name = visible(pod["metadata"]["name"].as_str().unwrap_or_default(), 80);
        text.push_str(&format!("; end of the log of {pod_name}:\n{log}"));
    }
    text
}

async fn newest_warning(
    cluster: &KubeCluster,
    context: &CallContext,
    name: &ObjectName,
    pods: &[Value],
) -> Option<String> {
    let namespace = name.namespace.as_deref()?;
    let path = format!("/api/v1/namespaces/{}/events", segment(namespace));
    let events = workload::list(&cluster.access, context, &path, "").await.ok()?;
    let about_us = |event: &Value| {
        let involved = &event["involvedObject"];
        let (kind, involved_name) =
            (involved["kind"].as_str().unwrap_or_default(), involved["name"].as_str().unwrap_or_default());
        (kind == name.kind && involved_name == name.name)
            || (kind == "ReplicaSet"
                && involved_name.rsplit_once('-').is_some_and(|(deployment, _)| deployment == name.name))
            || pods.iter().any(|pod| pod["metadata"]["name"] == involved["name"] && kind == "Pod")
    };
    let time = |event: &Value| {
        ["lastTimestamp", "eventTime", "firstTimestamp"]
            .iter()
            .find_map(|field| event[*field].as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let newest = events
        .iter()
        .filter(|event| event["type"] == "Warning" && about_us(event))
        .max_by_key(|event| time(event))?;
    let words = |field: &str| visible(newest[field].as_str().unwrap_or_default(), 300);
    Some(format!("{}: {}", words("reason"), words("message")))
}

/// The end of what the pod's failing container wrote, bounded and escaped.
async fn log_tail(cluster: &KubeCluster, context: &CallContext, pod: &Value) -> Option<String> {
    let metadata = &pod["metadata"];
    let statuses = || {
        ["initContainerStatuses", "containerStatuses"]
            .into_iter()
            .flat_map(|list| pod["status"][list].as_array().into_iter().flatten())
    };
    let failing = statuses()
        .find(|status| status["ready"] != true && !completed(status))
        .or_else(|| statuses().next())?;
    let previous =
        failing["restartCount"].as_u64().unwrap_or(0) > 0 && failing["state"]["waiting"].is_object();
    let path = format!(
        "/api/v1/namespaces/{}/pods/{}/log?container={}&tailLines={LOG_LINES}&limitBytes=16384&previous={previous}",
        segment(metadata["namespace"].as_str()?),
        segment(metadata["name"].as_str()?),
        segment(failing["name"].as_str()?),
    );
    let text = cluster.access.text(context, &Call::get("cannot read a log", &path)).await.ok()?;
    let lines: Vec<String> = text.lines().map(|line| format!("    {}", visible(line, LINE_LENGTH))).collect();
    let skip = lines.len().saturating_sub(LOG_LINES);
    (!lines.is_empty()).then(|| lines[skip..].join("\n"))
}

fn completed(status: &Value) -> bool {
    status["state"]["terminated"]["exitCode"] == 0
}
