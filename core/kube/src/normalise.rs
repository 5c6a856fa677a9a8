//! Objects without what only the server writes, so that two readings compare.

use serde_json::Value;

/// Metadata that the server keeps for itself.
const SERVER_METADATA: &[&str] = &[
    "managedFields",
    "resourceVersion",
    "uid",
    "generation",
    "creationTimestamp",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// Annotations that controllers and other tools keep for themselves.
const FOREIGN_ANNOTATIONS: &[&str] =
    &["deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration"];

/// Strips status, server-populated metadata and emptied maps. The live object
/// and the answer of a dry run become equal where an apply would change nothing.
#[must_use]
pub fn normalise(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in SERVER_METADATA {
            metadata.remove(*field);
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            for name in FOREIGN_ANNOTATIONS {
                annotations.remove(*name);
            }
        }
        for field in ["annotations", "labels", "finalizers"] {
            let hollow = match metadata.get(field) {
                Some(Value::Object(map)) => map.is_empty(),
                Some(Value::Array(list)) => list.is_empty(),
                Some(Value::Null) => true,
                _ => false,
            };
            if hollow {
                metadata.remove(field);
            }
        }
    }
    strip_template_timestamp(&mut object);
    object
}

/// Templates carry an empty timestamp that some versions write and some do not.
fn strip_template_timestamp(object: &mut Value) {
    if let Some(metadata) = object.pointer_mut("/spec/template/metadata").and_then(Value::as_object_mut)
        && metadata.get("creationTimestamp") == Some(&Value::Null)
    {
        metadata.remove("creationTimestamp");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::normalise;

    #[test]
    fn only_what_somebody_wrote_remains() {
        let live = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "a", "uid": "u", "resourceVersion": "7", "generation": 3, "managedFields": [],
                "annotations": {"deployment.kubernetes.io/revision": "2"}, "labels": {"app": "a"}},
            "spec": {"template": {"metadata": {"creationTimestamp": null, "labels": {"app": "a"}}}},
            "status": {"replicas": 1},
        });
        assert_eq!(
            normalise(&live),
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "labels": {"app": "a"}},
                "spec": {"template": {"metadata": {"labels": {"app": "a"}}}},
            })
        );
    }
}
