//! What is created, in one line: what somebody chose for it. Not what honey
//! adds to do its work, and not what only exists later.

use honey_plan::{ABSENT, Action, FieldChange, Operation, Plan, UNSEEN};
use serde_json::Value;

use super::human::{field, value_text};

/// Fields that say how honey goes about it, not what is made.
const PLUMBING: [&str; 11] = [
    "config",
    "credential",
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

/// The fields that were chosen; `None` where there are none.
pub(super) fn line(changes: &[FieldChange]) -> Option<String> {
    let mut parts = Vec::new();
    for change in changes.iter().filter(|change| change.known_after.is_none()) {
        let Some(value) = &change.after else { continue };
        let name = field(&change.path);
        match value {
            Value::Object(_) if change.path == OBJECT => workload(value, &mut parts),
            _ if PLUMBING.contains(&name.as_str()) || is_nothing(value) => {}
            Value::Array(list) if list.len() == 1 => parts.push(format!("{name}: 1 item")),
            Value::Array(list) => parts.push(format!("{name}: {} items", list.len())),
            Value::String(_) | Value::Number(_) | Value::Bool(_) => {
                parts.push(format!("{name}: {}", value_text(value, LIMIT)));
            }
            Value::Object(_) | Value::Null => {}
        }
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// How many pods of a workload, and of which images.
fn workload(object: &Value, parts: &mut Vec<String>) {
    if let Some(replicas) = object.pointer("/spec/replicas").and_then(Value::as_u64) {
        parts.push(format!("replicas: {replicas}"));
    }
    let containers = object.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    for container in containers.into_iter().flatten() {
        if let Some(image) = container.get("image").and_then(Value::as_str) {
            parts.push(format!("image: {}", value_text(&short(image).into(), 2 * LIMIT)));
        }
    }
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

/// An image by as much of its digest as a person compares.
fn short(image: &str) -> String {
    match image.split_once("@sha256:") {
        Some((name, digest)) => format!("{name}@sha256:{}", digest.chars().take(12).collect::<String>()),
        None => image.to_owned(),
    }
}

/// Reasons that the word `create` tells already, or the last line of the plan.
pub(super) fn goes_without_saying(operation: &Operation, reason: &str) -> bool {
    operation.action == Action::Create && (reason == ABSENT || reason.starts_with(UNSEEN))
}

/// How many are planned to be created without a look at whether they are there.
pub(super) fn unseen(plan: &Plan) -> usize {
    let unseen = |operation: &&Operation| {
        operation.action == Action::Create
            && operation.reasons.iter().any(|reason| reason.starts_with(UNSEEN))
    };
    plan.operations.iter().filter(unseen).count()
}
