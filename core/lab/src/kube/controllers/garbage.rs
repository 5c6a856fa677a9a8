//! What goes when its owner goes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::deleting;
use crate::kube::{
    handle,
    store::{Key, State},
};

/// One step; whether something is on its way out.
pub(super) fn step(state: &mut State) -> bool {
    let known: BTreeSet<String> = state
        .objects
        .values()
        .filter_map(|object| object["metadata"]["uid"].as_str().map(str::to_owned))
        .collect();
    let foreground: BTreeSet<String> = state
        .objects
        .values()
        .filter(|object| in_foreground(object))
        .filter_map(|object| object["metadata"]["uid"].as_str().map(str::to_owned))
        .collect();
    let owners = |object: &Value| -> Vec<String> {
        object["metadata"]["ownerReferences"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|reference| reference["uid"].as_str().map(str::to_owned))
            .collect()
    };
    let mut orphans: Vec<(Key, bool)> = Vec::new();
    let mut with_dependents: BTreeSet<String> = BTreeSet::new();
    for (key, object) in &state.objects {
        let owners = owners(object);
        if owners.is_empty() {
            continue;
        }
        let waited_for = owners.iter().any(|uid| foreground.contains(uid));
        with_dependents.extend(owners.iter().filter(|uid| foreground.contains(*uid)).cloned());
        if !deleting(object) && (waited_for || owners.iter().all(|uid| !known.contains(uid))) {
            orphans.push((key.clone(), waited_for));
        }
    }
    for (key, waited_for) in orphans {
        let options = if waited_for { json!({"propagationPolicy": "Foreground"}) } else { json!({}) };
        handle::mark_deleted(state, &key, &options);
    }
    let done: Vec<Key> = state
        .objects
        .iter()
        .filter(|(_, object)| in_foreground(object))
        .filter(|(_, object)| {
            !with_dependents.contains(object["metadata"]["uid"].as_str().unwrap_or_default())
        })
        .map(|(key, _)| key.clone())
        .collect();
    for key in done {
        if state.faults.holds(&key.plural, &key.name) {
            continue;
        }
        state.change(&key, |object| {
            let left: Vec<Value> = object["metadata"]["finalizers"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|finalizer| *finalizer != "foregroundDeletion")
                .cloned()
                .collect();
            object["metadata"]["finalizers"] = json!(left);
        });
        handle::settle(state, &key);
    }
    !foreground.is_empty()
}

fn in_foreground(object: &Value) -> bool {
    deleting(object)
        && object["metadata"]["finalizers"]
            .as_array()
            .is_some_and(|finalizers| finalizers.iter().any(|finalizer| finalizer == "foregroundDeletion"))
}
