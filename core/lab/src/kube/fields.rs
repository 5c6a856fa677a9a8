//! Which fields of an object exist, and how they are written in `managedFields`.
//!
//! Knows which lists are keyed and which maps are owned as a whole for the
//! built-in kinds; everything else is granular for maps and atomic for lists,
//! as Kubernetes treats objects without a schema.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// One step into an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A field of a map.
    Field(String),
    /// An item of a keyed list: its key fields as canonical JSON.
    Item(String),
    /// An item of a set: its value as JSON.
    Member(String),
}

/// A path to a field.
pub(super) type Path = Vec<Step>;

/// Paths that somebody owns.
pub(super) type FieldSet = BTreeSet<Path>;

/// How a list is merged.
pub(super) enum ListType {
    /// As a whole.
    Atomic,
    /// By value.
    Set,
    /// By these key fields; a default where the field may be missing.
    Keyed(&'static [(&'static str, Option<&'static str>)]),
}

/// How the list in field `name` is merged. `built_in` is false for custom kinds.
pub(super) fn list_type(name: &str, items: &[Value], built_in: bool) -> ListType {
    const NAME: &[(&str, Option<&str>)] = &[("name", None)];
    match name {
        "ownerReferences" => return ListType::Keyed(&[("uid", None)]),
        "finalizers" => return ListType::Set,
        _ if !built_in => return ListType::Atomic,
        _ => {}
    }
    let all_have = |field: &str| !items.is_empty() && items.iter().all(|item| item.get(field).is_some());
    match name {
        "containers" | "initContainers" | "env" | "volumes" | "imagePullSecrets" | "secrets"
            if all_have("name") =>
        {
            ListType::Keyed(NAME)
        }
        "volumeMounts" if all_have("mountPath") => ListType::Keyed(&[("mountPath", None)]),
        "conditions" if all_have("type") => ListType::Keyed(&[("type", None)]),
        "ports" if all_have("containerPort") => {
            ListType::Keyed(&[("containerPort", None), ("protocol", Some("TCP"))])
        }
        "ports" if all_have("port") => ListType::Keyed(&[("port", None), ("protocol", Some("TCP"))]),
        "topologySpreadConstraints" if all_have("topologyKey") => {
            ListType::Keyed(&[("topologyKey", None), ("whenUnsatisfiable", None)])
        }
        _ => ListType::Atomic,
    }
}

/// Whether the map in field `name` is owned as a whole.
fn atomic_map(name: &str, built_in: bool) -> bool {
    built_in
        && matches!(
            name,
            "selector"
                | "podSelector"
                | "namespaceSelector"
                | "labelSelector"
                | "nodeSelector"
                | "secretKeyRef"
                | "configMapKeyRef"
                | "fieldRef"
                | "resourceFieldRef"
                | "roleRef"
        )
}

/// The key of an item of a keyed list, canonical.
pub(super) fn item_key(item: &Value, keys: &[(&str, Option<&str>)]) -> String {
    let mut map = Map::new();
    for (field, default) in keys {
        let value =
            item.get(*field).cloned().or_else(|| default.map(|text| json!(text))).unwrap_or(Value::Null);
        map.insert((*field).to_owned(), value);
    }
    Value::Object(map).to_string()
}

/// The leaves of a value, items of keyed lists included.
pub(super) fn leaves(value: &Value, built_in: bool) -> FieldSet {
    let mut found = FieldSet::new();
    if let Value::Object(map) = value {
        let mut path = Vec::new();
        collect_map(map, built_in, &mut path, &mut found);
    }
    found
}

/// Fields that nobody owns: they name the object or come from the server.
fn nobodys(path: &[Step]) -> bool {
    let names: Vec<&str> = path
        .iter()
        .map(|step| match step {
            Step::Field(name) => name.as_str(),
            _ => "",
        })
        .collect();
    match names.as_slice() {
        ["apiVersion" | "kind"] => true,
        ["metadata", field] => matches!(
            *field,
            "name"
                | "namespace"
                | "uid"
                | "resourceVersion"
                | "generation"
                | "creationTimestamp"
                | "managedFields"
                | "selfLink"
                | "deletionTimestamp"
                | "deletionGracePeriodSeconds"
        ),
        _ => false,
    }
}

fn collect_map(map: &Map<String, Value>, built_in: bool, path: &mut Path, found: &mut FieldSet) {
    for (name, value) in map {
        path.push(Step::Field(name.clone()));
        if !nobodys(path) {
            collect(name, value, built_in, path, found);
        }
        path.pop();
    }
}

fn collect(name: &str, value: &Value, built_in: bool, path: &mut Path, found: &mut FieldSet) {
    match value {
        Value::Object(map) if !map.is_empty() && !atomic_map(name, built_in) => {
            collect_map(map, built_in, path, found);
        }
        Value::Array(items) => match list_type(name, items, built_in) {
            ListType::Atomic => {
                found.insert(path.clone());
            }
            ListType::Set => {
                for item in items {
                    path.push(Step::Member(item.to_string()));
                    found.insert(path.clone());
                    path.pop();
                }
            }
            ListType::Keyed(keys) => {
                for item in items {
                    path.push(Step::Item(item_key(item, keys)));
                    found.insert(path.clone());
                    if let Value::Object(map) = item {
                        collect_map(map, built_in, path, found);
                    }
                    path.pop();
                }
            }
        },
        _ => {
            found.insert(path.clone());
        }
    }
}

fn step_in<'a>(value: &'a Value, step: &Step) -> Option<&'a Value> {
    match step {
        Step::Field(name) => value.get(name),
        Step::Item(key) => value.as_array()?.iter().find(|item| matches_key(item, key)),
        Step::Member(text) => value.as_array()?.iter().find(|item| item.to_string() == *text),
    }
}

