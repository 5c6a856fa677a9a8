//! Schemas of custom kinds: from a definition's `openAPIV3Schema`.

use std::sync::OnceLock;

use jsonschema::{Draft, Validator, error::ValidationErrorKind};
use serde_json::{Map, Value, json};

use super::{
    ListType, Node, Scalar, Struct,
    built_in::{self, texts},
};

/// What a definition says of one version.
#[derive(Debug)]
pub(in crate::kube) struct Custom {
    /// Fields, types and merging.
    pub(in crate::kube) root: Node,
    raw: Value,
    validator: OnceLock<Option<Validator>>,
}

impl Custom {
    /// From `openAPIV3Schema`; a kind without one takes everything.
    pub(in crate::kube) fn new(schema: &Value) -> Self {
        let raw = if schema.is_object() {
            schema.clone()
        } else {
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
        };
        let mut root = read(&raw);
        if let Node::Struct(found) = &mut root {
            object_fields(found);
        }
        Self { root, raw, validator: OnceLock::new() }
    }

    /// Fills in the schema's defaults.
    pub(in crate::kube) fn fill(&self, object: &mut Value) {
        fill(object, &self.raw);
    }

    /// What does not fit, as field and reason.
    pub(in crate::kube) fn check(&self, object: &Value) -> Vec<(String, String)> {
        let validator = self
            .validator
            .get_or_init(|| jsonschema::options().with_draft(Draft::Draft4).build(&draft4(&self.raw)).ok());
        let Some(validator) = validator else { return Vec::new() };
        validator
            .iter_errors(object)
            .map(|error| {
                let place = dotted(&error.instance_path().to_string());
                let value = error.instance();
                match error.kind() {
                    ValidationErrorKind::Required { property } => {
                        let name = property.as_str().unwrap_or_default();
                        let field =
                            if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
                        (field, "Required value".to_owned())
                    }
                    ValidationErrorKind::Enum { options } => {
                        let list: Vec<String> =
                            options.as_array().into_iter().flatten().map(Value::to_string).collect();
                        (place, format!("Unsupported value: {value}: supported values: {}", list.join(", ")))
                    }
                    ValidationErrorKind::Type { .. } => {
                        let found = type_name(&value);
                        let why = format!(
                            "Invalid value: \"{found}\": {place} in body must be of type {}: \"{found}\"",
                            wanted(&error.to_string())
                        );
                        (place, why)
                    }
                    _ => (place.clone(), format!("Invalid value: {value}: {place} in body: {error}")),
                }
            })
            .collect()
    }
}

/// The type at the end of `… is not of type "integer"`.
fn wanted(message: &str) -> String {
    message.rsplit("of type").next().unwrap_or_default().trim().trim_matches('"').to_owned()
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// `spec.items[0].name` of `/spec/items/0/name`.
fn dotted(pointer: &str) -> String {
    let mut text = String::new();
    for part in pointer.split('/').skip(1) {
        if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            text.push_str(&format!("[{part}]"));
        } else {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(&part.replace("~1", "/").replace("~0", "~"));
        }
    }
    text
}

/// Every object has these, whatever its schema says.
fn object_fields(node: &mut Struct) {
    for field in ["apiVersion", "kind"] {
        node.fields.insert(field.to_owned(), Node::Scalar(Scalar::Text));
    }
    node.fields.insert("metadata".to_owned(), built_in::metadata());
}

fn read(schema: &Value) -> Node {
    if schema["x-kubernetes-int-or-string"] == true {
        return Node::Scalar(Scalar::IntOrString);
    }
    let open = schema["x-kubernetes-preserve-unknown-fields"] == true;
    match schema["type"].as_str() {
        Some("object") => {
            let atomic = schema["x-kubernetes-map-type"] == "atomic";
            match &schema["additionalProperties"] {
                values @ Value::Object(_) => return Node::Map { values: Box::new(read(values)), atomic },
                Value::Bool(true) => return Node::Map { values: Box::new(Node::Any(false)), atomic },
                _ => {}
            }
            let mut node = Struct {
                fields: schema["properties"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(field, schema)| (field.clone(), read(schema)))
                    .collect(),
                required: texts(&schema["required"]),
                atomic,
                open,
                ..Struct::default()
            };
            if schema["x-kubernetes-embedded-resource"] == true {
                object_fields(&mut node);
            }
            Node::Struct(node)
        }
        Some("array") => Node::List { items: Box::new(read(&schema["items"])), merge: list_type(schema) },
        Some("string") => Node::Scalar(Scalar::Text),
        Some("integer") => Node::Scalar(Scalar::Integer(true)),
        Some("number") => Node::Scalar(Scalar::Number),
        Some("boolean") => Node::Scalar(Scalar::Boolean),
        _ => Node::Any(false),
    }
}

fn list_type(schema: &Value) -> ListType {
    match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => ListType::Set,
        Some("map") => ListType::Keyed(
            texts(&schema["x-kubernetes-list-map-keys"])
                .into_iter()
                .map(|key| {
                    let default = &schema["items"]["properties"][&key]["default"];
                    let default = default.as_str().map(str::to_owned);
                    (key, default)
                })
                .collect(),
        ),
        _ => ListType::Atomic,
    }
}

/// `nullable` and `x-kubernetes-int-or-string` in the words of JSON Schema.
fn draft4(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => {
            let mut next: Map<String, Value> = map
                .iter()
                // What stands in examples and defaults is no schema.
                .map(|(field, value)| match field.as_str() {
                    "default" | "example" | "enum" => (field.clone(), value.clone()),
                    _ => (field.clone(), draft4(value)),
                })
                .collect();
            if map.get("nullable") == Some(&Value::Bool(true))
                && let Some(Value::String(name)) = map.get("type")
            {
                next.insert("type".to_owned(), json!([name, "null"]));
            }
            if map.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
                next.insert("type".to_owned(), json!(["integer", "string"]));
                next.remove("anyOf");
            }
            Value::Object(next)
        }
        Value::Array(items) => Value::Array(items.iter().map(draft4).collect()),
        other => other.clone(),
    }
}

fn fill(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(map) => {
            for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
                if let Some(default) = schema.get("default")
                    && map.get(field).is_none_or(|found| found.is_null() && schema["nullable"] != true)
                {
                    map.insert(field.clone(), default.clone());
                }
                if let Some(child) = map.get_mut(field) {
                    fill(child, schema);
                }
            }
            if schema["additionalProperties"].is_object() {
                for child in map.values_mut() {
                    fill(child, &schema["additionalProperties"]);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                fill(item, &schema["items"]);
            }
        }
        _ => {}
    }
}
