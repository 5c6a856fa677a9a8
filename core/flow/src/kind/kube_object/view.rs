//! What a plan is shown of a live object: the part that the wanted object
//! speaks of, and what an apply would take away. Pure.
//!
//! A difference is what a server-side dry run would change; where it changes
//! nothing, the wanted value stands, so that defaults, other managers' fields
//! and other spellings of a value (`0.5`, `500m`) make no noise.

use serde_json::{Map, Value};

/// What identifies an item of a list, the first that all items have and that none shares.
const KEYS: &[&[&str]] = &[
    &["name"],
    &["containerPort", "protocol"],
    &["port", "protocol"],
    &["mountPath"],
    &["devicePath"],
    &["topologyKey", "whenUnsatisfiable"],
    &["ip"],
    &["key"],
    &["type"],
];

/// Metadata that only the server writes.
const SERVER_METADATA: &[&str] =
    &["managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"];

/// Drops what the server writes by itself.
pub(super) fn normalised(mut object: Value) -> Value {
    if let Some(top) = object.as_object_mut() {
        top.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in SERVER_METADATA {
            metadata.remove(*field);
        }
    }
    object
}

/// The live object as a plan compares it with the wanted one. `left` is what an apply would leave.
pub(super) fn view(wanted: &Value, live: &Value, left: &Value) -> Value {
    if live == left {
        return wanted.clone();
    }
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => Value::Object(view_fields(wanted, live, left)),
        (Value::Array(wanted_items), Value::Array(live_items)) => {
            let left = left.as_array().map_or(&[][..], Vec::as_slice);
            match key_of(&[wanted_items, live_items, left]) {
                Some(key) => Value::Array(view_items(key, wanted_items, live_items, left)),
                None => live.clone(),
            }
        }
        _ => live.clone(),
    }
}

fn view_fields(wanted: &Map<String, Value>, live: &Map<String, Value>, left: &Value) -> Map<String, Value> {
    let mut seen = Map::new();
    for (name, inner) in wanted {
        if let Some(there) = live.get(name) {
            let left = left.get(name).unwrap_or(&Value::Null);
            seen.insert(name.clone(), view(inner, there, left));
        }
    }
    for (name, there) in live.iter().filter(|(name, _)| !wanted.contains_key(*name)) {
        if left.get(name).is_none() {
            seen.insert(name.clone(), there.clone());
        } else if there.is_object() {
            // Other managers' fields are left out, but what was ours inside of them and goes is shown.
            let inside = view(&Value::Object(Map::new()), there, &left[name]);
            if inside.as_object().is_some_and(|inside| !inside.is_empty()) {
                seen.insert(name.clone(), inside);
            }
        }
    }
    seen
}

fn view_items(key: &[&str], wanted: &[Value], live: &[Value], left: &[Value]) -> Vec<Value> {
    let find = |items: &'_ [Value], like: &Value| -> Option<usize> {
        items.iter().position(|item| key.iter().all(|name| item.get(*name) == like.get(*name)))
    };
    let mut seen: Vec<Value> = Vec::new();
    for item in wanted {
        if let Some(there) = find(live, item) {
            let left = find(left, item).map_or(&Value::Null, |index| &left[index]);
            seen.push(view(item, &live[there], left));
        }
    }
    let goes = |item: &&Value| find(wanted, item).is_none() && find(left, item).is_none();
    seen.extend(live.iter().filter(goes).cloned());
    seen
}

/// The key by which the items of all these lists are told apart.
fn key_of(lists: &[&[Value]]) -> Option<&'static [&'static str]> {
    let fits = |key: &&&'static [&'static str]| {
        lists.iter().all(|items| {
            let values: Vec<Vec<Option<&Value>>> =
                items.iter().map(|item| key.iter().map(|name| item.get(*name)).collect()).collect();
            let named = values.iter().all(|value| value.first().is_some_and(Option::is_some));
            named && values.iter().enumerate().all(|(index, value)| !values[..index].contains(value))
        })
    };
    KEYS.iter().find(fits).copied()
}

/// The part of `live` that `wanted` speaks of, where no dry run says more.
pub(super) fn project(live: &Value, wanted: &Value) -> Value {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            let both =
                wanted.iter().filter_map(|(key, inner)| Some((key.clone(), project(live.get(key)?, inner))));
            Value::Object(both.collect::<Map<_, _>>())
        }
        (Value::Array(live), Value::Array(wanted)) if live.len() == wanted.len() => {
            Value::Array(live.iter().zip(wanted).map(|(live, wanted)| project(live, wanted)).collect())
        }
        _ => live.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::{normalised, project, view};
    use serde_json::json;

    #[test]
    fn what_the_server_adds_makes_no_difference() {
        let live =
            json!({"metadata": {"name": "a", "uid": "1"}, "spec": {"x": 1, "default": true}, "status": {}});
        assert_eq!(
            normalised(live.clone()),
            json!({"metadata": {"name": "a"}, "spec": {"x": 1, "default": true}})
        );
        assert_eq!(project(&live, &json!({"spec": {"x": 2}})), json!({"spec": {"x": 1}}));
    }

    #[test]
    fn a_change_is_shown_and_nothing_beside_it() {
        let wanted = json!({"spec": {"replicas": 1, "cpu": "0.5"}});
        let live = json!({"spec": {"replicas": 3, "cpu": "500m", "default": true}});
        let left = json!({"spec": {"replicas": 1, "cpu": "500m", "default": true}});
        assert_eq!(view(&wanted, &live, &left), json!({"spec": {"replicas": 3, "cpu": "0.5"}}));
    }

    #[test]
    fn what_goes_is_shown_wherever_it_stands() {
        let wanted = json!({"data": {"stays": "1"}, "spec": {"containers": [
            {"name": "a", "env": [{"name": "STAYS", "value": "1"}], "limits": {"cpu": 1}},
        ]}});
        let live = json!({"data": {"stays": "1", "goes": "2", "foreign": "3"}, "spec": {
            "nodeSelector": {"goes": "x"},
            "containers": [
                {"name": "side", "image": "i"},
                {"name": "a", "policy": "default", "limits": {"cpu": 1, "memory": 2},
                 "env": [{"name": "GOES"}, {"name": "STAYS", "value": "1"}]},
            ],
        }});
        let left = json!({"data": {"stays": "1", "foreign": "3"}, "spec": {
            "containers": [{"name": "a", "policy": "default", "limits": {"cpu": 1},
                "env": [{"name": "STAYS", "value": "1"}]}],
        }});
        assert_eq!(
            view(&wanted, &live, &left),
            json!({"data": {"stays": "1", "goes": "2"}, "spec": {
                "nodeSelector": {"goes": "x"},
                "containers": [
                    {"name": "a", "limits": {"cpu": 1, "memory": 2},
                     "env": [{"name": "STAYS", "value": "1"}, {"name": "GOES"}]},
                    {"name": "side", "image": "i"},
                ],
            }})
        );
    }

    #[test]
    fn what_goes_from_a_part_that_is_taken_out_whole_is_shown_alone() {
        let wanted = json!({"metadata": {"name": "a"}});
        let live = json!({"metadata": {"name": "a", "annotations": {"ours": "1", "foreign": "2"}}});
        let left = json!({"metadata": {"name": "a", "annotations": {"foreign": "2"}}});
        assert_eq!(
            view(&wanted, &live, &left),
            json!({"metadata": {"name": "a", "annotations": {"ours": "1"}}})
        );
    }
}
