//! JSON trees: texts, unknown places, secrets in bodies.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::bindings::honey::plugin::http::Part;

/// The JSON that stands for a secret in a request body; the host fills it in.
pub fn secret(name: &str) -> Value {
    json!({ "$secret": name })
}

/// Text of a value that always has one.
pub(crate) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// The one place where JSON is parsed. None where it is none, or nested deeper
/// than any answer of a vendor.
pub(crate) fn parse(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(text).ok()
}

/// A body with its secrets as parts of their own.
pub(crate) fn parts(value: &Value) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut text = String::new();
    write(value, &mut text, &mut parts);
    parts.push(Part::Text(text));
    parts
}

fn write(value: &Value, text: &mut String, parts: &mut Vec<Part>) {
    match value {
        Value::Object(object) => {
            if let Some(name) = object.get("$secret").and_then(Value::as_str) {
                text.push('"');
                parts.push(Part::Text(std::mem::take(text)));
                parts.push(Part::SecretJson(name.to_owned()));
                text.push('"');
                return;
            }
            text.push('{');
            for (at, (name, inner)) in object.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(&self::text(name));
                text.push(':');
                write(inner, text, parts);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (at, inner) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write(inner, text, parts);
            }
            text.push(']');
        }
        plain => text.push_str(&self::text(plain)),
    }
}

/// Whether some place of it is unknown.
fn is_unknown(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(is_unknown),
        Value::Object(object) => object.values().any(is_unknown),
        _ => false,
    }
}

/// Takes the top-level fields out that are not wholly known; returns their names.
pub(crate) fn take_unknown(value: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    keep(value, &mut |name, inner| {
        let is_unknown = is_unknown(inner);
        if is_unknown {
            unknown.push(name.to_owned());
        }
        !is_unknown
    });
    unknown
}

/// A struct as JSON without its empty options.
pub(crate) fn known(value: &impl Serialize) -> Value {
    without_nulls(serde_json::to_value(value).unwrap_or_else(|_| Value::Object(Map::new())))
}

pub(crate) fn without_nulls(mut value: Value) -> Value {
    keep(&mut value, &mut |_, inner| !inner.is_null());
    value
}

/// Leaves the members of an object that are wanted. Builds it anew: taking
/// members out of a tree is much code, in every component.
pub(crate) fn keep(value: &mut Value, wanted: &mut dyn FnMut(&str, &Value) -> bool) {
    if let Value::Object(object) = value {
        let mut kept = Map::new();
        for (name, inner) in std::mem::take(object) {
            if wanted(&name, &inner) {
                kept.insert(name, inner);
            }
        }
        *object = kept;
    }
}
