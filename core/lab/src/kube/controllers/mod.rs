//! Small controllers: one step of each whenever something changed or time has to pass.

mod deployment;
mod garbage;
mod job;
mod kubelet;
mod misc;
mod namespace;
mod replicas;

use std::{
    sync::{Mutex, PoisonError, Weak},
    time::Duration,
};

use serde_json::{Value, json};

use super::store::{Key, NodeState, State};

pub(super) use kubelet::{Runtime, power_off};

/// Runs until the cluster is dropped.
pub(super) async fn run(state: Weak<Mutex<State>>) {
    let Some(mut changed) =
        state.upgrade().map(|state| state.lock().unwrap_or_else(PoisonError::into_inner).subscribe())
    else {
        return;
    };
    loop {
        let Some(strong) = state.upgrade() else { return };
        let waiting = {
            let mut state = strong.lock().unwrap_or_else(PoisonError::into_inner);
            changed.borrow_and_update();
            step(&mut state)
        };
        drop(strong);
        // Time passes in small steps while something is on its way.
        let pause = Duration::from_millis(if waiting { 10 } else { 500 });
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            changed = changed.changed() => {
                if changed.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
}

/// One step of everything; whether something waits for time to pass.
fn step(state: &mut State) -> bool {
    if !state.quorum || !state.controllers {
        return false;
    }
    if !state.nodes.is_empty() && state.nodes.values().all(|node| *node == NodeState::Off) {
        return false;
    }
    let mut waiting = namespace::step(state);
    waiting |= garbage::step(state);
    misc::step(state);
    deployment::step(state);
    replicas::step(state);
    waiting |= job::step(state);
    waiting |= kubelet::step(state);
    waiting
}

/// The controlling owner's UID.
fn owner(object: &Value) -> Option<&str> {
    object["metadata"]["ownerReferences"]
        .as_array()?
        .iter()
        .find(|reference| reference["controller"] == true)?["uid"]
        .as_str()
}

fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn deleting(object: &Value) -> bool {
    object["metadata"].get("deletionTimestamp").is_some()
}

fn owner_reference(object: &Value) -> Value {
    json!([{
        "apiVersion": object["apiVersion"], "kind": object["kind"], "name": object["metadata"]["name"],
        "uid": object["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    }])
}

/// Pods of an owner, those in deletion included.
fn pods_of(state: &State, namespace: &str, owner_uid: &str) -> Vec<(Key, Value)> {
    state
        .list("", "pods", Some(namespace))
        .filter(|(_, pod)| owner(pod) == Some(owner_uid))
        .map(|(key, pod)| (key.clone(), pod.clone()))
        .collect()
}

fn pod_ready(pod: &Value) -> bool {
    condition(pod, "Ready").is_some_and(|condition| condition["status"] == "True")
}

fn condition<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == name)
}

/// Sets a condition; its transition time changes only with its status.
fn set_condition(object: &mut Value, name: &str, status: bool, reason: &str, message: &str) {
    if !object["status"]["conditions"].is_array() {
        object["status"]["conditions"] = json!([]);
    }
    let status = if status { "True" } else { "False" };
    let Some(list) = object["status"]["conditions"].as_array_mut() else { return };
    if let Some(found) = list.iter_mut().find(|condition| condition["type"] == name) {
        if found["status"] != status {
            found["lastTransitionTime"] = json!(super::store::now_text());
        }
        found["status"] = json!(status);
        found["reason"] = json!(reason);
        found["message"] = json!(message);
    } else {
        list.push(json!({
            "type": name, "status": status, "reason": reason, "message": message,
            "lastTransitionTime": super::store::now_text(),
        }));
    }
}

fn remove_condition(object: &mut Value, name: &str) {
    if let Some(list) = object["status"]["conditions"].as_array_mut() {
        list.retain(|condition| condition["type"] != name);
    }
}

/// Makes a pod for an owner. Answers why it could not.
fn make_pod(state: &mut State, owner: &Value, pod_name: &str, node: Option<&str>) -> Result<(), String> {
    let namespace = owner["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
    let template = &owner["spec"]["template"];
    let account = template["spec"]["serviceAccountName"].as_str().unwrap_or("default").to_owned();
    if state.get("", "serviceaccounts", &namespace, &account).is_none() {
        let why = format!(
            "Error creating: pods \"{pod_name}\" is forbidden: error looking up service account {namespace}/{account}: serviceaccount \"{account}\" not found"
        );
        state.event(owner, "Warning", "FailedCreate", &why);
        return Err(why);
    }
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": pod_name, "namespace": namespace, "ownerReferences": owner_reference(owner)},
        "spec": template["spec"],
    });
    for field in ["labels", "annotations"] {
        if template["metadata"][field].is_object() {
            pod["metadata"][field] = template["metadata"][field].clone();
        }
    }
    pod["spec"]["serviceAccountName"] = json!(account);
    if let Some(node) = node {
        pod["spec"]["nodeName"] = json!(node);
    }
    state.make(pod);
    Ok(())
}

/// Deletes a pod as a controller does.
fn delete_pod(state: &mut State, key: &Key) {
    super::handle::mark_deleted(state, key, &json!({}));
}
