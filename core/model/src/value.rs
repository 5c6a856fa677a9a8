//! References inside desired values, and their resolution.
//!
//! `{"$ref": "ovh/machine/node-1#/ipv4"}` stands for an output of another
//! resource; `{"$secret": "redis.password", "fingerprint": "hmac:…"}` for a
//! secret (it is never resolved here, drivers ask for it by name);
//! `{"$concat": [part, …]}` for the text of its parts.

use serde_json::{Map, Value, json};

use crate::Address;

/// An output of another resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Whose output.
    pub address: Address,
    /// JSON pointer into its outputs; empty for all of them.
    pub pointer: String,
}

/// The JSON that stands for an output of another resource.
pub fn reference(address: &Address, pointer: &str) -> Value {
    json!({ "$ref": format!("{address}#{pointer}") })
}

/// The JSON that stands for a secret. The fingerprint, where known, makes a
/// changed secret visible as a change.
pub fn secret(name: &str, fingerprint: Option<&str>) -> Value {
    match fingerprint {
        Some(fingerprint) => json!({ "$secret": name, "fingerprint": fingerprint }),
        None => json!({ "$secret": name }),
    }
}

/// Reads one reference.
pub fn as_reference(value: &Value) -> Option<Reference> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    let (address, pointer) = object.get("$ref")?.as_str()?.split_once('#')?;
    Some(Reference { address: Address::new(address).ok()?, pointer: pointer.to_owned() })
}

/// The name of the secret that a value stands for.
pub fn as_secret(value: &Value) -> Option<&str> {
    value.as_object()?.get("$secret")?.as_str()
}

/// Calls `visit` for every reference in the tree.
pub fn visit_references(value: &Value, visit: &mut impl FnMut(Reference)) {
    match value {
        Value::Object(object) => match as_reference(value) {
            Some(reference) => visit(reference),
            None => object.values().for_each(|inner| visit_references(inner, visit)),
        },
        Value::Array(items) => items.iter().for_each(|inner| visit_references(inner, visit)),
        _ => {}
    }
}

/// A value with its references filled in as far as they are known.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// `null` stands where a reference is not known yet.
    pub value: Value,
    /// JSON pointers of the unknown places, with what they wait for.
    pub unknown: Vec<(String, Reference)>,
}

impl Resolved {
    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.unknown.is_empty()
    }
}

/// Fills references in from `outputs`, which answers with the outputs of an
/// address, or `None` where they are not known yet.
pub fn resolve<'a>(value: &Value, outputs: &impl Fn(&Address) -> Option<&'a Value>) -> Resolved {
    let mut unknown = Vec::new();
    let value = resolve_at(value, String::new(), outputs, &mut unknown);
    Resolved { value, unknown }
}

fn resolve_at<'a>(
    value: &Value,
    at: String,
    outputs: &impl Fn(&Address) -> Option<&'a Value>,
    unknown: &mut Vec<(String, Reference)>,
) -> Value {
    if let Some(reference) = as_reference(value) {
        let found = outputs(&reference.address).and_then(|all| all.pointer(&reference.pointer));
        return if let Some(found) = found {
            found.clone()
        } else {
            unknown.push((at, reference));
            Value::Null
        };
    }
    match value {
        Value::Object(object) => {
            if let Some(Value::Array(parts)) = object.get("$concat").filter(|_| object.len() == 1) {
                return concat(parts, &at, outputs, unknown);
            }
            let resolve_one = |(key, inner): (&String, &Value)| {
                let path = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                (key.clone(), resolve_at(inner, path, outputs, unknown))
            };
            Value::Object(object.iter().map(resolve_one).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(
            items
                .iter()
                .enumerate()
                .map(|(index, inner)| resolve_at(inner, format!("{at}/{index}"), outputs, unknown))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// Joins text parts; stays a `$concat` of known parts where a secret is among
/// them, so that only the driver that may see the secret puts it together.
fn concat<'a>(
    parts: &[Value],
    at: &str,
    outputs: &impl Fn(&Address) -> Option<&'a Value>,
    unknown: &mut Vec<(String, Reference)>,
) -> Value {
    let before = unknown.len();
    let parts: Vec<Value> =
        parts.iter().map(|part| resolve_at(part, at.to_owned(), outputs, unknown)).collect();
    if unknown.len() > before {
        return Value::Null;
    }
    let texts: Option<Vec<String>> = parts.iter().map(scalar_text).collect();
    match texts {
        Some(texts) => Value::String(texts.concat()),
        None => json!({ "$concat": parts }),
    }
}

fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{reference, resolve, secret, visit_references};
    use crate::Address;
    use serde_json::json;

    #[test]
    fn known_outputs_fill_in_and_unknown_ones_are_named() {
        let node = Address::of(&["ovh", "machine", "node-1"]);
        let other = Address::of(&["ovh", "machine", "node-2"]);
        let outputs = json!({"ipv4": "127.0.0.1"});
        let wanted = json!({"a": reference(&node, "/ipv4"), "b": [reference(&other, "/ipv4")]});
        let resolved = resolve(&wanted, &|address| (*address == node).then_some(&outputs));
        assert_eq!(resolved.value, json!({"a": "127.0.0.1", "b": [null]}));
        assert_eq!(resolved.unknown.len(), 1);
        assert_eq!(resolved.unknown[0].0, "/b/0");
        let mut seen = Vec::new();
        visit_references(&wanted, &mut |found| seen.push(found.address));
        assert_eq!(seen, vec![node, other]);
    }

    #[test]
    fn concat_joins_text_but_never_a_secret() {
        let none = |_: &Address| None;
        assert_eq!(resolve(&json!({"$concat": ["a", 1]}), &none).value, json!("a1"));
        let with_secret = json!({"$concat": ["a", secret("s", None)]});
        assert_eq!(resolve(&with_secret, &none).value, with_secret);
    }
}
