//! Deployments: `ReplicaSets` by template, rolling updates, status.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    condition, deleting, name, owner, owner_reference, pods_of, remove_condition, set_condition, uid,
};
use crate::kube::{
    ownership::{self, Writer},
    store::{Key, State, now_text},
};

/// Which of a Deployment's templates its `ReplicaSet` has.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// One step of every Deployment.
pub(super) fn step(state: &mut State) {
    for (key, deployment) in state.all("apps", "deployments") {
        if !deleting(&deployment) {
            roll(state, &key, &deployment);
        }
    }
}

fn count(value: &Value, total: u64, round_up: bool) -> u64 {
    match value.as_str().and_then(|text| text.strip_suffix('%')).and_then(|text| text.parse::<u64>().ok()) {
        Some(percent) if round_up => (total * percent).div_ceil(100),
        Some(percent) => total * percent / 100,
        None => value.as_u64().unwrap_or(0),
    }
}

fn template_hash(deployment: &Value) -> String {
    let digest = Sha256::digest(deployment["spec"]["template"].to_string().as_bytes());
    hex::encode(&digest[..5])
}

fn number(object: &Value, pointer: &str) -> u64 {
    object.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

fn set_replicas(state: &mut State, key: &Key, replicas: u64) {
    state.change(key, |set| {
        if set["spec"]["replicas"] != json!(replicas) {
            set["spec"]["replicas"] = json!(replicas);
            let generation = set["metadata"]["generation"].as_u64().unwrap_or(1);
            set["metadata"]["generation"] = json!(generation + 1);
        }
    });
}

fn roll(state: &mut State, key: &Key, deployment: &Value) {
    let desired = number(deployment, "/spec/replicas");
    let hash = template_hash(deployment);
    let wanted_name = format!("{}-{hash}", name(deployment));
    let sets: Vec<(Key, Value)> = state
        .list("apps", "replicasets", Some(&key.namespace))
        .filter(|(_, set)| owner(set) == Some(uid(deployment)))
        .map(|(key, set)| (key.clone(), set.clone()))
        .collect();
    let current = sets.iter().find(|(key, _)| key.name == wanted_name).cloned();
    let Some((current_key, current)) = current else {
        new_set(state, deployment, &wanted_name, &hash, sets.len());
        return;
    };
    let old: Vec<&(Key, Value)> = sets.iter().filter(|(key, _)| *key != current_key).collect();
    let old_replicas: u64 = old.iter().map(|(_, set)| number(set, "/spec/replicas")).sum();
    let old_pods: usize = old.iter().map(|(_, set)| pods_of(state, &key.namespace, uid(set)).len()).sum();
    let now = number(&current, "/spec/replicas");
    if deployment["spec"]["strategy"]["type"] == "Recreate" {
        for (old_key, _) in &old {
            set_replicas(state, old_key, 0);
        }
        if old_pods == 0 || desired < now {
            set_replicas(state, &current_key, desired);
        }
    } else {
        let rolling = &deployment["spec"]["strategy"]["rollingUpdate"];
        let surge = count(&rolling["maxSurge"], desired, true);
        let mut unavailable = count(&rolling["maxUnavailable"], desired, false);
        if surge == 0 && unavailable == 0 {
            unavailable = 1;
        }
        let room = (desired + surge).saturating_sub(now + old_replicas);
        let target = if now > desired { desired } else { desired.min(now + room) };
        set_replicas(state, &current_key, target);
        if old_replicas > 0 {
            let available: u64 = sets.iter().map(|(_, set)| number(set, "/status/availableReplicas")).sum();
            let mut spare = available.saturating_sub(desired.saturating_sub(unavailable));
            for (old_key, set) in &old {
                let have = number(set, "/spec/replicas");
                // Pods that never became available go first and cost nothing.
                let broken = have.saturating_sub(number(set, "/status/availableReplicas"));
                let less = have.min(broken + spare);
                spare = spare.saturating_sub(less.saturating_sub(broken));
                set_replicas(state, old_key, have - less);
            }
        }
    }
    status(state, key, deployment, &current, &sets, desired);
}

fn new_set(state: &mut State, deployment: &Value, set_name: &str, hash: &str, revision: usize) {
    let mut template = deployment["spec"]["template"].clone();
    let mut selector = deployment["spec"]["selector"].clone();
    template["metadata"]["labels"]["pod-template-hash"] = json!(hash);
    selector["matchLabels"]["pod-template-hash"] = json!(hash);
    state.make(json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": set_name, "namespace": deployment["metadata"]["namespace"], "labels": template["metadata"]["labels"],
            "ownerReferences": owner_reference(deployment),
            "annotations": {REVISION: (revision + 1).to_string()},
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
    }));
}

