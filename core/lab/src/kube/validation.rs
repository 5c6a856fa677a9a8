//! What the API refuses: malformed names, missing fields, changes to fields that cannot change.

use serde_json::Value;

use super::{resource::ResourceType, status::Refusal};

fn dns_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
        && !name.starts_with(['-', '.'])
        && !name.ends_with(['-', '.'])
}

/// Fields that stay as they were created.
fn frozen(kind: &str) -> &'static [&'static str] {
    match kind {
        "Deployment" | "ReplicaSet" | "DaemonSet" => &["/spec/selector"],
        "StatefulSet" => &["/spec/selector", "/spec/serviceName", "/spec/volumeClaimTemplates"],
        "Job" => &["/spec/selector", "/spec/template", "/spec/completions"],
        "Service" => &["/spec/clusterIP"],
        "RoleBinding" | "ClusterRoleBinding" => &["/roleRef"],
        "PersistentVolumeClaim" => &["/spec/accessModes", "/spec/storageClassName"],
        "Secret" => &["/type"],
        _ => &[],
    }
}

/// Checks a filled-in object, against what it was where it existed.
pub(super) fn check(kind: &ResourceType, before: Option<&Value>, object: &Value) -> Result<(), Refusal> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let mut causes: Vec<(String, String)> = Vec::new();
    let rbac = kind.group == "rbac.authorization.k8s.io";
    if !rbac && !dns_name(name) {
        causes.push(("metadata.name".into(), format!("Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'")));
    }
    if kind.built_in {
        if let Some(template) = object.pointer("/spec/template") {
            let containers = template.pointer("/spec/containers").and_then(Value::as_array);
            if containers.is_none_or(Vec::is_empty) {
                causes.push(("spec.template.spec.containers".into(), "Required value".into()));
            }
            if matches!(kind.kind.as_str(), "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet")
                && !super::selector::spec_matches(template, &object["spec"]["selector"])
            {
                causes.push((
                    "spec.template.metadata.labels".into(),
                    "Invalid value: `selector` does not match template `labels`".into(),
                ));
            }
            if kind.kind == "Job" && template.pointer("/spec/restartPolicy") == Some(&Value::from("Always")) {
                causes.push((
                    "spec.template.spec.restartPolicy".into(),
                    "Required value: valid values: \"OnFailure\", \"Never\"".into(),
                ));
            }
        }
        if let Some(replicas) = object.pointer("/spec/replicas")
            && replicas.as_u64().is_none()
        {
            causes.push((
                "spec.replicas".into(),
                format!("Invalid value: {replicas}: must be greater than or equal to 0"),
            ));
        }
    }
    if let Some(before) = before {
        for path in frozen(&kind.kind) {
            if before.pointer(path) != object.pointer(path) {
                causes.push((path[1..].replace('/', "."), "Invalid value: field is immutable".into()));
            }
        }
        let fixed = before["immutable"] == true && (before["data"] != object["data"]);
        if fixed {
            causes.push(("data".into(), "Forbidden: field is immutable when `immutable` is set".into()));
        }
    }
    if causes.is_empty() { Ok(()) } else { Err(Refusal::invalid(kind, name, &causes)) }
}
