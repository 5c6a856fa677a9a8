//! Example answers made fit for a scenario, and unfit for narrow readers.

use serde_json::{Map, Value, json};

/// The example with the identifiers, names, states and page numbers of the
/// lab's own answer to the same request, so that the scenario can go on.
/// `states` says whether states are taken over, too.
pub(super) fn graft(example: &Value, real: &Value, states: bool) -> Value {
    match (example, real) {
        (Value::Object(fields), Value::Object(own)) => fields
            .iter()
            .map(|(name, value)| {
                let grafted = match own.get(name) {
                    Some(real) if identifies(name, states) || nothing_runs(name, real) => real.clone(),
                    Some(real) => graft(value, real, states),
                    // Nobody could ask after the example's task.
                    None if name == "action" => Value::Null,
                    None => value.clone(),
                };
                (name.clone(), grafted)
            })
            .collect(),
        (Value::Array(items), Value::Array(own)) if own.is_empty() => Value::Array(items.clone()),
        (Value::Array(items), Value::Array(own)) if items.iter().all(Value::is_object) => {
            // A filter let these pass, and no more.
            let mut grafted: Vec<Value> = items.iter().take(own.len().max(1)).cloned().collect();
            for (at, real) in own.iter().enumerate() {
                match grafted.get_mut(at) {
                    Some(item) => *item = graft(item, real, states),
                    // What the scenario waits for must be on the list.
                    None => grafted
                        .push(items.first().map_or_else(|| real.clone(), |first| graft(first, real, states))),
                }
            }
            Value::Array(grafted)
        }
        (Value::Number(_), Value::Number(_)) => real.clone(),
        _ => example.clone(),
    }
}

/// Whether the vendor started nothing: nobody could ask after the example's tasks.
fn nothing_runs(name: &str, real: &Value) -> bool {
    let none = real.is_null() || real.as_array().is_some_and(Vec::is_empty);
    none && matches!(name, "operations" | "action" | "actions" | "next_actions")
}

/// The same for a whole body: lists of bare identifiers are the lab's.
pub(super) fn body(example: &Value, real: &Value, states: bool) -> Value {
    match (example, real) {
        (Value::Array(items), Value::Array(_)) if items.iter().all(|item| !item.is_object()) => real.clone(),
        _ => graft(example, real, states),
    }
}

/// Whether a field says which object it is, or how far it is.
fn identifies(name: &str, states: bool) -> bool {
    const STATES: [&str; 9] = [
        "status",
        "state",
        "current_state",
        "pending_state",
        "progress",
        "finished",
        "error",
        "locked",
        "success",
    ];
    const NAMES: [&str; 35] = [
        "ip",
        "id",
        "name",
        "labels",
        "comment",
        "content",
        "type",
        "host",
        "uri",
        "connection_uri",
        "fingerprint",
        "public_key",
        "key",
        "revision",
        "bucketInfo",
        "apiUrl",
        "s3ApiUrl",
        "authorizationToken",
        "token",
        "sha1",
        "scopes",
        "capabilities",
        "page",
        "per_page",
        "next_page",
        "previous_page",
        "last_page",
        "total_pages",
        "total_count",
        "total_entries",
        "count",
        "cursor",
        "next",
        "default",
        "password",
    ];
    let ends = ["_id", "_ids", "_name", "Id", "Ids", "Name"];
    STATES.contains(&name) && states || NAMES.contains(&name) || ends.iter().any(|end| name.ends_with(end))
}

/// Fields that nobody knows, in every object.
pub(super) fn with_unknown_fields(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut all: Map<String, Value> =
                fields.iter().map(|(name, inner)| (name.clone(), with_unknown_fields(inner))).collect();
            // Labels and the like are maps of the owner's own words.
            let free = fields.values().all(Value::is_string);
            if !free {
                all.insert("x_field_of_tomorrow".to_owned(), json!({"deep": [1, null, {"er": true}]}));
            }
            Value::Object(all)
        }
        Value::Array(items) => items.iter().map(with_unknown_fields).collect(),
        other => other.clone(),
    }
}

/// Words of the kind that specifications list, each replaced by a new one.
pub(super) fn with_new_words(value: &Value) -> Value {
    const LISTED: [&str; 16] = [
        "status",
        "state",
        "current_state",
        "pending_state",
        "type",
        "command",
        "action",
        "architecture",
        "provisioner",
        "creation_source",
        "init_source",
        "bucketType",
        "owner_type",
        "netbootMode",
        "offerType",
        "direction",
    ];
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, inner)| {
                let new = inner.is_string() && LISTED.contains(&name.as_str());
                (name.clone(), if new { json!("word_of_tomorrow") } else { with_new_words(inner) })
            })
            .collect(),
        Value::Array(items) => items.iter().map(with_new_words).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{body, with_new_words, with_unknown_fields};

    #[test]
    fn identity_is_the_scenarios_and_the_rest_the_examples() {
        let example =
            json!({"server": {"id": 42, "name": "x", "image": null, "rdns": "192.0.2.1", "status": "off"}});
        let real = json!({"server": {"id": 7, "name": "node-1", "image": {"id": 1}, "rdns": "127.0.0.1", "status": "running"}});
        assert_eq!(
            body(&example, &real, true),
            json!({"server": {"id": 7, "name": "node-1", "image": null, "rdns": "192.0.2.1", "status": "running"}})
        );
        assert_eq!(body(&example, &real, false)["server"]["status"], "off");
        assert_eq!(body(&json!(["a", "b"]), &json!(["c"]), true), json!(["c"]));
        let lists = body(&json!({"x": [{"id": 1, "y": 2}]}), &json!({"x": [{"id": 5}, {"id": 6}]}), true);
        assert_eq!(lists, json!({"x": [{"id": 5, "y": 2}, {"id": 6, "y": 2}]}));
        let longer = body(&json!({"x": [{"id": 1, "y": 2}, {"id": 3}]}), &json!({"x": [{"id": 5}]}), true);
        assert_eq!(longer, json!({"x": [{"id": 5, "y": 2}]}));
    }

    #[test]
    fn tomorrow_is_everywhere_but_in_maps_of_words() {
        let changed = with_unknown_fields(&json!({"a": [{"b": 1}], "labels": {"role": "x"}}));
        assert!(changed["a"][0]["x_field_of_tomorrow"].is_object());
        assert_eq!(changed["labels"], json!({"role": "x"}));
        assert_eq!(
            with_new_words(&json!({"status": "off", "n": 1})),
            json!({"status": "word_of_tomorrow", "n": 1})
        );
    }
}
