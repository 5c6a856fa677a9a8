//! Smaller controllers: nodes, definitions, volumes, load balancers, budgets, autoscalers.

use serde_json::{Value, json};

use super::{condition, pod_ready, set_condition};
use crate::kube::{
    ownership::Writer,
    selector,
    store::{NodeState, State, now_text},
    write,
};

/// One step of each.
pub(super) fn step(state: &mut State) {
    nodes(state);
    definitions(state);
    balancers(state);
    budgets(state);
    autoscalers(state);
}

fn nodes(state: &mut State) {
    for (name, how) in state.nodes.clone() {
        let key = crate::kube::store::Key::new("", "nodes", "", &name);
        state.change(&key, |node| match how {
            NodeState::Up => {
                set_condition(node, "Ready", true, "KubeletReady", "kubelet is posting ready status");
            }
            NodeState::Off | NodeState::Partitioned => {
                set_condition(
                    node,
                    "Ready",
                    false,
                    "NodeStatusUnknown",
                    "Kubelet stopped posting node status.",
                );
                if let Some(found) = node["status"]["conditions"].as_array_mut() {
                    for condition in found.iter_mut().filter(|condition| condition["type"] == "Ready") {
                        condition["status"] = json!("Unknown");
                    }
                }
            }
        });
        if how != NodeState::Up {
            let pods: Vec<_> = state
                .list("", "pods", None)
                .filter(|(_, pod)| pod["spec"]["nodeName"] == json!(name) && pod_ready(pod))
                .map(|(key, _)| key.clone())
                .collect();
            for key in pods {
                state.change(&key, |pod| {
                    set_condition(pod, "Ready", false, "NodeNotReady", "the node does not answer");
                });
            }
        }
    }
}

fn definitions(state: &mut State) {
    for (key, definition) in state.all("apiextensions.k8s.io", "customresourcedefinitions") {
        if condition(&definition, "Established").is_none() {
            let names = definition["spec"]["names"].clone();
            state.change(&key, |object| {
                set_condition(object, "NamesAccepted", true, "NoConflicts", "no conflicts found");
                set_condition(
                    object,
                    "Established",
                    true,
                    "InitialNamesAccepted",
                    "the initial names have been accepted",
                );
                object["status"]["acceptedNames"] = names;
                object["status"]["storedVersions"] = json!(["v1"]);
            });
        }
    }
}

fn balancers(state: &mut State) {
    let mut addresses: Vec<Value> = Vec::new();
    for (_, node) in state.list("", "nodes", None) {
        let first = node["status"]["addresses"].as_array().and_then(|list| list.first());
        if let Some(address) = first {
            addresses.push(json!({"ip": address["address"], "ipMode": "VIP"}));
        }
    }
    if addresses.is_empty() {
        return;
    }
    for (key, service) in state.all("", "services") {
        if service["spec"]["type"] == "LoadBalancer" {
            state.change(&key, |object| object["status"]["loadBalancer"]["ingress"] = json!(addresses));
        }
    }
}

fn budgets(state: &mut State) {
    for (key, budget) in state.all("policy", "poddisruptionbudgets") {
        let pods: Vec<&Value> = state
            .list("", "pods", Some(&key.namespace))
            .map(|(_, pod)| pod)
            .filter(|pod| selector::spec_matches(pod, &budget["spec"]["selector"]))
            // One on its way out helps nobody.
            .filter(|pod| pod["metadata"].get("deletionTimestamp").is_none())
            .collect();
        let (expected, healthy) =
            (pods.len() as u64, pods.iter().filter(|pod| pod_ready(pod)).count() as u64);
        let wanted = match (&budget["spec"]["minAvailable"], &budget["spec"]["maxUnavailable"]) {
            (Value::Number(least), _) => least.as_u64().unwrap_or(0),
            (_, Value::Number(most)) => expected.saturating_sub(most.as_u64().unwrap_or(0)),
            _ => expected,
        };
        let generation = budget["metadata"]["generation"].clone();
        state.change(&key, |object| {
            object["status"]["currentHealthy"] = json!(healthy);
            object["status"]["desiredHealthy"] = json!(wanted);
            object["status"]["expectedPods"] = json!(expected);
            object["status"]["disruptionsAllowed"] = json!(healthy.saturating_sub(wanted));
            object["status"]["observedGeneration"] = generation;
        });
    }
}

/// Keeps a Deployment between an autoscaler's limits; load is always low here.
fn autoscalers(state: &mut State) {
    for (key, scaler) in state.all("autoscaling", "horizontalpodautoscalers") {
        let target = &scaler["spec"]["scaleTargetRef"];
        if target["kind"] != "Deployment" {
            continue;
        }
        let target_key = crate::kube::store::Key::new(
            "apps",
            "deployments",
            &key.namespace,
            target["name"].as_str().unwrap_or_default(),
        );
        let Some(deployment) = state.objects.get(&target_key).cloned() else { continue };
        let replicas = deployment["spec"]["replicas"].as_u64().unwrap_or(0);
        let least = scaler["spec"]["minReplicas"].as_u64().unwrap_or(1);
        let most = scaler["spec"]["maxReplicas"].as_u64().unwrap_or(least);
        let wanted = replicas.clamp(least.min(most), most);
        if replicas > 0 && wanted != replicas {
            let mut after = deployment.clone();
            after["spec"]["replicas"] = json!(wanted);
            if let Some(kind) = state.find_type("apps", "v1", "deployments").cloned() {
                let time = now_text();
                let writer = Writer {
                    manager: "kube-controller-manager",
                    time: &time,
                    subresource: Some("scale"),
                    schema: kind.schema.root(),
                };
                // A Deployment that somebody just removed needs no scaling.
                let _ = write::write_as(state, &kind, &target_key, after, &writer);
            }
        }
        state.change(&key, |object| {
            object["status"]["currentReplicas"] = json!(replicas);
            object["status"]["desiredReplicas"] = json!(wanted);
            set_condition(
                object,
                "AbleToScale",
                true,
                "ReadyForNewScale",
                "recommended size matches current size",
            );
        });
    }
}
