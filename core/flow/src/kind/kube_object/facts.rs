//! What is special about some kinds of objects: which hold data, how a Job
//! ends, which replicas are an autoscaler's. Pure, on the API's JSON.

use honey_ports::cluster::FieldOwner;
use serde_json::Value;

/// Kinds of workloads that an autoscaler can scale.
const SCALED: &[&str] = &["Deployment", "StatefulSet", "ReplicaSet"];
/// What is lost with an object and stands nowhere else. `instances` counts the objects of a definition.
pub(super) fn data(object: &Value, instances: usize) -> Option<String> {
    match object["kind"].as_str()? {
        "PersistentVolumeClaim" => Some("the files of the volume".to_owned()),
        "PersistentVolume" => Some("the files of a volume".to_owned()),
        "Namespace" => Some("everything in the namespace".to_owned()),
        "StatefulSet" => Some("the state of its pods".to_owned()),
        "CustomResourceDefinition" if instances > 0 => Some(format!("{instances} objects of this kind")),
        _ => None,
    }
}

/// The version and kind under which the objects of a definition are listed.
pub(super) fn defined(object: &Value) -> Option<(String, String)> {
    if object["kind"] != "CustomResourceDefinition" {
        return None;
    }
    let group = object.pointer("/spec/group")?.as_str()?;
    let kind = object.pointer("/spec/names/kind")?.as_str()?;
    let versions = object.pointer("/spec/versions")?.as_array()?;
    let served = versions.iter().find(|version| version["served"] == true)?["name"].as_str()?;
    Some((format!("{group}/{served}"), kind.to_owned()))
}

/// Why a Job failed for good; `None` while it may still complete, or has.
pub(super) fn failed_job(live: &Value) -> Option<String> {
    if live["kind"] != "Job" {
        return None;
    }
    let conditions = live.pointer("/status/conditions")?.as_array()?;
    let failed = conditions.iter().find(|one| one["type"] == "Failed" && one["status"] == "True")?;
    let text = |field: &str| failed[field].as_str().unwrap_or_default();
    let why =
        [text("reason"), text("message")].iter().filter(|text| !text.is_empty()).copied().collect::<Vec<_>>();
    Some(honey_model::text::visible(&format!("it failed ({})", why.join(": ")), 300))
}

/// Whether an object's replicas could be an autoscaler's.
pub(super) fn can_be_scaled(object: &Value) -> bool {
    SCALED.iter().any(|kind| object["kind"] == *kind) && object.pointer("/spec/replicas").is_some()
}

/// Whether the live replicas were written through the scale subresource by somebody else, as an autoscaler
/// does. Its name says nothing: `kube-controller-manager`, and in k3s the name of the one program.
pub(super) fn scaled_by_others(live: &Value) -> bool {
    let managers = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    managers.into_iter().flatten().any(|entry| {
        entry["manager"] != "honey"
            && entry["subresource"] == "scale"
            && entry.pointer("/fieldsV1/f:spec/f:replicas").is_some()
    })
}

/// Whether an autoscaler's target is this object.
pub(super) fn targets(autoscaler: &Value, object: &Value) -> bool {
    let target = &autoscaler["spec"]["scaleTargetRef"];
    target["kind"] == object["kind"] && target["name"] == object["metadata"]["name"]
}

/// `takes spec.replicas over from kubectl`.
pub(crate) fn taken_over(owner: &FieldOwner) -> String {
    format!("takes {} over from {}", owner.field, owner.manager)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{data, defined, failed_job, scaled_by_others, targets};

    #[test]
    fn only_what_holds_data_is_guarded() {
        for kind in ["PersistentVolumeClaim", "PersistentVolume", "Namespace", "StatefulSet"] {
            assert!(data(&json!({ "kind": kind }), 0).is_some(), "{kind}");
        }
        assert_eq!(data(&json!({"kind": "Deployment"}), 0), None);
        let definition = json!({"kind": "CustomResourceDefinition", "spec": {
            "group": "acme.example", "names": {"kind": "Queue"},
            "versions": [{"name": "v1alpha1", "served": false}, {"name": "v1", "served": true}],
        }});
        assert_eq!(data(&definition, 0), None);
        assert!(data(&definition, 3).unwrap().starts_with("3 objects"));
        assert_eq!(defined(&definition).unwrap(), ("acme.example/v1".to_owned(), "Queue".to_owned()));
    }

    #[test]
    fn a_job_failed_only_by_its_condition() {
        let job = |conditions: serde_json::Value| json!({"kind": "Job", "status": {"failed": 1, "conditions": conditions}});
        assert_eq!(failed_job(&job(json!([]))), None);
        assert_eq!(failed_job(&job(json!([{"type": "Failed", "status": "False"}]))), None);
        assert_eq!(failed_job(&job(json!([{"type": "Complete", "status": "True"}]))), None);
        let over =
            json!([{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "m"}]);
        assert_eq!(failed_job(&job(over)).unwrap(), "it failed (BackoffLimitExceeded: m)");
    }

    #[test]
    fn replicas_are_an_autoscalers_only_through_the_scale_subresource() {
        let live = |manager: &str, subresource: &str| {
            json!({"metadata": {"managedFields": [{"manager": manager, "subresource": subresource,
                "fieldsV1": {"f:spec": {"f:replicas": {}}}}]}})
        };
        assert!(scaled_by_others(&live("kube-controller-manager", "scale")));
        assert!(scaled_by_others(&live("k3s", "scale")));
        assert!(!scaled_by_others(&live("honey", "scale")));
        assert!(!scaled_by_others(&live("kube-controller-manager", "status")));
        let autoscaler = json!({"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "api"}}});
        assert!(targets(&autoscaler, &json!({"kind": "Deployment", "metadata": {"name": "api"}})));
        assert!(!targets(&autoscaler, &json!({"kind": "Deployment", "metadata": {"name": "web"}})));
    }
}