fn status(
    state: &mut State,
    key: &Key,
    deployment: &Value,
    current: &Value,
    sets: &[(Key, Value)],
    desired: u64,
) {
    let sum = |field: &str| -> u64 {
        sets.iter()
            .filter_map(|(key, _)| state.objects.get(key))
            .map(|set| set["status"][field].as_u64().unwrap_or(0))
            .sum()
    };
    let (total, ready, available) = (sum("replicas"), sum("readyReplicas"), sum("availableReplicas"));
    let updated = number(current, "/status/replicas");
    let current_available = number(current, "/status/availableReplicas");
    let failure = condition(current, "ReplicaFailure").filter(|found| found["status"] == "True").cloned();
    let complete = updated == desired && current_available == desired && total == desired;
    let generation = deployment["metadata"]["generation"].clone();
    let timer = format!("deployment/{}/{updated}/{current_available}/{total}", uid(current));
    let prefix = format!("deployment/{}/", uid(current));
    if complete {
        state.timers.retain(|known, _| !known.starts_with(&prefix));
    } else if !state.timers.contains_key(&timer) {
        state.timers.retain(|known, _| !known.starts_with(&prefix));
        let now = state.now();
        state.timers.insert(timer.clone(), now);
    }
    #[allow(clippy::cast_precision_loss, reason = "a deadline in seconds")]
    let deadline = number(deployment, "/spec/progressDeadlineSeconds") as f64;
    let late = state.timers.get(&timer).is_some_and(|since| state.now() - since > deadline);
    let least = desired.saturating_sub(count(
        &deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"],
        desired,
        false,
    ));
    let set_name = name(current).to_owned();
    let Some(kind) = state.find_type("apps", "v1", "deployments").cloned() else { return };
    let revision = &current["metadata"]["annotations"][REVISION];
    state.change(key, |object| {
        if object["metadata"]["annotations"][REVISION] != *revision {
            // The controller's own, which stays when whoever applies takes all of its annotations away.
            let before = object.clone();
            object["metadata"]["annotations"][REVISION] = revision.clone();
            let time = now_text();
            let writer = Writer {
                manager: "k3s",
                time: &time,
                subresource: Some("status"),
                schema: kind.schema.root(),
            };
            ownership::book(Some(&before), object, &writer);
        }
        let conditions = object["status"]["conditions"].clone();
        let mut next = json!({"observedGeneration": generation, "conditions": conditions});
        for (field, value) in [
            ("replicas", total),
            ("updatedReplicas", updated),
            ("readyReplicas", ready),
            ("availableReplicas", available),
            ("unavailableReplicas", desired.max(total).saturating_sub(available)),
        ] {
            if value > 0 {
                next[field] = json!(value);
            }
        }
        object["status"] = next;
        if available >= least {
            set_condition(
                object,
                "Available",
                true,
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
            );
        } else {
            set_condition(
                object,
                "Available",
                false,
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            );
        }
        if complete {
            let message = format!("ReplicaSet \"{set_name}\" has successfully progressed.");
            set_condition(object, "Progressing", true, "NewReplicaSetAvailable", &message);
        } else if late {
            let message = format!("ReplicaSet \"{set_name}\" has timed out progressing.");
            set_condition(object, "Progressing", false, "ProgressDeadlineExceeded", &message);
        } else {
            let message = format!("ReplicaSet \"{set_name}\" is progressing.");
            set_condition(object, "Progressing", true, "ReplicaSetUpdated", &message);
        }
        match &failure {
            Some(failure) => set_condition(
                object,
                "ReplicaFailure",
                true,
                "FailedCreate",
                failure["message"].as_str().unwrap_or_default(),
            ),
            None => remove_condition(object, "ReplicaFailure"),
        }
    });
}
