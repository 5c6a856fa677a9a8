//! Which fields of an object exist, and how they are written in `managedFields`.
//!
//! How lists and maps are merged is the schema's to say ([`super::schema`]).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::schema::{ListType, Node};

/// One step into an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A field of a map.
    Field(String),
    /// An item of a keyed list: its key fields as canonical JSON.
    Item(String),
    /// An item of a set: its value as JSON.
    Member(String),
    /// An item of a list that has one owner, by its number; only in messages.
    Index(usize),
}

/// A path to a field.
pub(super) type Path = Vec<Step>;

/// Paths that somebody owns.
pub(super) type FieldSet = BTreeSet<Path>;

/// What tells two states of an object apart.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// Paths that only the new one has.
    pub(super) added: FieldSet,
    /// Fields with another value.
    pub(super) modified: FieldSet,
    /// Paths that only the old one has.
    pub(super) removed: FieldSet,
}

/// How an item of a list is told from the others; `None` in a list that has one owner.
pub(super) fn item_step(item: &Value, merge: &ListType) -> Option<Step> {
    match merge {
        ListType::Atomic => None,
        ListType::Set => Some(Step::Member(item.to_string())),
        ListType::Keyed(keys) => {
            // A key field that is not there is no part of the key.
            let key: Map<String, Value> = keys
                .iter()
                .filter_map(|(field, default)| {
                    let value = item.get(field).cloned();
                    let value = value.or_else(|| default.as_ref().map(|text| json!(text)));
                    value.map(|value| (field.clone(), value))
                })
                .collect();
            Some(Step::Item(Value::Object(key).to_string()))
        }
    }
}

/// The fields of an object, items of keyed lists and members of maps included.
pub(super) fn leaves(object: &Value, node: &Node) -> FieldSet {
    let mut found = FieldSet::new();
    if let Value::Object(map) = object {
        collect_map(map, node, &mut Vec::new(), &mut found);
    }
    found
}

