//! What a step says of objects that earlier steps made.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::stand::Known;

/// Fills `"@label"` with an object's id, `"@label#outputs/x"` with something
/// of it, and `…@@label#x` at the end of a text likewise, behind an `@`.
pub(crate) fn fill(value: &Value, known: &BTreeMap<String, Known>) -> Value {
    match value {
        Value::String(text) => match text.split_once("@@") {
            Some((front, name)) => {
                let found = look(name, known);
                Value::String(format!("{front}@{}", found.as_str().unwrap_or_default()))
            }
            None => text.strip_prefix('@').map_or_else(|| value.clone(), |name| look(name, known)),
        },
        Value::Array(items) => items.iter().map(|item| fill(item, known)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, inner)| (name.clone(), fill(inner, known))).collect()
        }
        _ => value.clone(),
    }
}

/// The same for the segments of a path.
pub(crate) fn path(path: &str, known: &BTreeMap<String, Known>) -> String {
    let segment = |text: &str| match text.strip_prefix('@') {
        Some(name) => {
            let found = look(&name.replace('.', "/"), known);
            found.as_str().map_or_else(|| found.to_string(), str::to_owned)
        }
        None => text.to_owned(),
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn look(name: &str, known: &BTreeMap<String, Known>) -> Value {
    let (label, rest) = name.split_once('#').unwrap_or((name, ""));
    let Some(found) = known.get(label) else { return Value::String(format!("@{name}")) };
    if rest.is_empty() {
        return Value::String(found.id.clone());
    }
    found.outcome.pointer(&format!("/{rest}")).cloned().unwrap_or_default()
}
