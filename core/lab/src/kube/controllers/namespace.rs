//! Namespaces: what each gets, and how one goes with everything in it.

use serde_json::json;

use super::deleting;
use crate::kube::{
    handle,
    store::{Key, State},
};

/// Simulated seconds that the namespace controller takes.
const DELAY: f64 = 1.5;

/// One step of every namespace; whether one is on its way out.
pub(super) fn step(state: &mut State) -> bool {
    let mut waiting = false;
    for (key, namespace) in state.all("", "namespaces") {
        if deleting(&namespace) {
            waiting = true;
            empty(state, &key);
        } else if state.get("", "serviceaccounts", &key.name, "default").is_none() {
            state.make(json!({
                "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": key.name},
            }));
            let authority =
                state.get("", "configmaps", "kube-system", "kube-root-ca.crt").map(|map| map["data"].clone());
            state.make(json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt", "namespace": key.name},
                "data": authority,
            }));
        }
    }
    waiting
}

fn empty(state: &mut State, namespace: &Key) {
    let timer = format!("namespace/{}", namespace.name);
    let now = state.now();
    let since = *state.timers.entry(timer.clone()).or_insert(now);
    let content: Vec<Key> =
        state.objects.keys().filter(|key| key.namespace == namespace.name).cloned().collect();
    for key in &content {
        let open = state.objects.get(key).is_some_and(|object| !deleting(object));
        if open {
            handle::mark_deleted(state, key, &json!({}));
        }
    }
    let held = state.faults.holds("namespaces", &namespace.name);
    if content.is_empty() && now - since >= DELAY && !held {
        state.timers.remove(&timer);
        state.remove(namespace);
    }
}
