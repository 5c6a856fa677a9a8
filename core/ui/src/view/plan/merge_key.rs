//! What makes an item of a list the same one on both sides: the list's merge
//! key, as Kubernetes has it for its own lists, or a field that is unique.

use serde_json::Value;

/// Fields that together name an item.
pub(super) type Key = &'static [&'static str];

/// Which item is which.
pub(super) struct Matched {
    /// The fields that say so.
    pub(super) key: Key,
    /// One identity for each item before.
    pub(super) before: Vec<String>,
    /// One identity for each item after.
    pub(super) after: Vec<String>,
}

/// Where a list's name alone does not say it, in this order.
const ANY: &[Key] = &[&["name"], &["key"], &["id"], &["host"], &["path"], &["ip"]];

/// Candidates for a list of this name, the best first.
fn candidates(list: &str) -> &'static [Key] {
    match list {
        "ports" => {
            &[&["containerPort"], &["containerPort", "protocol"], &["port"], &["port", "protocol"], &["name"]]
        }
        "volumeMounts" => &[&["mountPath"], &["mountPath", "subPath"]],
        "volumeDevices" => &[&["devicePath"]],
        "topologySpreadConstraints" => &[&["topologyKey"], &["topologyKey", "whenUnsatisfiable"]],
        "tolerations" => &[&["key"], &["key", "effect"]],
        "hostAliases" => &[&["ip"]],
        "ownerReferences" => &[&["uid"]],
        "conditions" => &[&["type"]],
        "tls" => &[&["secretName"]],
        "subjects" => &[&["name"], &["namespace", "name"], &["kind", "namespace", "name"]],
        "envFrom" => &[&["configMapRef/name"], &["secretRef/name"]],
        "volumeClaimTemplates" => &[&["metadata/name"]],
        _ => ANY,
    }
}

/// The identities of two lists of objects; none where nothing identifies every
/// item on both sides, and each only once.
pub(super) fn matched(list: &str, before: &[Value], after: &[Value]) -> Option<Matched> {
    candidates(list).iter().find_map(|key| {
        Some(Matched { key, before: identities(before, key)?, after: identities(after, key)? })
    })
}

fn identities(items: &[Value], key: Key) -> Option<Vec<String>> {
    let mut all = Vec::with_capacity(items.len());
    for item in items {
        let fields = item.as_object()?;
        let mut parts = Vec::with_capacity(key.len());
        for name in key {
            match name.split_once('/') {
                Some((outer, inner)) => parts.push(plain(fields.get(outer)?.get(inner))?),
                // Absent is as good as a value where another field stands beside it.
                None if key.len() > 1 => parts.extend(plain(fields.get(*name))),
                None => parts.push(plain(fields.get(*name))?),
            }
        }
        if parts.is_empty() {
            return None;
        }
        all.push(parts.join("/"));
    }
    let mut sorted: Vec<&String> = all.iter().collect();
    sorted.sort_unstable();
    sorted.windows(2).all(|pair| pair[0] != pair[1]).then_some(all)
}

fn plain(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::matched;

    fn names(list: &str, items: Value) -> Option<Vec<String>> {
        Some(matched(list, items.as_array().unwrap_or(&Vec::new()), &[])?.before)
    }

    #[test]
    fn each_list_by_its_own_key() {
        let both =
            json!([{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53, "protocol": "TCP"}]);
        assert_eq!(names("ports", both).unwrap_or_default(), ["53/UDP", "53/TCP"]);
        assert_eq!(names("ports", json!([{"port": 80, "name": "http"}])).unwrap_or_default(), ["80"]);
        assert_eq!(
            names(
                "volumeMounts",
                json!([{"name": "a", "mountPath": "/a"}, {"name": "a", "mountPath": "/b"}])
            )
            .unwrap_or_default(),
            ["/a", "/b"]
        );
        assert_eq!(
            names("tolerations", json!([{"key": "a", "effect": "x"}, {"key": "a", "effect": "y"}]))
                .unwrap_or_default(),
            ["a/x", "a/y"]
        );
        assert_eq!(names("env", json!([{"name": "A"}])).unwrap_or_default(), ["A"]);
    }

    #[test]
    fn what_is_there_twice_or_not_at_all_identifies_nothing() {
        assert_eq!(names("env", json!([{"name": "A"}, {"name": "A"}])), None);
        assert_eq!(names("rules", json!([{"port": 1}, {"port": 2}])), None);
        assert_eq!(names("args", json!(["a", "b"])), None);
    }
}
