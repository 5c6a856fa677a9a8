//! The settings that a workload's pods are started with: digests of the
//! `ConfigMap`s and `Secret`s that it uses stand in an annotation of its pod
//! template, so that exactly the workloads that use a changed one roll.
//!
//! Digests are keyed: the annotation tells nothing of a value.

use std::collections::BTreeMap;

use honey_model::{Fault, Secret};
use serde_json::{Map, Value, json};

use crate::kind::connect::Connections;

/// Where the digests stand.
const ANNOTATION: &str = "honey.dev/uses";
/// The pod template's annotations.
const TEMPLATE: &str = "/spec/template/metadata";
/// Hexadecimal digits of a digest that are kept: enough that no two settings share them by chance.
const DIGITS: usize = 16;

/// Digest by source: `Secret/app` to sixteen hexadecimal digits.
pub(super) type Digests = BTreeMap<String, String>;

/// Digests of what a workload uses; `None` while part of it is not known yet.
pub(super) async fn digests(
    connections: &Connections,
    uses: &BTreeMap<String, Value>,
) -> Result<Option<Digests>, Fault> {
    let mut digests = Digests::new();
    if uses.is_empty() {
        return Ok(Some(digests));
    }
    let key = connections.secrets.fingerprint_key().await?;
    for (source, values) in uses {
        let Some(values) = values.as_object() else { return Ok(None) };
        // Names and digests of single values, so that no value is put together with another one.
        let mut parts: Vec<String> = Vec::with_capacity(values.len());
        for (name, value) in values {
            let Some(bytes) = connections.secret_value(value).await? else { return Ok(None) };
            parts.push(format!("{name}={}", bytes.fingerprint(&key)));
        }
        let whole = Secret::new(parts.join("\n")).fingerprint(&key);
        let digest = whole.trim_start_matches("hmac:").chars().take(DIGITS).collect();
        digests.insert(source.clone(), digest);
    }
    Ok(Some(digests))
}

/// Writes the digests into the pod template.
pub(super) fn annotate(object: &mut Value, digests: &Digests) {
    if digests.is_empty() {
        return;
    }
    let text: Vec<String> = digests.iter().map(|(source, digest)| format!("{source}={digest}")).collect();
    if let Some(template) = object.pointer_mut("/spec/template").and_then(Value::as_object_mut) {
        let metadata = template.entry("metadata").or_insert_with(|| json!({}));
        metadata["annotations"][ANNOTATION] = json!(text.join(","));
    }
}

/// Takes the digests out again: they are no part of what is wanted, only of how it is ensured.
pub(super) fn without(object: &mut Value) {
    let Some(metadata) = object.pointer_mut(TEMPLATE).and_then(Value::as_object_mut) else { return };
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove(ANNOTATION);
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
}

/// The digests with which the live pods were started.
pub(super) fn read(live: &Value) -> Digests {
    let text = live.pointer(TEMPLATE).and_then(|metadata| metadata["annotations"][ANNOTATION].as_str());
    text.into_iter()
        .flat_map(|text| text.split(','))
        .filter_map(|part| part.split_once('='))
        .map(|(source, digest)| (source.to_owned(), digest.to_owned()))
        .collect()
}

/// What a plan compares: as wanted where the pods were started with the same, a digest where not.
pub(super) fn compared(uses: &BTreeMap<String, Value>, wanted: &Digests, live: &Digests) -> Value {
    let mut seen = Map::new();
    for (source, values) in uses {
        match (wanted.get(source), live.get(source)) {
            (Some(wanted), Some(live)) if wanted == live => drop(seen.insert(source.clone(), values.clone())),
            (_, Some(live)) => drop(seen.insert(source.clone(), json!(format!("hmac:{live}")))),
            (_, None) => {}
        }
    }
    Value::Object(seen)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{annotate, compared, read, without};

    #[test]
    fn digests_go_into_the_template_and_come_back() {
        let digests = BTreeMap::from([
            ("ConfigMap/c".to_owned(), "00ff".to_owned()),
            ("Secret/s".to_owned(), "12ab".to_owned()),
        ]);
        let plain = json!({"spec": {"template": {"metadata": {"labels": {"a": "b"}}}}});
        let mut object = plain.clone();
        annotate(&mut object, &digests);
        assert_eq!(read(&object), digests);
        without(&mut object);
        assert_eq!(object, plain);
    }

    #[test]
    fn only_the_changed_source_differs() {
        let uses =
            BTreeMap::from([("Secret/a".to_owned(), json!({"k": 1})), ("Secret/b".to_owned(), json!({}))]);
        let digests = |a: &str, b: &str| {
            BTreeMap::from([("Secret/a".to_owned(), a.to_owned()), ("Secret/b".to_owned(), b.to_owned())])
        };
        let seen = compared(&uses, &digests("1", "2"), &digests("1", "3"));
        assert_eq!(seen, json!({"Secret/a": {"k": 1}, "Secret/b": "hmac:3"}));
        assert_eq!(compared(&uses, &digests("1", "2"), &BTreeMap::new()), json!({}));
    }
}
