//! What is created, in one line. Of a plugin's object every plain field, what
//! only exists later at the end. Of honey's own what somebody chose for it, not
//! what honey adds to do its work.

use honey_plan::{FieldChange, Operation};
use serde_json::Value;

use super::{
    HONEY,
    human::{field, value_text},
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

/// The line; `None` where there is nothing to tell.
pub(super) fn line(operation: &Operation) -> Option<String> {
    let parts: Vec<String> = match operation.driver == HONEY {
        true => operation.changes.iter().flat_map(own).collect(),
        false => {
            let (later, now): (Vec<_>, Vec<_>) =
                operation.changes.iter().partition(|change| change.known_after.is_some());
            now.into_iter().chain(later).filter_map(plain).collect()
        }
    };
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// A field of honey's own kinds, where it was chosen.
fn own(change: &FieldChange) -> Vec<String> {
    let Some(value) = change.after.as_ref().filter(|_| change.known_after.is_none()) else {
        return Vec::new();
    };
    match value {
        Value::Object(_) if change.path == OBJECT => workload(value),
        _ if is_nothing(value) || PLUMBING.contains(&field(&change.path).as_str()) => Vec::new(),
        _ => plain(change).into_iter().collect(),
    }
}

/// Any field, where it fits into a line.
fn plain(change: &FieldChange) -> Option<String> {
    let value = match (&change.known_after, &change.after) {
        (Some(address), _) => format!("known after {address}"),
        (None, Some(Value::Array(list))) if list.len() == 1 => "1 item".to_owned(),
        (None, Some(Value::Array(list))) => format!("{} items", list.len()),
        (None, Some(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_)))) => {
            value_text(value, LIMIT)
        }
        (None, Some(Value::Object(_) | Value::Null) | None) => return None,
    };
    Some(format!("{}: {value}", field(&change.path)))
}

/// How many pods of a workload, and of which images.
fn workload(object: &Value) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(replicas) = object.pointer("/spec/replicas").and_then(Value::as_u64) {
        parts.push(format!("replicas: {replicas}"));
    }
    let containers = object.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    for container in containers.into_iter().flatten() {
        if let Some(image) = container.get("image").and_then(Value::as_str) {
            parts.push(format!("image: {}", value_text(&honey_model::image::short(image).into(), 2 * LIMIT)));
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
