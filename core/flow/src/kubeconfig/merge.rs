//! An operator's own kubeconfig with one more access in it. Their text is edited, so that
//! comments and the way they write stay; where it cannot be (aliases, brackets around
//! everything) it is written anew, with quotes around every text that needs some.
//!
//! Either way the result is read again by kubectl's rules before it is handed out: it says
//! exactly what the file said, and the access.

use honey_model::{Fault, FaultClass, Secret};
use serde_json::{Map, Value, json};

use super::{LISTS, edit, malformed, parse, print};

fn refused(why: &str) -> Fault {
    Fault::new(FaultClass::Invalid, "HNY0595", format!("the file to merge into is not a kubeconfig: {why}"))
        .with_help("correct it, or write a file of its own with `--output FILE`; this one was not touched")
}

/// Says where, and nothing of what stands there: it may be a key.
fn misread(error: &honey_yaml::Error) -> Fault {
    let at = error.place;
    refused(&format!("line {}, column {}: {}", at.line, at.column, error.message))
}

/// The operator's own file with this access in it: cluster, user and context of
/// its name are added or replaced, everything else stays. The current context
/// stays too, where there is one. `None` when nothing would change.
pub fn merge(existing: &str, access: &Secret) -> Result<Option<Secret>, Fault> {
    let access = parse(access)?;
    // kubectl would read the first document and lose the others.
    let tree = honey_yaml::single(existing).map_err(|error| misread(&error))?;
    let before = match &tree {
        Some(tree) => tree.value(tree.root()).map_err(|error| misread(&error))?,
        None => Value::Null,
    };
    let after = merged(&before, &access)?;
    if after == before {
        return Ok(None);
    }
    if serde_json::from_str::<Value>(existing).is_ok_and(|value| value.is_object()) {
        let text = serde_json::to_string_pretty(&after).map_err(|_| malformed())?;
        return Ok(Some(Secret::new(text + "\n")));
    }
    let edited = edit::edited(existing, &access, &before, &after);
    Ok(Some(edited.map_or_else(|| print(&after), Secret::new)))
}

/// What the file has to say afterwards.
fn merged(before: &Value, access: &Value) -> Result<Value, Fault> {
    let mut document = match before {
        Value::Null => Map::new(),
        Value::Object(known) => known.clone(),
        _ => return Err(refused("it is no mapping")),
    };
    document.entry("apiVersion").or_insert(json!("v1"));
    document.entry("kind").or_insert(json!("Config"));
    for (list, _) in LISTS {
        let entry = access.pointer(&format!("/{list}/0")).ok_or_else(malformed)?;
        let entries = document.entry(list).or_insert(json!([]));
        if entries.is_null() {
            *entries = json!([]);
        }
        let entries = entries.as_array_mut().ok_or_else(|| refused(&format!("`{list}` is no list")))?;
        let mut known = entries.iter_mut().filter(|known| known["name"] == entry["name"]);
        match (known.next(), known.next()) {
            (Some(_), Some(_)) => return Err(refused(&format!("two of `{list}` have the cluster's name"))),
            (Some(known), None) => *known = entry.clone(),
            (None, _) => entries.push(entry.clone()),
        }
    }
    let current = document.entry("current-context").or_insert(json!(""));
    if current.as_str().is_none_or(str::is_empty) {
        *current = access["current-context"].clone();
    }
    Ok(Value::Object(document))
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