fn matches_key(item: &Value, key: &str) -> bool {
    let Ok(Value::Object(wanted)) = serde_json::from_str::<Value>(key) else { return false };
    wanted.iter().all(|(field, value)| match item.get(field) {
        Some(found) => found == value,
        None => value == "TCP" && field == "protocol",
    })
}

/// The value at a path.
pub(super) fn value_at<'a>(object: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, step| step_in(value, step))
}

/// Removes what stands at a path, and parents that became empty because of it.
pub(super) fn remove_at(object: &mut Value, path: &[Step]) {
    let Some((step, rest)) = path.split_first() else { return };
    match (object, step) {
        (Value::Object(map), Step::Field(name)) => {
            if rest.is_empty() {
                map.remove(name);
            } else if let Some(child) = map.get_mut(name) {
                remove_at(child, rest);
                let hollow = match child {
                    Value::Object(map) => map.is_empty(),
                    Value::Array(items) => items.is_empty(),
                    _ => false,
                };
                if hollow {
                    map.remove(name);
                }
            }
        }
        (Value::Array(items), Step::Item(key)) => {
            if rest.is_empty() {
                items.retain(|item| !matches_key(item, key));
            } else if let Some(item) = items.iter_mut().find(|item| matches_key(item, key)) {
                remove_at(item, rest);
            }
        }
        (Value::Array(items), Step::Member(text)) => {
            items.retain(|item| serde_json::from_str(text).map_or(true, |wanted: Value| *item != wanted));
        }
        _ => {}
    }
}

