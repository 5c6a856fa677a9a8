//! `ReplicaSets`, `StatefulSets` and `DaemonSets`: as many pods as wanted.

use serde_json::{Value, json};

use super::{delete_pod, deleting, make_pod, name, pod_ready, pods_of, remove_condition, set_condition, uid};
use crate::kube::store::{Key, NodeState, State};

/// One step of every set.
pub(super) fn step(state: &mut State) {
    for (key, set) in state.all("apps", "replicasets") {
        if !deleting(&set) {
            replica_set(state, &key, &set);
        }
    }
    for (key, set) in state.all("apps", "statefulsets") {
        if !deleting(&set) {
            stateful_set(state, &key, &set);
        }
    }
    for (key, set) in state.all("apps", "daemonsets") {
        if !deleting(&set) {
            daemon_set(state, &key, &set);
        }
    }
}

fn active(pods: &[(Key, Value)]) -> Vec<(Key, Value)> {
    pods.iter()
        .filter(|(_, pod)| {
            !deleting(pod) && pod["status"]["phase"] != "Failed" && pod["status"]["phase"] != "Succeeded"
        })
        .cloned()
        .collect()
}

fn ready(pods: &[(Key, Value)]) -> usize {
    pods.iter().filter(|(_, pod)| pod_ready(pod)).count()
}

fn replica_set(state: &mut State, key: &Key, set: &Value) {
    let wanted = usize::try_from(set["spec"]["replicas"].as_u64().unwrap_or(0)).unwrap_or(0);
    let pods = pods_of(state, &key.namespace, uid(set));
    let mut here = active(&pods);
    let mut failure = None;
    for _ in here.len()..wanted {
        let pod_name = format!("{}-{}", name(set), state.random(5));
        if let Err(why) = make_pod(state, set, &pod_name, None) {
            failure = Some(why);
            break;
        }
    }
    here.sort_by_key(|(_, pod)| pod_ready(pod));
    for (pod_key, _) in here.iter().take(here.len().saturating_sub(wanted)) {
        delete_pod(state, pod_key);
    }
    let here = active(&pods_of(state, &key.namespace, uid(set)));
    let (total, ready) = (here.len(), ready(&here));
    state.change(key, |object| {
        let conditions = object["status"]["conditions"].clone();
        object["status"] = json!({"replicas": total, "observedGeneration": object["metadata"]["generation"]});
        if conditions.is_array() {
            object["status"]["conditions"] = conditions;
        }
        if ready > 0 {
            object["status"]["readyReplicas"] = json!(ready);
            object["status"]["availableReplicas"] = json!(ready);
            object["status"]["fullyLabeledReplicas"] = json!(total);
        }
        match &failure {
            Some(why) => set_condition(object, "ReplicaFailure", true, "FailedCreate", why),
            None => remove_condition(object, "ReplicaFailure"),
        }
    });
}

fn stateful_set(state: &mut State, key: &Key, set: &Value) {
    let wanted = set["spec"]["replicas"].as_u64().unwrap_or(0);
    let pods = pods_of(state, &key.namespace, uid(set));
    let ordinal = |pod: &Value| {
        name(pod).rsplit('-').next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(u64::MAX)
    };
    for (pod_key, pod) in &pods {
        if ordinal(pod) >= wanted && !deleting(pod) {
            delete_pod(state, pod_key);
        }
    }
    for index in 0..wanted {
        match pods.iter().find(|(_, pod)| ordinal(pod) == index) {
            Some((_, pod)) if pod_ready(pod) => {}
            Some(_) => break,
            None => {
                let pod_name = format!("{}-{index}", name(set));
                // The event says why where it fails.
                let _ = make_pod(state, set, &pod_name, None);
                break;
            }
        }
    }
    let here = active(&pods_of(state, &key.namespace, uid(set)));
    let (total, ready) = (here.len(), ready(&here));
    let generation = set["metadata"]["generation"].clone();
    state.change(key, |object| {
        object["status"] = json!({
            "observedGeneration": generation, "replicas": total, "readyReplicas": ready, "availableReplicas": ready,
            "currentReplicas": total, "updatedReplicas": total, "currentRevision": "1", "updateRevision": "1",
        });
    });
}

fn daemon_set(state: &mut State, key: &Key, set: &Value) {
    let selector = set["spec"]["template"]["spec"]["nodeSelector"].clone();
    let nodes: Vec<String> = state
        .list("", "nodes", None)
        .filter(|(_, node)| {
            selector
                .as_object()
                .into_iter()
                .flatten()
                .all(|(label, value)| node["metadata"]["labels"][label] == *value)
        })
        .map(|(key, _)| key.name.clone())
        .collect();
    let generation = set["metadata"]["generation"].as_u64().unwrap_or(1);
    let label = generation.to_string();
    let pods = pods_of(state, &key.namespace, uid(set));
    let mut replacing = false;
    for (pod_key, pod) in &pods {
        let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
        let stale = pod["metadata"]["labels"]["pod-template-generation"] != json!(label);
        if deleting(pod) {
            replacing = true;
        } else if !nodes.iter().any(|known| known == node) || (stale && !replacing) {
            replacing |= stale;
            delete_pod(state, pod_key);
        }
    }
    for node in &nodes {
        let taken = pods.iter().any(|(_, pod)| pod["spec"]["nodeName"] == json!(node));
        if !taken && state.nodes.get(node) == Some(&NodeState::Up) {
            let pod_name = format!("{}-{}", name(set), state.random(5));
            let mut labelled = set.clone();
            labelled["spec"]["template"]["metadata"]["labels"]["pod-template-generation"] = json!(label);
            // The event says why where it fails.
            let _ = make_pod(state, &labelled, &pod_name, Some(node));
        }
    }
    let here = active(&pods_of(state, &key.namespace, uid(set)));
    let updated = here
        .iter()
        .filter(|(_, pod)| pod["metadata"]["labels"]["pod-template-generation"] == json!(label))
        .count();
    let ready = ready(&here);
    state.change(key, |object| {
        object["status"] = json!({
            "observedGeneration": generation, "desiredNumberScheduled": nodes.len(), "currentNumberScheduled": here.len(),
            "numberReady": ready, "numberAvailable": ready, "updatedNumberScheduled": updated, "numberMisscheduled": 0,
            "numberUnavailable": nodes.len().saturating_sub(ready),
        });
    });
}
