//! Label and field selectors.

use serde_json::Value;

/// Whether an object's labels match a selector in its text form.
pub(super) fn labels_match(object: &Value, selector: &str) -> bool {
    let labels = &object["metadata"]["labels"];
    split(selector).iter().all(|term| term_matches(labels, term.trim()))
}

/// Commas that do not stand in parentheses.
fn split(selector: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (index, c) in selector.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&selector[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&selector[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn term_matches(labels: &Value, term: &str) -> bool {
    let label = |key: &str| labels.get(key.trim()).and_then(Value::as_str);
    let one_of = |list: &str, value: &str| {
        list.trim().trim_start_matches('(').trim_end_matches(')').split(',').any(|item| item.trim() == value)
    };
    if let Some((key, list)) = term.split_once(" notin ") {
        return label(key).is_none_or(|value| !one_of(list, value));
    }
    if let Some((key, list)) = term.split_once(" in ") {
        return label(key).is_some_and(|value| one_of(list, value));
    }
    if let Some((key, value)) = term.split_once("!=") {
        return label(key) != Some(value.trim());
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return label(key) == Some(value.trim());
    }
    match term.strip_prefix('!') {
        Some(key) => label(key).is_none(),
        None => label(term).is_some(),
    }
}

/// Whether an object matches a selector as it stands in a `spec` (`matchLabels`, `matchExpressions`).
pub(super) fn spec_matches(object: &Value, selector: &Value) -> bool {
    let labels = &object["metadata"]["labels"];
    let plain = selector["matchLabels"]
        .as_object()
        .into_iter()
        .flatten()
        .all(|(key, value)| labels.get(key) == Some(value));
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten().all(|expression| {
        let found = expression["key"].as_str().and_then(|key| labels.get(key));
        let listed = || {
            expression["values"]
                .as_array()
                .is_some_and(|values| found.is_some_and(|label| values.contains(label)))
        };
        match expression["operator"].as_str() {
            Some("In") => listed(),
            Some("NotIn") => !listed(),
            Some("Exists") => found.is_some(),
            Some("DoesNotExist") => found.is_none(),
            _ => false,
        }
    });
    plain && expressions
}

/// Whether an object matches a field selector: `metadata.name=x,status.phase!=Running`.
pub(super) fn fields_match(object: &Value, selector: &str) -> bool {
    selector.split(',').filter(|term| !term.trim().is_empty()).all(|term| {
        let (path, wanted, equal) = match term.split_once("!=") {
            Some((path, wanted)) => (path, wanted, false),
            None => match term.split_once("==").or_else(|| term.split_once('=')) {
                Some((path, wanted)) => (path, wanted, true),
                None => return false,
            },
        };
        let found = path.trim().split('.').try_fold(object, |value, step| value.get(step));
        (found.and_then(Value::as_str).unwrap_or_default() == wanted.trim()) == equal
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{fields_match, labels_match};

    #[test]
    fn label_selectors() {
        let object = json!({"metadata": {"labels": {"app": "api", "tier": "web"}}});
        for (selector, expected) in [
            ("", true),
            ("app=api", true),
            ("app==api,tier!=db", true),
            ("app in (api, web),tier", true),
            ("app notin (api)", false),
            ("!app", false),
            ("missing", false),
        ] {
            assert_eq!(labels_match(&object, selector), expected, "{selector}");
        }
    }

    #[test]
    fn field_selectors() {
        let object = json!({"metadata": {"name": "a"}, "status": {"phase": "Running"}});
        assert!(fields_match(&object, "metadata.name=a,status.phase!=Pending"));
        assert!(!fields_match(&object, "metadata.name=b"));
    }
}