/// Lays `patch` over `base`, keyed lists item by item.
pub(super) fn merge(base: &mut Value, patch: &Value, name: &str, built_in: bool) {
    match (base, patch) {
        (Value::Object(into), Value::Object(from)) if !atomic_map(name, built_in) => {
            for (field, value) in from {
                match into.get_mut(field) {
                    Some(existing) => merge(existing, value, field, built_in),
                    None => {
                        into.insert(field.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(into), Value::Array(from)) => match list_type(name, from, built_in) {
            ListType::Atomic => into.clone_from(from),
            ListType::Set => {
                for item in from {
                    if !into.contains(item) {
                        into.push(item.clone());
                    }
                }
            }
            ListType::Keyed(keys) => {
                for item in from {
                    let key = item_key(item, keys);
                    match into.iter_mut().find(|existing| item_key(existing, keys) == key) {
                        Some(existing) => merge(existing, item, "", built_in),
                        None => into.push(item.clone()),
                    }
                }
            }
        },
        (base, patch) => *base = patch.clone(),
    }
}

/// A field set as `fieldsV1`.
pub(super) fn encode(set: &FieldSet) -> Value {
    let mut root = Map::new();
    for path in set {
        let mut level = &mut root;
        for step in path {
            let key = match step {
                Step::Field(name) => format!("f:{name}"),
                Step::Item(key) => format!("k:{key}"),
                Step::Member(text) => format!("v:{text}"),
            };
            level = level
                .entry(key)
                .or_insert_with(|| Value::Object(Map::new()))
                .as_object_mut()
                .expect("every level was made as a map");
        }
        if matches!(path.last(), Some(Step::Item(_))) {
            level.insert(".".to_owned(), json!({}));
        }
    }
    Value::Object(root)
}

/// `fieldsV1` as a field set.
pub(super) fn decode(fields: &Value) -> FieldSet {
    let mut set = FieldSet::new();
    decode_level(fields, &mut Vec::new(), &mut set);
    set
}

fn decode_level(fields: &Value, path: &mut Path, set: &mut FieldSet) {
    let Value::Object(map) = fields else { return };
    if map.is_empty() && !path.is_empty() {
        set.insert(path.clone());
    }
    for (key, value) in map {
        let step = match key.split_once(':') {
            Some(("f", name)) => Step::Field(name.to_owned()),
            Some(("k", key)) => Step::Item(key.to_owned()),
            Some(("v", text)) => Step::Member(text.to_owned()),
            _ => {
                set.insert(path.clone());
                continue;
            }
        };
        path.push(step);
        decode_level(value, path, set);
        path.pop();
    }
}

/// A path as Kubernetes shows it in a conflict: `.spec.containers[name="api"].image`.
pub(super) fn show(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Field(name) => {
                text.push('.');
                text.push_str(name);
            }
            Step::Item(key) => {
                let inner: Vec<String> = serde_json::from_str::<Map<String, Value>>(key)
                    .unwrap_or_default()
                    .iter()
                    .map(|(field, value)| format!("{field}={value}"))
                    .collect();
                text.push('[');
                text.push_str(&inner.join(","));
                text.push(']');
            }
            Step::Member(value) => {
                text.push_str("[=");
                text.push_str(value);
                text.push(']');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{decode, encode, leaves, merge, remove_at, show};

    #[test]
    fn a_field_set_survives_its_encoding() {
        let object = json!({"metadata": {"name": "x", "labels": {"a/b": "1"}}, "spec": {"selector": {"matchLabels": {"a": "b"}},
            "template": {"spec": {"containers": [{"name": "api", "image": "i", "ports": [{"containerPort": 80}], "args": ["a"]}]}}}});
        let set = leaves(&object, true);
        assert_eq!(decode(&encode(&set)), set);
        let shown: Vec<String> = set.iter().map(|path| show(path)).collect();
        assert!(
            shown.contains(&".spec.template.spec.containers[name=\"api\"].image".to_owned()),
            "{shown:?}"
        );
        assert!(shown.contains(&".spec.selector".to_owned()), "a label selector is owned as a whole");
        assert!(!shown.iter().any(|path| path == ".metadata.name"));
    }

    #[test]
    fn keyed_lists_merge_by_key_and_atomic_lists_are_replaced() {
        let mut base = json!({"containers": [{"name": "a", "image": "1"}, {"name": "b"}], "args": ["x"]});
        merge(&mut base, &json!({"containers": [{"name": "a", "image": "2"}], "args": ["y", "z"]}), "", true);
        assert_eq!(
            base,
            json!({"containers": [{"name": "a", "image": "2"}, {"name": "b"}], "args": ["y", "z"]})
        );
        for path in leaves(&json!({"containers": [{"name": "b"}]}), true) {
            remove_at(&mut base, &path);
        }
        assert_eq!(base["containers"], json!([{"name": "a", "image": "2"}]));
    }
}
