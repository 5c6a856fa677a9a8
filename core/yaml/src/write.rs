//! Values to YAML that every reader reads alike.
//!
//! A text stands without quotes only where it is plainly nothing else, under
//! YAML 1.1, 1.2 and JSON; other texts are JSON strings, which YAML reads too.

use serde_json::Value;

use crate::{
    documents::is_printable,
    scalar::{Resolved, implicit},
};

/// A value on one line, as JSON. What YAML would take for a line break between quotes, or
/// not take at all, is escaped.
pub fn flow(value: &Value) -> String {
    let mut text = String::new();
    for c in value.to_string().chars() {
        // Such characters stand in strings only, where JSON has an escape for them.
        if !is_printable(c) || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}') {
            text.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            text.push(c);
        }
    }
    text
}

/// A scalar as it may stand after `key: ` or `- `; empty lists and mappings too.
pub fn line(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        other => flow(other),
    }
}

/// Whether a text may stand without quotes: nothing in it has a meaning to any reader.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=+@".contains(c))
        && !text.ends_with(':')
        && matches!(implicit(text), Resolved::Text(_))
        && text.len() > 1
}

/// A value on as many lines as it needs, each with `indent` spaces before it. The first line has none: it may
/// stand behind `- `.
pub fn text(value: &Value, indent: usize) -> String {
    let mut written = String::new();
    block(value, indent, &mut written);
    written
}

fn block(value: &Value, indent: usize, written: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (index, (key, value)) in map.iter().enumerate() {
                if index > 0 {
                    written.push_str(&pad);
                }
                written.push_str(&line(&Value::String(key.clone())));
                written.push(':');
                match value {
                    Value::Object(inner) if !inner.is_empty() => {
                        written.push_str(&format!("\n{pad}  "));
                        block(value, indent + 2, written);
                    }
                    Value::Array(inner) if !inner.is_empty() => {
                        written.push_str(&format!("\n{pad}"));
                        block(value, indent, written);
                    }
                    scalar => written.push_str(&format!(" {}\n", line(scalar))),
                }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    written.push_str(&pad);
                }
                written.push_str("- ");
                block(item, indent + 2, written);
            }
        }
        scalar => written.push_str(&format!("{}\n", line(scalar))),
    }
}
