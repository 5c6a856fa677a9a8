//! `kind: List`, and lists of one kind, to their items, as kubectl does.

use serde_json::{Map, Value};

use crate::{BAD_LIST, object::Problem};

/// An item, and its path in the document; the document itself where that is no list.
pub(crate) struct Item {
    pub(crate) value: Value,
    pub(crate) path: Vec<String>,
}

/// What a list may hold beside its items.
const OF_A_LIST: &[&str] = &["apiVersion", "kind", "metadata", "items"];

/// The objects of a document, in order; lists in lists too.
pub(crate) fn expand(value: Value) -> Vec<Result<Item, Problem>> {
    let mut found = Vec::new();
    walk(value, Vec::new(), &mut found);
    found
}

fn walk(value: Value, path: Vec<String>, found: &mut Vec<Result<Item, Problem>>) {
    let Value::Object(mut map) = value else {
        found.push(Ok(Item { value, path }));
        return;
    };
    let kind = map.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    if !map.contains_key("items") && kind != "List" {
        found.push(Ok(Item { value: Value::Object(map), path }));
        return;
    }
    let items = match items(&mut map, &kind) {
        Ok(items) => items,
        Err((key, message)) => {
            let path = path.into_iter().chain(key.map(str::to_owned)).collect();
            let help = "a list holds `apiVersion`, `kind`, `metadata` and `items`, each item a whole object";
            found.push(Err(Problem { code: BAD_LIST, path, message, help }));
            return;
        }
    };
    let version = map.get("apiVersion").cloned();
    for (number, mut item) in items.into_iter().enumerate() {
        // Items of a list of one kind need not say which, as an API writes them.
        if let (Value::Object(item), Some(of)) =
            (&mut item, kind.strip_suffix("List").filter(|of| !of.is_empty()))
            && !item.contains_key("kind")
            && !item.contains_key("apiVersion")
        {
            item.insert("kind".to_owned(), of.into());
            item.extend(version.clone().map(|version| ("apiVersion".to_owned(), version)));
        }
        let path = path.iter().cloned().chain(["items".to_owned(), number.to_string()]).collect();
        walk(item, path, found);
    }
}

type Wrong = (Option<&'static str>, String);

fn items(map: &mut Map<String, Value>, kind: &str) -> Result<Vec<Value>, Wrong> {
    if !kind.ends_with("List") {
        let message = "`items` at the top makes a list of it, but its kind is no list";
        return Err((Some("items"), message.to_owned()));
    }
    if let Some(other) = map.keys().find(|key| !OF_A_LIST.contains(&key.as_str())) {
        let shown = honey_model::text::visible(other, 60);
        return Err((None, format!("`{shown}` beside the items of a {kind}, which would be lost")));
    }
    match map.remove("items") {
        Some(Value::Array(items)) => Ok(items),
        Some(Value::Null) => Ok(Vec::new()),
        Some(_) => Err((Some("items"), format!("the items of a {kind} are no list"))),
        None => Err((None, format!("a {kind} without items"))),
    }
}
