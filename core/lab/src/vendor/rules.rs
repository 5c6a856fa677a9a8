//! Rules of our own writing for request bodies, as JSON schemas that know every
//! field: what is not listed is refused.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Value, json};

/// One thing wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Dotted path of the field; empty for the body itself.
    pub(crate) field: String,
    /// What is wrong.
    pub(crate) message: String,
    /// Whether a field is missing.
    pub(crate) missing: bool,
}

static COMPILED: LazyLock<Mutex<HashMap<&'static str, Arc<Validator>>>> = LazyLock::new(Mutex::default);

fn validator(name: &'static str, schema: impl FnOnce() -> Value) -> Arc<Validator> {
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    compiled
        .entry(name)
        .or_insert_with(|| {
            let built = jsonschema::options()
                .with_draft(jsonschema::Draft::Draft7)
                .build(&schema())
                .expect("the rules of the lab are valid schemas");
            Arc::new(built)
        })
        .clone()
}

/// Judges a body by the rule `name`, whose schema is made at the first use.
pub(crate) fn judge(name: &'static str, schema: impl FnOnce() -> Value, body: &Value) -> Vec<Problem> {
    validator(name, schema)
        .iter_errors(body)
        .map(|error| {
            let mut field = error.instance_path().to_string().trim_start_matches('/').replace('/', ".");
            let message = error.to_string();
            let keyword = error.kind().keyword();
            if matches!(keyword, "required" | "additionalProperties") {
                let named = message.split(['"', '\'']).nth(1).unwrap_or_default();
                let named =
                    if keyword == "required" { message.rsplit('"').nth(1).unwrap_or(named) } else { named };
                if field.is_empty() {
                    named.clone_into(&mut field);
                } else {
                    field = format!("{field}.{named}");
                }
            }
            let mut message: String = message.chars().take(300).collect();
            if keyword == "required" {
                message = "is required".into();
            } else if keyword == "additionalProperties" {
                message = "is not a field of this request".into();
            }
            Problem { field, message, missing: keyword == "required" }
        })
        .collect()
}

/// An object with these fields and no other.
pub(crate) fn object(required: &[&str], properties: Value) -> Value {
    json!({
        "type": "object",
        "required": required,
        "additionalProperties": false,
        "properties": properties,
    })
}

/// Some text.
pub(crate) fn text() -> Value {
    json!({"type": "string", "minLength": 1})
}

/// One of these words.
pub(crate) fn word(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

/// A list.
pub(crate) fn list(items: Value, most: usize) -> Value {
    json!({"type": "array", "items": items, "maxItems": most})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_name_their_fields() {
        let schema = || {
            object(
                &["name", "rules"],
                json!({
                    "name": text(),
                    "rules": list(object(&["port"], json!({"port": text()})), 2),
                }),
            )
        };
        let found = judge("test/fields", schema, &json!({"rules": [{"prot": 1}], "x": 2}));
        let mut fields: Vec<&str> = found.iter().map(|problem| problem.field.as_str()).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["name", "rules.0.port", "rules.0.prot", "x"]);
        assert!(judge("test/fields", schema, &json!({"name": "a", "rules": []})).is_empty());
    }
}
