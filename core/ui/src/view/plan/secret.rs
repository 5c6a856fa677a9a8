//! What of a cluster's Secrets may be shown: that a value is there, never which.

use std::borrow::Cow;

use honey_plan::{FieldChange, MASK, Operation};
use serde_json::{Value, json};

use super::leaf::{Segment, is_special, segments};

/// The kind of object that an operation is about, where it is one of a cluster.
pub(super) fn object_kind(operation: &Operation) -> Option<&str> {
    match operation.kind.as_str() {
        "kube-secret" => Some("Secret"),
        "kube-object" => {
            let side = |value| Value::pointer(value, "/object/kind")?.as_str();
            let known = operation.desired.as_ref().and_then(side).or(operation.prior.as_ref().and_then(side));
            // The address ends in kind and name.
            known.or(operation.address.as_str().rsplit('/').nth(1))
        }
        _ => None,
    }
}

/// Whether a path leads to, or into, what a Secret keeps.
pub(super) fn is_kept(kind: Option<&str>, path: &[Segment]) -> bool {
    let field = |at: usize| match path.get(at) {
        Some(Segment::Field(name)) => name.as_str(),
        _ => "",
    };
    let first = usize::from(field(0) == "object");
    let copy = field(first) == "metadata" && field(first + 1) == "annotations" && path.len() > first + 2;
    kind == Some("Secret") && (matches!(field(first), "data" | "stringData") || copy)
}

/// A value with everything masked that a Secret keeps. Names stay.
pub(super) fn masked(kind: Option<&str>, path: &mut Vec<Segment>, value: &Value) -> Value {
    let kept = is_kept(kind, path);
    match value {
        Value::Object(fields) if is_special(fields) => value.clone(),
        Value::Object(fields) => {
            let one = |(name, inner): (&String, &Value)| {
                path.push(Segment::Field(name.clone()));
                let inner = masked(kind, path, inner);
                path.pop();
                (name.clone(), inner)
            };
            Value::Object(fields.iter().map(one).collect())
        }
        Value::Array(items) => items.iter().map(|inner| masked(kind, path, inner)).collect(),
        _ if kept => json!(MASK),
        scalar => scalar.clone(),
    }
}

/// The changes of an operation as programs may read them.
pub(super) fn changes(operation: &Operation) -> Cow<'_, [FieldChange]> {
    let kind = object_kind(operation);
    if kind != Some("Secret") {
        return Cow::Borrowed(&operation.changes);
    }
    let one = |change: &FieldChange| {
        let mut path = segments(&change.path);
        let mut side = |value: &Option<Value>| value.as_ref().map(|value| masked(kind, &mut path, value));
        FieldChange { before: side(&change.before), after: side(&change.after), ..change.clone() }
    };
    Cow::Owned(operation.changes.iter().map(one).collect())
}
