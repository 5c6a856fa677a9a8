//! JSON patches and merge patches.

use serde_json::Value;

use super::schema::{ListType, Node};

/// RFC 7396.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(map) = target.as_object_mut() else { return };
    for (field, value) in changes {
        if value.is_null() {
            map.remove(field);
        } else {
            merge(map.entry(field.clone()).or_insert(Value::Null), value);
        }
    }
}

/// A strategic merge patch as kubectl sends it: keyed lists merge by their key,
/// `$patch`, `$retainKeys` and `$deleteFromPrimitiveList` are followed, an order of items is not.
pub(super) fn strategic(target: &mut Value, patch: &Value, node: &Node) {
    let (Value::Object(into), Value::Object(changes)) = (&mut *target, patch) else {
        *target = patch.clone();
        return;
    };
    if changes.get("$patch").is_some_and(|directive| directive == "replace") {
        into.clear();
    }
    if let Some(Value::Array(kept)) = changes.get("$retainKeys") {
        into.retain(|field, _| kept.iter().any(|name| name == field));
    }
    for (name, value) in changes {
        if let (Some(field), Value::Array(gone)) = (name.strip_prefix("$deleteFromPrimitiveList/"), value)
            && let Some(Value::Array(items)) = into.get_mut(field)
        {
            items.retain(|item| !gone.contains(item));
        }
    }
    for (field, value) in changes.iter().filter(|(field, _)| !field.starts_with('$')) {
        let node = node.field(field);
        match (into.get_mut(field), value) {
            (_, Value::Null) => {
                into.remove(field);
            }
            (_, Value::Object(change)) if change.get("$patch").is_some_and(|what| what == "delete") => {
                into.remove(field);
            }
            (Some(existing @ Value::Object(_)), Value::Object(_)) => strategic(existing, value, node),
            (Some(Value::Array(existing)), Value::Array(items)) => strategic_list(existing, items, node),
            (_, Value::Object(_)) => {
                // The directives of a new map are followed, not kept.
                let mut fresh = Value::Object(serde_json::Map::new());
                strategic(&mut fresh, value, node);
                into.insert(field.clone(), fresh);
            }
            (None, Value::Array(items)) => {
                let mut fresh = Vec::new();
                strategic_list(&mut fresh, items, node);
                into.insert(field.clone(), Value::Array(fresh));
            }
            _ => {
                into.insert(field.clone(), value.clone());
            }
        }
    }
}

fn strategic_list(existing: &mut Vec<Value>, items: &[Value], node: &Node) {
    let replaces = items.iter().any(|item| item.get("$patch").is_some_and(|what| what == "replace"));
    match node.list_type() {
        _ if replaces => {
            *existing = items.iter().filter(|item| item.get("$patch").is_none()).cloned().collect();
        }
        ListType::Atomic => existing.clone_from(&items.to_vec()),
        ListType::Set => {
            for item in items {
                if !existing.contains(item) {
                    existing.push(item.clone());
                }
            }
        }
        ListType::Keyed(keys) => {
            // The first field alone, as Kubernetes' merge key: ports by number, whatever the protocol.
            let Some((key, _)) = keys.first() else { return };
            for item in items {
                let found = existing.iter().position(|other| other.get(key) == item.get(key));
                let deletes = item.get("$patch").is_some_and(|what| what == "delete");
                match (found, deletes) {
                    (Some(position), true) => {
                        existing.remove(position);
                    }
                    (Some(position), false) => strategic(&mut existing[position], item, node.items()),
                    (None, true) => {}
                    (None, false) => existing.push(item.clone()),
                }
            }
        }
    }
}

