//! JSON patches and merge patches.

use serde_json::Value;

use super::fields;

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

/// A strategic merge patch as kubectl sends it: keyed lists merge by key,
/// `$patch: delete` removes an item; other directives are ignored.
pub(super) fn strategic(target: &mut Value, patch: &Value) {
    let (Value::Object(into), Value::Object(changes)) = (&mut *target, patch) else {
        *target = patch.clone();
        return;
    };
    for (field, value) in changes.iter().filter(|(field, _)| !field.starts_with('$')) {
        match (into.get_mut(field), value) {
            (_, Value::Null) => {
                into.remove(field);
            }
            (Some(existing @ Value::Object(_)), Value::Object(_)) => strategic(existing, value),
            (Some(Value::Array(existing)), Value::Array(items)) => {
                match fields::list_type(field, items, true) {
                    fields::ListType::Keyed(keys) => {
                        for item in items {
                            let key = fields::item_key(item, keys);
                            let found =
                                existing.iter().position(|other| fields::item_key(other, keys) == key);
                            match (found, item["$patch"] == "delete") {
                                (Some(position), true) => {
                                    existing.remove(position);
                                }
                                (Some(position), false) => strategic(&mut existing[position], item),
                                (None, true) => {}
                                (None, false) => existing.push(item.clone()),
                            }
                        }
                    }
                    _ => existing.clone_from(items),
                }
            }
            _ => {
                into.insert(field.clone(), value.clone());
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
        let mut object = json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b"}]}});
        strategic(
            &mut object,
            &json!({"spec": {"containers": [{"name": "a", "image": "2"}, {"name": "b", "$patch": "delete"}]}}),
        );
        assert_eq!(object["spec"]["containers"], json!([{"name": "a", "image": "2"}]));
    }
}