/// Fields that nobody owns: they name the object or come from the server.
fn nobodys(path: &[Step]) -> bool {
    match path {
        [Step::Field(name)] => matches!(name.as_str(), "apiVersion" | "kind"),
        [Step::Field(parent), Step::Field(name)] if parent == "metadata" => matches!(
            name.as_str(),
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

fn collect_map(map: &Map<String, Value>, node: &Node, path: &mut Path, found: &mut FieldSet) {
    for (name, value) in map {
        path.push(Step::Field(name.clone()));
        if !nobodys(path) {
            // Keys of a map are members of it; declared fields are what stands in them.
            if !node.names(name) {
                found.insert(path.clone());
            }
            collect(value, node.field(name), path, found);
        }
        path.pop();
    }
}

fn collect(value: &Value, node: &Node, path: &mut Path, found: &mut FieldSet) {
    match value {
        Value::Object(map) if !map.is_empty() && !node.atomic() => collect_map(map, node, path, found),
        Value::Array(items) if *node.list_type() != ListType::Atomic => {
            for item in items {
                path.extend(item_step(item, node.list_type()));
                found.insert(path.clone());
                if let Value::Object(map) = item {
                    collect_map(map, node.items(), path, found);
                }
                path.pop();
            }
        }
        _ => {
            found.insert(path.clone());
        }
    }
}

/// What changes from one state of an object to another.
pub(super) fn difference(old: &Value, new: &Value, node: &Node) -> Difference {
    let mut found = Difference::default();
    compare(old, new, node, &mut Vec::new(), &mut found);
    found
}

fn compare(old: &Value, new: &Value, node: &Node, path: &mut Path, found: &mut Difference) {
    if old == new {
        return;
    }
    match (old, new) {
        (Value::Object(old), Value::Object(new)) if path.is_empty() || !node.atomic() => {
            for (name, value) in old {
                path.push(Step::Field(name.clone()));
                if !nobodys(path) {
                    match new.get(name) {
                        Some(other) => compare(value, other, node.field(name), path, found),
                        None => gather(value, node, name, path, &mut found.removed),
                    }
                }
                path.pop();
            }
            for (name, value) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
                path.push(Step::Field(name.clone()));
                if !nobodys(path) {
                    gather(value, node, name, path, &mut found.added);
                }
                path.pop();
            }
        }
        (Value::Array(old), Value::Array(new)) if *node.list_type() != ListType::Atomic => {
            let keyed = |items: &[Value]| -> Vec<(Option<Step>, Value)> {
                items.iter().map(|item| (item_step(item, node.list_type()), item.clone())).collect()
            };
            let (old, new) = (keyed(old), keyed(new));
            for (from, to, one_sided) in [(&old, &new, false), (&new, &old, true)] {
                for (step, item) in from {
                    path.extend(step.clone());
                    match to.iter().find(|(other, _)| other == step) {
                        Some((_, other)) if !one_sided => compare(item, other, node.items(), path, found),
                        Some(_) => {}
                        None => {
                            let set = if one_sided { &mut found.added } else { &mut found.removed };
                            set.insert(path.clone());
                            if let Value::Object(map) = item {
                                collect_map(map, node.items(), path, set);
                            }
                        }
                    }
                    path.pop();
                }
            }
        }
        _ => {
            found.modified.insert(path.clone());
            collect(new, node, path, &mut found.added);
            collect(old, node, path, &mut found.removed);
            found.added.remove(path);
            found.removed.remove(path);
        }
    }
}

/// A field that only one side has, with everything in it.
fn gather(value: &Value, parent: &Node, name: &str, path: &mut Path, set: &mut FieldSet) {
    if !parent.names(name) {
        set.insert(path.clone());
    }
    collect(value, parent.field(name), path, set);
}

/// A set and the declared fields that its paths lead through.
pub(super) fn with_parents(set: &FieldSet, root: &Node) -> FieldSet {
    let mut all = set.clone();
    for path in set {
        let mut node = root;
        for (depth, step) in path.iter().enumerate() {
            match step {
                Step::Field(name) => {
                    if node.names(name) && depth + 1 < path.len() {
                        all.insert(path[..=depth].to_vec());
                    }
                    node = node.field(name);
                }
                _ => node = node.items(),
            }
        }
    }
    all
}

/// Whether a set has a path, or one below it.
pub(super) fn reaches(set: &FieldSet, path: &Path) -> bool {
    set.range(path.clone()..).next().is_some_and(|found| found.starts_with(path))
}

/// Removes what stands at a path.
pub(super) fn remove_at(object: &mut Value, path: &[Step], node: &Node) {
    let Some((step, rest)) = path.split_first() else { return };
    match (object, step) {
        (Value::Object(map), Step::Field(name)) => {
            if rest.is_empty() {
                map.remove(name);
            } else if let Some(child) = map.get_mut(name) {
                remove_at(child, rest, node.field(name));
            }
        }
        (Value::Array(items), step) => {
            let found = |item: &Value| item_step(item, node.list_type()).as_ref() == Some(step);
            if rest.is_empty() {
                items.retain(|item| !found(item));
            } else if let Some(item) = items.iter_mut().find(|item| found(item)) {
                remove_at(item, rest, node.items());
            }
        }
        _ => {}
    }
}

/// Lays `patch` over `base`, keyed lists item by item.
pub(super) fn merge(base: &mut Value, patch: &Value, node: &Node) {
    match (base, patch) {
        (Value::Object(into), Value::Object(from)) if !node.atomic() => {
            for (field, value) in from {
                match into.get_mut(field) {
                    Some(existing) => merge(existing, value, node.field(field)),
                    None => {
                        into.insert(field.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(into), Value::Array(from)) if *node.list_type() != ListType::Atomic => {
            *into = merge_list(into, from, node);
        }
        (base, patch) => *base = patch.clone(),
    }
}

/// Items of both, in the order of the new list; those of the old one alone stay before the item
/// that followed them.
fn merge_list(old: &[Value], new: &[Value], node: &Node) -> Vec<Value> {
    let step = |item: &Value| item_step(item, node.list_type());
    let (old_steps, new_steps): (Vec<_>, Vec<_>) =
        (old.iter().map(step).collect(), new.iter().map(step).collect());
    let merged = |position: usize| {
        let before = old_steps.iter().position(|known| *known == new_steps[position]);
        let mut item = before.map_or(Value::Null, |before| old[before].clone());
        merge(&mut item, &new[position], node.items());
        item
    };
    let (mut left, mut right) = (0, 0);
    let mut result = Vec::new();
    while left < old.len() || right < new.len() {
        let shared = new_steps[right..].iter().find(|known| old_steps.contains(known));
        if left < old.len() && old_steps.get(left) != new_steps.get(right) {
            if !new_steps.contains(&old_steps[left]) {
                result.push(old[left].clone());
                left += 1;
                continue;
            }
            if Some(&old_steps[left]) != shared {
                left += 1;
                continue;
            }
        }
        if right < new.len() {
            left += usize::from(left < old.len() && old_steps[left] == new_steps[right]);
            result.push(merged(right));
            right += 1;
        }
    }
    result
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
                Step::Index(index) => format!("i:{index}"),
            };
            level = level
                .entry(key)
                .or_insert_with(|| Value::Object(Map::new()))
                .as_object_mut()
                .expect("every level was made as a map");
        }
        // A set is sorted: what stands below this path comes later.
        level.insert(".".to_owned(), json!({}));
    }
    for child in root.values_mut() {
        undot(child);
    }
    Value::Object(root)
}

/// A path without anything below it is written as empty.
fn undot(level: &mut Value) {
    let Value::Object(map) = level else { return };
    if map.len() == 1 {
        map.remove(".");
    }
    for child in map.values_mut() {
        undot(child);
    }
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
            Step::Index(index) => text.push_str(&format!("[{index}]")),
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
    use serde_json::{Value, json};

    use super::{decode, difference, encode, leaves, merge, show};
    use crate::kube::schema::{Node, built_in};

    fn deployment() -> Node {
        built_in::of("apps", "Deployment")
    }

    fn pod(spec: &Value) -> Value {
        json!({"spec": {"template": {"spec": spec}}})
    }

    #[test]
    fn a_field_set_survives_its_encoding() {
        let object = json!({"metadata": {"name": "x", "labels": {"a/b": "1"}, "finalizers": ["x/y"]}, "spec": {"selector": {"matchLabels": {"a": "b"}},
            "template": {"spec": {"containers": [{"name": "api", "image": "i", "ports": [{"containerPort": 80}], "args": ["a"]}]}}}});
        let set = leaves(&object, &deployment());
        let encoded = encode(&set);
        assert_eq!(decode(&encoded), set);
        assert_eq!(encoded["f:metadata"]["f:labels"], json!({"f:a/b": {}}));
        assert_eq!(encoded["f:metadata"]["f:finalizers"], json!({"v:\"x/y\"": {}}));
        let container = &encoded["f:spec"]["f:template"]["f:spec"]["f:containers"]["k:{\"name\":\"api\"}"];
        assert_eq!(
            *container,
            json!({".": {}, "f:name": {}, "f:image": {}, "f:args": {}, "f:ports": {
                "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}},
            }})
        );
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
        let mut base =
            pod(&json!({"containers": [{"name": "a", "image": "1", "args": ["x"]}, {"name": "b"}],
            "tolerations": [{"key": "old"}]}));
        let change = pod(
            &json!({"containers": [{"name": "a", "image": "2", "args": ["y", "z"]}], "tolerations": [{"key": "new"}]}),
        );
        merge(&mut base, &change, &deployment());
        assert_eq!(
            base,
            pod(&json!({"containers": [{"name": "a", "image": "2", "args": ["y", "z"]}, {"name": "b"}],
                "tolerations": [{"key": "new"}]}))
        );
    }

    #[test]
    fn items_stand_in_the_order_of_the_new_list() {
        let env = |names: &[&str]| {
            let list: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            pod(&json!({"containers": [{"name": "a", "env": list}]}))
        };
        for (old, new, wanted) in [
            (&["a", "b"][..], &["b", "a"][..], &["b", "a"][..]),
            (&["a", "x", "b"], &["b", "a"], &["x", "b", "a"]),
            (&["a", "b"], &["a", "c", "b"], &["a", "c", "b"]),
            (&["x"], &["a"], &["x", "a"]),
            (&[], &["a", "b"], &["a", "b"]),
        ] {
            let mut base = env(old);
            merge(&mut base, &env(new), &deployment());
            assert_eq!(base, env(wanted), "{old:?} with {new:?}");
        }
    }

    #[test]
    fn a_difference_names_what_came_what_went_and_what_changed() {
        let old = json!({"metadata": {"labels": {"a": "1", "b": "1"}}, "spec": {"replicas": 1}});
        let new =
            json!({"metadata": {"labels": {"a": "2", "c": "1"}}, "spec": {"replicas": 1, "paused": true}});
        let found = difference(&old, &new, &deployment());
        let shown = |set: &super::FieldSet| set.iter().map(|path| show(path)).collect::<Vec<_>>();
        assert_eq!(shown(&found.modified), [".metadata.labels.a"]);
        assert_eq!(shown(&found.added), [".metadata.labels.c", ".spec.paused"]);
        assert_eq!(shown(&found.removed), [".metadata.labels.b"]);
    }
}
