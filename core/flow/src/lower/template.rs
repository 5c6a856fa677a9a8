//! `${…}` in settings to references of the model.

use honey_config::{Config, interpolate::Part, interpolate::Template};
use honey_model::{Address, Diagnostic, value};
use serde_json::{Value, json};

/// Replaces every text with `${…}` in a tree.
pub(super) fn fill(config: &Config, settings: &Value, origin: &str) -> Result<Value, Diagnostic> {
    match settings {
        Value::String(text) => fill_text(config, text, origin),
        Value::Array(items) => {
            let filled: Result<Vec<_>, _> = items.iter().map(|inner| fill(config, inner, origin)).collect();
            filled.map(Value::Array)
        }
        Value::Object(object) => {
            let one = |(key, inner): (&String, &Value)| {
                Ok((key.clone(), fill(config, inner, &format!("{origin}.{key}"))?))
            };
            let filled: Result<serde_json::Map<_, _>, Diagnostic> = object.iter().map(one).collect();
            filled.map(Value::Object)
        }
        other => Ok(other.clone()),
    }
}

/// One text: itself, one reference, or a concatenation.
pub(super) fn fill_text(config: &Config, text: &str, origin: &str) -> Result<Value, Diagnostic> {
    let parts =
        Template::parse(text).map_err(|error| Diagnostic::error("HNY0183", error.to_string()).at(origin))?;
    let mut filled = Vec::with_capacity(parts.len());
    for part in parts {
        filled.push(match part {
            Part::Text(text) => Value::String(text),
            Part::Secret { name } => value::secret(&name, None),
            Part::Value { name } => value::reference(&address(&["values", &name], origin)?, "/value"),
            Part::Shared { name, pointer } => {
                let kind = config.shared.get(&name).map(|found| found.kind.as_str()).ok_or_else(|| {
                    Diagnostic::error("HNY0184", format!("there is no `[shared.{name}]`")).at(origin)
                })?;
                value::reference(&address(&["shared", kind, &name], origin)?, &pointer)
            }
        });
    }
    Ok(match filled.len() {
        0 => json!(""),
        1 => filled.remove(0),
        _ => json!({ "$concat": filled }),
    })
}

fn address(segments: &[&str], origin: &str) -> Result<Address, Diagnostic> {
    super::checked_address(segments, origin)
}
