//! Values with `${path}` in them. Pure.

use serde_json::{Map, Value};

/// Fills placeholders from `scope`. A text that is one placeholder becomes the
/// value itself; one that leads nowhere becomes null, or nothing within a text.
pub(crate) fn fill(template: &Value, scope: &Value) -> Value {
    match template {
        Value::String(text) => fill_text(text, scope),
        Value::Array(items) => Value::Array(items.iter().map(|item| fill(item, scope)).collect()),
        Value::Object(fields) => {
            let filled = fields.iter().map(|(name, inner)| (name.clone(), fill(inner, scope)));
            Value::Object(filled.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

fn fill_text(text: &str, scope: &Value) -> Value {
    if let Some(path) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'))
        && !path.contains("${")
    {
        return look(scope, path).cloned().unwrap_or(Value::Null);
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let Some((path, tail)) = after.split_once('}') else {
            out.push_str("${");
            rest = after;
            continue;
        };
        match look(scope, path) {
            Some(Value::String(text)) => out.push_str(text),
            Some(Value::Null) | None => {}
            Some(other) => out.push_str(&other.to_string()),
        }
        rest = tail;
    }
    out.push_str(rest);
    Value::String(out)
}

fn look<'a>(scope: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(scope, |at, step| match at {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    })
}

/// First segments of all placeholders: what a value refers to.
pub(crate) fn roots(template: &Value, found: &mut Vec<String>) {
    match template {
        Value::String(text) => {
            for part in text.split("${").skip(1) {
                let root = part.split(['.', '}']).next().unwrap_or_default();
                if !found.iter().any(|known| known == root) {
                    found.push(root.to_owned());
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| roots(item, found)),
        Value::Object(fields) => fields.values().for_each(|inner| roots(inner, found)),
        _ => {}
    }
}

/// Lays `over` on `base`: objects are merged, everything else replaces.
pub(crate) fn lay(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (name, inner) in over {
                lay(base.entry(name.clone()).or_insert(Value::Null), inner);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::{fill, lay, roots};
    use serde_json::json;

    #[test]
    fn a_lone_placeholder_keeps_its_type() {
        let scope = json!({"body": {"size": "s", "n": [7]}, "id": 3});
        let template =
            json!({"a": "${body.n.0}", "b": "x-${id}-${body.size}", "c": "${no.where}", "d": "${open"});
        let wanted = json!({"a": 7, "b": "x-3-s", "c": null, "d": "${open"});
        assert_eq!(fill(&template, &scope), wanted);
        let mut found = Vec::new();
        roots(&template, &mut found);
        assert_eq!(found, ["body", "id", "no", "open"]);
    }

    #[test]
    fn objects_are_merged_and_the_rest_replaced() {
        let mut base = json!({"a": {"b": 1, "c": [1, 2]}});
        lay(&mut base, &json!({"a": {"c": [3]}, "d": null}));
        assert_eq!(base, json!({"a": {"b": 1, "c": [3]}, "d": null}));
    }
}
