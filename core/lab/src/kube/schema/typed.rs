//! What server-side apply says of an object that does not fit its schema, in
//! the words of Kubernetes' structured merge: every fault with its place.

use serde_json::Value;

use super::{ListType, Node, Scalar};
use crate::kube::fields::{Step, item_step, show};

/// Everything that does not fit. Empty for an object that fits.
pub(in crate::kube) fn faults(object: &Value, node: &Node) -> Vec<String> {
    let mut found = Vec::new();
    check(object, node, &mut Vec::new(), &mut found);
    found
}

/// As one message: one fault as it is, several in lines of their own.
pub(in crate::kube) fn message(faults: &[String]) -> String {
    match faults {
        [one] => one.clone(),
        several => {
            let lines: Vec<String> = several.iter().map(|fault| format!("\n  {fault}")).collect();
            format!("errors:{}", lines.concat())
        }
    }
}

fn fault(path: &[Step], what: &str, found: &mut Vec<String>) {
    let place = show(path);
    found.push(if place.is_empty() { what.to_owned() } else { format!("{place}: {what}") });
}

fn check(value: &Value, node: &Node, path: &mut Vec<Step>, found: &mut Vec<String>) {
    // Null is a value of every type.
    if value.is_null() {
        return;
    }
    match node.resolve() {
        Node::Struct(_) | Node::Map { .. } => map(value, node, path, found),
        Node::List { items, merge } => list(value, items, merge, path, found),
        Node::Scalar(scalar) => {
            if let Some(what) = scalar_fault(value, *scalar) {
                fault(path, &what, found);
            }
        }
        Node::Any(_) | Node::Named(_) => {}
    }
}

fn map(value: &Value, node: &Node, path: &mut Vec<Step>, found: &mut Vec<String>) {
    let Value::Object(map) = value else {
        fault(path, &format!("expected map, got &{{{}}}", plain(value)), found);
        return;
    };
    for (field, value) in map {
        path.push(Step::Field(field.clone()));
        let declared = node.declared(field);
        match declared {
            Some(node) => check(value, node, path, found),
            None => fault(path, "field not declared in schema", found),
        }
        path.pop();
        // The first of a map ends the look at it, as in Kubernetes' own walk.
        if declared.is_none() {
            return;
        }
    }
}

fn list(value: &Value, items: &Node, merge: &ListType, path: &mut Vec<Step>, found: &mut Vec<String>) {
    let Value::Array(list) = value else {
        fault(path, &format!("expected list, got &{{{}}}", plain(value)), found);
        return;
    };
    let mut seen: Vec<Step> = Vec::new();
    for (index, item) in list.iter().enumerate() {
        if let Some(why) = no_key(item, merge) {
            fault(path, &format!("element {index}: {why}"), found);
            return;
        }
        let step = item_step(item, merge).unwrap_or(Step::Index(index));
        if seen.contains(&step) {
            fault(path, &format!("duplicate entries for key {}", show(std::slice::from_ref(&step))), found);
        }
        seen.push(step.clone());
        path.push(step);
        check(item, items, path, found);
        path.pop();
    }
}

/// Why an item cannot be told from its neighbours.
fn no_key(item: &Value, merge: &ListType) -> Option<String> {
    match merge {
        ListType::Atomic => None,
        ListType::Set => match item {
            Value::Object(_) => Some("associative list without keys has an element that's a map type".into()),
            Value::Array(_) => Some("not supported: associative list with lists as elements".into()),
            Value::Null => {
                Some("associative list without keys has an element that's an explicit null".into())
            }
            _ => None,
        },
        ListType::Keyed(keys) => {
            let Value::Object(map) = item else {
                return Some(if item.is_null() {
                    "associative list with keys may not have a null element".into()
                } else {
                    "associative list with keys may not have non-map elements".into()
                });
            };
            let names: Vec<String> = keys.iter().map(|(key, _)| format!("{key:?}")).collect();
            let told = keys.iter().any(|(key, default)| map.contains_key(key) || default.is_some());
            (!told).then(|| {
                format!("associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)", names.join(" "))
            })
        }
    }
}

fn scalar_fault(value: &Value, scalar: Scalar) -> Option<String> {
    let simple = value.is_string() || value.is_number() || value.is_boolean();
    match scalar {
        Scalar::Text | Scalar::Bytes if !value.is_string() => {
            Some(format!("expected string, got &value.valueUnstructured{{Value:{}}}", go(value)))
        }
        Scalar::Integer(_) | Scalar::Number if !value.is_number() => {
            Some(format!("expected numeric (int or float), got {}", go_type(value)))
        }
        Scalar::Boolean if !value.is_boolean() => {
            Some(format!("expected boolean, got &{{{}}}", plain(value)))
        }
        // Kubernetes' merge knows these as any single value.
        Scalar::Time | Scalar::IntOrString | Scalar::Quantity if !simple => {
            Some(format!("expected any scalar, got &{{{}}}", plain(value)))
        }
        _ => None,
    }
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// As Go writes a value in its own syntax.
fn go(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Array(items) => {
            format!("[]interface {{}}{{{}}}", items.iter().map(go).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) => {
            let fields: Vec<String> = map
                .iter()
                .map(|(field, value)| format!("{}:{}", Value::from(field.as_str()), go(value)))
                .collect();
            format!("map[string]interface {{}}{{{}}}", fields.join(", "))
        }
        simple => simple.to_string(),
    }
}

/// As Go prints a value.
pub(in crate::kube) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let fields: Vec<String> =
                map.iter().map(|(field, value)| format!("{field}:{}", plain(value))).collect();
            format!("map[{}]", fields.join(" "))
        }
        simple => simple.to_string(),
    }
}
