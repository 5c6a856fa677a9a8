//! What is created, in a few words. Of a plugin's object every plain field, what
//! only exists later at the end. Of honey's own what somebody chose for it, not
//! what honey adds to do its work.

use honey_plan::{FieldChange, Operation};
use serde_json::Value;

use super::{
    HONEY, leaf, path,
    secret::{is_kept, object_kind},
    value::{Room, short_image, text},
};

/// Fields of honey's own kinds that say how honey goes about it.
const PLUMBING: &[&str] = &[
    "config",
    "hosts_named",
    "index",
    "instance",
    "kubeconfig",
    "machine_stays",
    "ready",
    "secret",
    "token",
    "wait",
];
/// The objects of a cluster are carried in this field.
const OBJECT: &str = "/object";
/// Longest value.
const LIMIT: usize = 60;

/// The words, one for each field; none where there is nothing to tell.
pub(super) fn parts(operation: &Operation, room: &Room) -> Vec<String> {
    match operation.driver == HONEY {
        true => operation.changes.iter().flat_map(|change| own(operation, change, room)).collect(),
        false => {
            let (later, now): (Vec<_>, Vec<_>) =
                operation.changes.iter().partition(|change| change.known_after.is_some());
            now.into_iter().chain(later).filter_map(|change| plain(change, room)).collect()
        }
    }
}

/// A field of honey's own kinds, where it was chosen.
fn own(operation: &Operation, change: &FieldChange, room: &Room) -> Vec<String> {
    let Some(value) = change.after.as_ref().filter(|_| change.known_after.is_none()) else {
        return Vec::new();
    };
    let path = leaf::segments(&change.path);
    match value {
        Value::Object(_) if change.path == OBJECT => workload(value),
        _ if is_nothing(value) || PLUMBING.contains(&path::plain(&path).as_str()) => Vec::new(),
        _ if is_kept(object_kind(operation), &path) => Vec::new(),
        _ => plain(change, room).into_iter().collect(),
    }
}

/// Any field, where it fits into a line.
fn plain(change: &FieldChange, room: &Room) -> Option<String> {
    let value = match (&change.known_after, &change.after) {
        (Some(address), _) => format!("known after {address}"),
        (None, Some(Value::Array(list))) if list.len() == 1 => "1 item".to_owned(),
        (None, Some(Value::Array(list))) => format!("{} items", list.len()),
        (None, Some(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_)))) => {
            room.fit(&text(value), LIMIT)
        }
        (None, Some(Value::Object(_) | Value::Null) | None) => return None,
    };
    Some(format!("{}: {value}", path::plain(&leaf::segments(&change.path))))
}

/// How many pods of a workload, and of which images.
fn workload(object: &Value) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(replicas) = object.pointer("/spec/replicas").and_then(Value::as_u64) {
        parts.push(format!("replicas: {replicas}"));
    }
    let pods = ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];
    let pod = pods.iter().find_map(|pointer| object.pointer(pointer));
    let lists = pod.into_iter().flat_map(|pod| ["initContainers", "containers"].map(|list| pod.get(list)));
    for container in lists.flatten().filter_map(Value::as_array).flatten() {
        if let Some(image) = container.get("image").and_then(Value::as_str) {
            parts.push(format!("image: {}", short_image(image)));
        }
    }
    parts
}

/// What a field says by not being set.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Bool(true) | Value::Object(_) => false,
    }
}
