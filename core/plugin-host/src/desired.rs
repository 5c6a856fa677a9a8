//! A first look at a desired value, by the kind's static schema: fields that
//! are not there or not known. What values mean is the guest's to say.

use honey_model::{Diagnostic, KindSchema};
use serde_json::Value;

use crate::plugin::Core;

/// Findings, each an error with a place.
pub(crate) fn check(core: &Core, kind: &KindSchema, desired: &Value) -> Vec<Diagnostic> {
    let code = |word: &str| format!("{}::{word}", core.manifest.id);
    let Some(given) = desired.as_object() else {
        return vec![Diagnostic::error(
            code("not-an-object"),
            format!("a `{}` is described by a table", kind.kind),
        )];
    };
    let mut findings = Vec::new();
    let required = kind.desired.get("required").and_then(Value::as_array).into_iter().flatten();
    for name in required.filter_map(Value::as_str).filter(|name| !given.contains_key(*name)) {
        let summary = format!("a `{}` needs `{name}`", kind.kind);
        findings.push(Diagnostic::error(code("missing-field"), summary).at(name));
    }
    let closed = kind.desired.get("additionalProperties") == Some(&Value::Bool(false));
    let Some(known) = kind.desired.get("properties").and_then(Value::as_object).filter(|_| closed) else {
        return findings;
    };
    for name in given.keys().filter(|name| !known.contains_key(*name)) {
        let summary = format!("a `{}` has no `{}`", kind.kind, honey_model::text::visible(name, 80));
        let nearest = known
            .keys()
            .map(|candidate| (strsim::jaro_winkler(candidate, name), candidate))
            .filter(|(likeness, _)| *likeness > 0.75)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let help = match nearest {
            Some((_, candidate)) => format!("Did you mean `{candidate}`?"),
            None => format!("It has {}.", known.keys().cloned().collect::<Vec<_>>().join(", ")),
        };
        findings.push(Diagnostic::error(code("unknown-field"), summary).with_help(help).at(name.as_str()));
    }
    findings
}

/// The value without its unknown places, as guests get it.
pub(crate) fn without_unknown(value: &Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(
            object
                .iter()
                .filter(|(_, inner)| !inner.is_null())
                .map(|(key, inner)| (key.clone(), without_unknown(inner)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_unknown).collect()),
        other => other.clone(),
    }
}
