//! Which `ConfigMap`s and `Secret`s the pods of a workload are started with,
//! key by key. Pure. What is read again while a pod runs (a volume) counts too:
//! most programs read it once.

use std::collections::{BTreeMap, BTreeSet};

use honey_model::Digest;
use serde_json::{Map, Value, json};

/// Kinds whose pods are replaced when their template changes. A Job is not run again, and the pods
/// of a `CronJob` start with what is there then.
const ROLLED: &[&str] = &["Deployment", "StatefulSet", "DaemonSet"];

/// By source (`Secret/app`) the keys that are used; all of them where there is no set.
type Used = BTreeMap<String, Option<BTreeSet<String>>>;

/// What a stack brings along, by namespace and source (`Secret/app`).
pub(super) type Sources = BTreeMap<(String, String), Map<String, Value>>;

/// The values of a `ConfigMap` or `Secret` of the stack as digests; `None` for other objects.
pub(super) fn source(object: &Value) -> Option<((String, String), Map<String, Value>)> {
    let kind = object["kind"].as_str().filter(|kind| matches!(*kind, "ConfigMap" | "Secret"))?;
    let name = object.pointer("/metadata/name")?.as_str()?;
    let namespace = object.pointer("/metadata/namespace")?.as_str()?;
    let mut values = Map::new();
    for field in ["data", "binaryData", "stringData"] {
        for (key, value) in object[field].as_object().into_iter().flatten() {
            values.insert(key.clone(), json!(Digest::of_json(value).to_string()));
        }
    }
    Some(((namespace.to_owned(), format!("{kind}/{name}")), values))
}

/// What a workload is started with, as far as the stack brings it; empty for other kinds.
pub(super) fn uses(object: &Value, sources: &Sources) -> BTreeMap<String, Value> {
    let kind = object["kind"].as_str().unwrap_or_default();
    let (Some(pod), true) = (object.pointer("/spec/template/spec"), ROLLED.contains(&kind)) else {
        return BTreeMap::new();
    };
    let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
    let values = |(source, keys): (String, Option<BTreeSet<String>>)| {
        let all = sources.get(&(namespace.to_owned(), source.clone()))?;
        let used = |key: &String| keys.as_ref().is_none_or(|keys| keys.contains(key));
        let values: Map<String, Value> = all
            .iter()
            .filter(|(key, _)| used(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        Some((source, Value::Object(values)))
    };
    used(pod).into_iter().filter_map(values).collect()
}

fn used(pod: &Value) -> Used {
    let mut used = Used::new();
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for container in items(&pod[list]) {
            for from in items(&container["envFrom"]) {
                whole(&mut used, "ConfigMap", &from["configMapRef"]["name"]);
                whole(&mut used, "Secret", &from["secretRef"]["name"]);
            }
            for variable in items(&container["env"]) {
                let from = &variable["valueFrom"];
                for (kind, reference) in
                    [("ConfigMap", &from["configMapKeyRef"]), ("Secret", &from["secretKeyRef"])]
                {
                    one(&mut used, kind, &reference["name"], &reference["key"]);
                }
            }
        }
    }
    for volume in items(&pod["volumes"]) {
        mounted(&mut used, "ConfigMap", &volume["configMap"], "name");
        mounted(&mut used, "Secret", &volume["secret"], "secretName");
        for source in items(&volume["projected"]["sources"]) {
            mounted(&mut used, "ConfigMap", &source["configMap"], "name");
            mounted(&mut used, "Secret", &source["secret"], "name");
        }
    }
    used
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn mounted(used: &mut Used, kind: &str, source: &Value, name: &str) {
    let mut keys = items(&source["items"]).peekable();
    if keys.peek().is_none() {
        return whole(used, kind, &source[name]);
    }
    for item in keys {
        one(used, kind, &source[name], &item["key"]);
    }
}

fn whole(used: &mut Used, kind: &str, name: &Value) {
    if let Some(name) = name.as_str() {
        used.insert(format!("{kind}/{name}"), None);
    }
}

fn one(used: &mut Used, kind: &str, name: &Value, key: &Value) {
    if let (Some(name), Some(key)) = (name.as_str(), key.as_str()) {
        let keys = used.entry(format!("{kind}/{name}")).or_insert_with(|| Some(BTreeSet::new()));
        if let Some(keys) = keys {
            keys.insert(key.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::{Sources, source, uses};

    fn sources() -> Sources {
        let map = json!({"kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"},
            "data": {"a": "1", "b": "2"}, "binaryData": {"bin": "AA=="}});
        let secret =
            [("pw".to_owned(), json!({"$secret": "pw"})), ("other".to_owned(), json!({"$secret": "o"}))];
        let mut sources = BTreeMap::from([source(&map).unwrap()]);
        sources.insert(("n".to_owned(), "Secret/s".to_owned()), secret.into_iter().collect());
        sources
    }

    fn of(kind: &str, pod: Value) -> Vec<(String, Vec<String>)> {
        let object = json!({"kind": kind, "metadata": {"name": "w", "namespace": "n"},
            "spec": {"template": {"spec": pod}}});
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect();
        uses(&object, &sources()).iter().map(|(source, value)| (source.clone(), keys(value))).collect()
    }

    #[test]
    fn every_way_to_use_a_source_is_seen() {
        let whole_map =
            vec![("ConfigMap/c".to_owned(), vec!["a".to_owned(), "b".to_owned(), "bin".to_owned()])];
        let one_key = vec![("Secret/s".to_owned(), vec!["pw".to_owned()])];
        for (pod, expected) in [
            (json!({"containers": [{"envFrom": [{"configMapRef": {"name": "c"}}]}]}), whole_map.clone()),
            (json!({"volumes": [{"configMap": {"name": "c"}}]}), whole_map.clone()),
            (json!({"volumes": [{"projected": {"sources": [{"configMap": {"name": "c"}}]}}]}), whole_map),
            (
                json!({"initContainers": [{"env": [
                    {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "pw"}}},
                    {"name": "B", "value": "x"},
                ]}]}),
                one_key.clone(),
            ),
            (
                json!({"volumes": [{"secret": {"secretName": "s", "items": [{"key": "pw", "path": "p"}]}}]}),
                one_key,
            ),
        ] {
            assert_eq!(of("Deployment", pod.clone()), expected, "{pod}");
        }
    }

    #[test]
    fn what_is_not_of_the_stack_or_does_not_roll_is_left_out() {
        let foreign = json!({"containers": [{"envFrom": [{"secretRef": {"name": "foreign"}}]}],
            "imagePullSecrets": [{"name": "s"}]});
        assert_eq!(of("Deployment", foreign), vec![]);
        let used = json!({"containers": [{"envFrom": [{"configMapRef": {"name": "c"}}]}]});
        assert_eq!(of("Job", used.clone()), vec![]);
        assert_eq!(of("StatefulSet", used.clone()).len(), 1);
        assert_eq!(of("DaemonSet", used).len(), 1);
    }
}