/// RFC 6902.
pub(super) fn json_patch(target: &mut Value, operations: &Value) -> Result<(), String> {
    for operation in operations.as_array().ok_or("a JSON patch is a list")? {
        let text = |field: &str| operation[field].as_str().unwrap_or_default();
        let (name, path) = (text("op"), text("path"));
        match name {
            "test" => {
                if target.pointer(path) != Some(&operation["value"]) {
                    return Err(format!("testing path {path} failed"));
                }
            }
            "add" => insert(target, path, operation["value"].clone())?,
            "replace" => {
                *target.pointer_mut(path).ok_or_else(|| format!("replace: path {path} is missing"))? =
                    operation["value"].clone();
            }
            "remove" => {
                take(target, path)?;
            }
            "move" => {
                let value = take(target, text("from"))?;
                insert(target, path, value)?;
            }
            "copy" => {
                let value = target.pointer(text("from")).cloned().ok_or("copy: nothing there")?;
                insert(target, path, value)?;
            }
            other => return Err(format!("unknown operation {other:?}")),
        }
    }
    Ok(())
}

fn parent(path: &str) -> Result<(&str, String), String> {
    let (parent, last) = path.rsplit_once('/').ok_or_else(|| format!("{path:?} is not a path"))?;
    Ok((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn insert(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *target = value;
        return Ok(());
    }
    let (parent, last) = parent(path)?;
    match target.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.insert(last, value);
            Ok(())
        }
        Some(Value::Array(items)) => {
            let index = if last == "-" {
                items.len()
            } else {
                last.parse().map_err(|_| format!("bad index in {path}"))?
            };
            if index > items.len() {
                return Err(format!("index out of bounds in {path}"));
            }
            items.insert(index, value);
            Ok(())
        }
        _ => Err(format!("add: path {path} has no parent")),
    }
}

fn take(target: &mut Value, path: &str) -> Result<Value, String> {
    let (parent, last) = parent(path)?;
    let missing = || format!("remove: path {path} is missing");
    match target.pointer_mut(parent) {
        Some(Value::Object(map)) => map.remove(&last).ok_or_else(missing),
        Some(Value::Array(items)) => {
            let index: usize = last.parse().map_err(|_| missing())?;
            if index < items.len() { Ok(items.remove(index)) } else { Err(missing()) }
        }
        _ => Err(missing()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{json_patch, merge, strategic};
    use crate::kube::schema::built_in;

    #[test]
    fn patches_change_what_they_name() {
        let mut object = json!({"a": {"b": 1, "c": 2}, "l": [1]});
        merge(&mut object, &json!({"a": {"b": null, "d": 3}}));
        assert_eq!(object, json!({"a": {"c": 2, "d": 3}, "l": [1]}));
        json_patch(
            &mut object,
            &json!([{"op": "add", "path": "/l/-", "value": 2}, {"op": "remove", "path": "/a/c"}, {"op": "replace", "path": "/a/d", "value": 4}]),
        )
        .unwrap();
        assert_eq!(object, json!({"a": {"d": 4}, "l": [1, 2]}));
        assert!(json_patch(&mut object, &json!([{"op": "remove", "path": "/x"}])).is_err());
    }

    #[test]
    fn strategic_patches_merge_containers_by_name() {
        let mut object = json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b"}], "tolerations": [{"key": "x"}]}});
        strategic(
            &mut object,
            &json!({"spec": {"containers": [{"name": "a", "image": "2"}, {"name": "b", "$patch": "delete"}],
                "$setElementOrder/containers": [{"name": "a"}], "tolerations": [{"key": "y"}]}}),
            &built_in::of("", "Pod"),
        );
        assert_eq!(
            object["spec"],
            json!({"containers": [{"name": "a", "image": "2"}], "tolerations": [{"key": "y"}]})
        );
    }

    #[test]
    fn strategic_patches_replace_and_retain_what_they_say() {
        let mut object = json!({"metadata": {"finalizers": ["a", "b"]}, "spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
        strategic(
            &mut object,
            &json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]},
                "spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
            &built_in::of("apps", "Deployment"),
        );
        assert_eq!(
            object,
            json!({"metadata": {"finalizers": ["b", "c"]}, "spec": {"strategy": {"type": "Recreate"}}})
        );
    }
}
