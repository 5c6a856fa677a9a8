//! Labels: their form and selectors over them.

use serde_json::{Value, json};

/// Rule for a `labels` field.
pub(super) fn rule() -> Value {
    let value = "^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$";
    let name = "[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?";
    let prefix = "([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?";
    json!({
        "type": "object",
        "propertyNames": {
            "allOf": [
                {"pattern": format!("^{prefix}{name}$")},
                {"not": {"pattern": "^hetzner\\.cloud/"}},
            ],
        },
        "additionalProperties": {"type": "string", "pattern": value},
    })
}

/// Whether labels satisfy a selector; a message when it cannot be read.
pub(super) fn select(selector: &str, labels: &Value) -> Result<bool, String> {
    for term in terms(selector) {
        if !satisfies(term.trim(), labels)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Splits at commas outside parentheses.
fn terms(selector: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut depth) = (0, 0_i32);
    for (at, letter) in selector.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&selector[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&selector[start..]);
    found
}

fn satisfies(term: &str, labels: &Value) -> Result<bool, String> {
    let value_of = |key: &str| labels.get(key.trim()).and_then(Value::as_str);
    if let Some((key, value)) = term.split_once("!=") {
        return Ok(value_of(key) != Some(value.trim()));
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Ok(value_of(key) == Some(value.trim()));
    }
    if let Some((head, list)) = term.split_once('(') {
        let list = list.strip_suffix(')').ok_or("unclosed list")?;
        let mut words = head.split_whitespace();
        let (key, word) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let within = value_of(key).is_some_and(|value| list.split(',').any(|item| item.trim() == value));
        return match word {
            "in" => Ok(within),
            "notin" => Ok(!within),
            _ => Err(format!("{term}: neither in nor notin")),
        };
    }
    if let Some(key) = term.strip_prefix('!') {
        return Ok(value_of(key).is_none());
    }
    if term.is_empty() || term.contains(char::is_whitespace) {
        return Err(format!("{term:?}: not a selector"));
    }
    Ok(value_of(term).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors() {
        let labels = json!({"honey/owner": "a", "tier": "web"});
        for (selector, wanted) in [
            ("honey/owner==a", true),
            ("honey/owner=a,tier in (web,db)", true),
            ("tier notin (web)", false),
            ("!tier", false),
            ("tier,!other", true),
            ("tier!=db", true),
        ] {
            assert_eq!(select(selector, &labels), Ok(wanted), "{selector}");
        }
        assert!(select("a b", &labels).is_err());
    }
}
