//! JSON trees: texts, unknown places, secrets in bodies.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::bindings::honey::plugin::http::Part;

/// The JSON that stands for a secret in a request body; the host fills it in.
pub fn secret(name: &str) -> Value {
    json!({ "$secret": name })
}

/// A typed value as a tree; null where it cannot be one.
pub(crate) fn of(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// A tree as text. Written here, so that no type brings its own way to text
/// into a component.
pub(crate) fn text(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text, None);
    text
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
    write(value, &mut text, Some(&mut parts));
    parts.push(Part::Text(text));
    parts
}

/// Writes a tree; where there are `parts`, what stands for a secret becomes one.
fn write(value: &Value, text: &mut String, mut parts: Option<&mut Vec<Part>>) {
    match value {
        Value::Object(object) => {
            let secret = object.get("$secret").and_then(Value::as_str);
            if let (Some(name), Some(parts)) = (secret, parts.as_deref_mut()) {
                text.push('"');
                parts.push(Part::Text(std::mem::take(text)));
                parts.push(Part::SecretJson(name.to_owned()));
                text.push('"');
                return;
            }
            let mut before = '{';
            for (name, inner) in object {
                text.push(before);
                quote(name, text);
                text.push(':');
                write(inner, text, parts.as_deref_mut());
                before = ',';
            }
            text.push_str(if before == '{' { "{}" } else { "}" });
        }
        Value::Array(items) => {
            let mut before = '[';
            for inner in items {
                text.push(before);
                write(inner, text, parts.as_deref_mut());
                before = ',';
            }
            text.push_str(if before == '[' { "[]" } else { "]" });
        }
        Value::String(plain) => quote(plain, text),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::Bool(yes) => text.push_str(if *yes { "true" } else { "false" }),
        Value::Null => text.push_str("null"),
    }
}

/// In runs: a plugin may have megabytes to say.
fn quote(plain: &str, text: &mut String) {
    text.push('"');
    let mut rest = plain;
    while let Some(at) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        text.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            byte @ (b'"' | b'\\') => text.extend(['\\', char::from(byte)]),
            byte => {
                text.push_str("\\u00");
                text.push_str(&crate::marks::hex(&[byte]));
            }
        }
        rest = &rest[at + 1..];
    }
    text.push_str(rest);
    text.push('"');
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
    without_nulls(of(value))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_written_as_json_and_read_back() {
        for tree in [
            json!({}),
            json!([]),
            json!({"a": [], "b": {"c": null}, "d": [1, -2, 3.5, true, false, u64::MAX]}),
            json!("quotes \" and \\ and \n\t\u{0}\u{1f}\u{7f} and é 🐝 \u{2028}"),
            json!({"\"\n": "x"}),
        ] {
            assert_eq!(parse(text(&tree).as_bytes()), Some(tree));
        }
        assert_eq!(text(&json!({"a": [1, "x"]})), r#"{"a":[1,"x"]}"#);
    }

    #[test]
    fn a_secret_is_a_part_only_where_parts_are_wanted() {
        let tree = json!({"password": secret("p"), "n": 1});
        assert_eq!(text(&tree), r#"{"n":1,"password":{"$secret":"p"}}"#);
        let parts = parts(&tree);
        assert!(matches!(&parts[..], [Part::Text(a), Part::SecretJson(name), Part::Text(b)]
            if a == r#"{"n":1,"password":""# && name == "p" && b == r#""}"#));
    }
}
