//! What the API refuses as invalid: malformed names, missing fields, values that no object may have.
//!
//! Types and unknown fields are judged before, when an object is read
//! ([`super::schema::decode`]); changes to fields that stay are
//! [`super::immutable`]'s.

mod names;
mod rules;

use serde_json::Value;

use super::{
    resource::{ResourceType, Schema},
    schema::{Node, Scalar},
    status::Refusal,
};

/// Fields and what is wrong with them, in the API's words.
type Causes = Vec<(String, String)>;

/// Checks a filled-in object.
pub(super) fn check(kind: &ResourceType, object: &Value) -> Result<(), Refusal> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let mut causes = Causes::new();
    names::metadata(kind, object, &mut causes);
    match &kind.schema {
        Schema::BuiltIn(node) => {
            if let Some(map) = object.as_object() {
                for (field, value) in map.iter().filter(|(field, _)| *field != "status") {
                    missing(value, node.field(field), field, &mut causes);
                }
                required(object, node, "", &mut causes);
            }
            rules::check(kind, object, &mut causes);
        }
        Schema::Custom(custom) => causes.extend(custom.check(object)),
    }
    // What misses at a place is said once.
    let mut seen = std::collections::BTreeSet::new();
    causes.retain(|cause| seen.insert(cause.clone()));
    if causes.is_empty() { Ok(()) } else { Err(Refusal::invalid(kind, name, &causes)) }
}

fn below(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// The required fields of one map.
fn required(value: &Value, node: &Node, path: &str, causes: &mut Causes) {
    let Node::Struct(declared) = node.resolve() else { return };
    for field in &declared.required {
        // No number or switch misses: what is not there is zero or off.
        let zero = matches!(
            node.field(field).resolve(),
            Node::Scalar(Scalar::Boolean | Scalar::Number | Scalar::Time)
        );
        let lacks = match value.get(field) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.is_empty(),
            Some(Value::Array(items)) => items.is_empty(),
            Some(_) => false,
        };
        if lacks && !zero && !may_be_empty(&declared.name, field) {
            causes.push((below(path, field), "Required value".to_owned()));
        }
    }
}

/// Fields that Kubernetes always writes and that may be empty all the same.
fn may_be_empty(owner: &str, field: &str) -> bool {
    matches!(
        (owner, field),
        ("RoleRef", "apiGroup")
            | ("EndpointAddress", _)
            | ("LimitRangeSpec" | "PolicyRule", _)
            | ("Event", _)
    ) && field != "verbs"
}

/// The required fields of everything below.
fn missing(value: &Value, node: &Node, path: &str, causes: &mut Causes) {
    match value {
        Value::Object(map) => {
            required(value, node, path, causes);
            for (field, value) in map {
                missing(value, node.field(field), &below(path, field), causes);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                missing(item, node.items(), &format!("{path}[{index}]"), causes);
            }
        }
        _ => {}
    }
}
