//! Fields that stay as they were created, and what the API says to who changes them.

use serde_json::{Value, json};

use super::{quantity, resource::ResourceType, status::Refusal, store::State};

/// Fields and what is wrong with them.
type Causes = Vec<(String, String)>;

/// Checks a change of a known object.
pub(super) fn check(
    state: &State,
    kind: &ResourceType,
    before: &Value,
    after: &Value,
) -> Result<(), Refusal> {
    if !kind.built_in() || before == after {
        return Ok(());
    }
    let name = after["metadata"]["name"].as_str().unwrap_or_default();
    let mut causes = Causes::new();
    match kind.kind.as_str() {
        "Deployment" | "ReplicaSet" | "DaemonSet" => fixed(before, after, &["/spec/selector"], &mut causes),
        "StatefulSet" => stateful_set(before, after, &mut causes),
        "Job" => job(before, after, &mut causes),
        "Service" => service(before, after, &mut causes),
        "PersistentVolumeClaim" => claim(state, kind, before, after, &mut causes)?,
        "PersistentVolume" => volume(before, after, &mut causes),
        "ConfigMap" => frozen(before, after, &["data", "binaryData"], &mut causes),
        "Secret" => {
            frozen(before, after, &["data"], &mut causes);
            fixed(before, after, &["/type"], &mut causes);
        }
        "RoleBinding" | "ClusterRoleBinding" if before["roleRef"] != after["roleRef"] => {
            let why = format!("Invalid value: {}: cannot change roleRef", after["roleRef"]);
            causes.push(("roleRef".into(), why));
        }
        "StorageClass" => {
            for field in ["parameters", "provisioner", "reclaimPolicy"] {
                if before[field] != after[field] {
                    causes.push((field.into(), format!("Forbidden: updates to {field} are forbidden.")));
                }
            }
            fixed(before, after, &["/volumeBindingMode"], &mut causes);
        }
        "PriorityClass" => {
            if before["value"] != after["value"] {
                causes.push(("value".into(), "Forbidden: may not be changed in an update.".into()));
            }
            fixed(before, after, &["/preemptionPolicy"], &mut causes);
        }
        "IngressClass" => fixed(before, after, &["/spec/controller"], &mut causes),
        "Pod" => pod(before, after, &mut causes),
        "CustomResourceDefinition" => fixed(
            before,
            after,
            &["/spec/group", "/spec/scope", "/spec/names/kind", "/spec/names/plural"],
            &mut causes,
        ),
        _ => {}
    }
    if causes.is_empty() { Ok(()) } else { Err(Refusal::invalid(kind, name, &causes)) }
}

/// Fields by their pointers; what is wrong names the new value.
fn fixed(before: &Value, after: &Value, pointers: &[&str], causes: &mut Causes) {
    for pointer in pointers {
        let (old, new) = (before.pointer(pointer), after.pointer(pointer));
        if old != new {
            let shown = new.map_or_else(|| "null".to_owned(), Value::to_string);
            let why = format!("Invalid value: {shown}: field is immutable");
            causes.push((pointer[1..].replace('/', "."), why));
        }
    }
}

/// What `immutable: true` keeps: itself and the content.
fn frozen(before: &Value, after: &Value, fields: &[&str], causes: &mut Causes) {
    if before["immutable"] != true {
        return;
    }
    for field in fields.iter().chain(&["immutable"]) {
        if before[*field] != after[*field] {
            let why = "Forbidden: field is immutable when `immutable` is set";
            causes.push(((*field).to_owned(), why.to_owned()));
        }
    }
}

/// A copy of the specification without some fields.
fn without(object: &Value, fields: &[&str]) -> Value {
    let mut spec = object["spec"].clone();
    if let Some(map) = spec.as_object_mut() {
        map.retain(|field, _| !fields.contains(&field.as_str()));
    }
    spec
}

fn stateful_set(before: &Value, after: &Value, causes: &mut Causes) {
    let free = [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    if without(before, &free) != without(after, &free) {
        let why = "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        causes.push(("spec".into(), why.into()));
    }
}

fn job(before: &Value, after: &Value, causes: &mut Causes) {
    let mut fields = vec![
        "/spec/selector",
        "/spec/completionMode",
        "/spec/podFailurePolicy",
        "/spec/backoffLimitPerIndex",
        "/spec/managedBy",
        "/spec/successPolicy",
    ];
    // An indexed Job grows and shrinks with its parallelism.
    let elastic = after["spec"]["completionMode"] == "Indexed"
        && after["spec"]["completions"] == after["spec"]["parallelism"];
    if !elastic {
        fields.push("/spec/completions");
    }
    fixed(before, after, &fields, causes);
    // One that waits and never ran may still be placed elsewhere.
    let waiting = before["spec"]["suspend"] == true && before["status"]["startTime"].is_null();
    let template = |object: &Value| {
        let mut template = object["spec"]["template"].clone();
        if waiting {
            for (parent, field) in [
                ("/metadata", "labels"),
                ("/metadata", "annotations"),
                ("/spec", "nodeSelector"),
                ("/spec", "affinity"),
                ("/spec", "tolerations"),
                ("/spec", "schedulingGates"),
            ] {
                if let Some(map) = template.pointer_mut(parent).and_then(Value::as_object_mut) {
                    map.remove(field);
                }
            }
        }
        template
    };
    if template(before) != template(after) {
        let why = format!("Invalid value: {}: field is immutable", after["spec"]["template"]);
        causes.push(("spec.template".into(), why));
    }
}

fn service(before: &Value, after: &Value, causes: &mut Causes) {
    let without_address = |object: &Value| object["spec"]["type"] == "ExternalName";
    let (old, new) = (&before["spec"]["clusterIP"], &after["spec"]["clusterIP"]);
    if without_address(before)
        || without_address(after)
        || old == new
        || old.as_str().is_none_or(str::is_empty)
    {
        return;
    }
    causes.push(("spec.clusterIPs[0]".into(), format!("Invalid value: [{new}]: may not change once set")));
}

fn claim(
    state: &State,
    kind: &ResourceType,
    before: &Value,
    after: &Value,
    causes: &mut Causes,
) -> Result<(), Refusal> {
    let amount = |value: &Value| value["storage"].as_str().and_then(quantity::thousandths);
    let size = |object: &Value| amount(&object["spec"]["resources"]["requests"]);
    let capacity = amount(&before["status"]["capacity"]);
    let bare = |object: &Value| {
        let mut spec = without(object, &["volumeAttributesClassName"]);
        if let Some(requests) = spec["resources"]["requests"].as_object_mut() {
            requests.remove("storage");
        }
        // The volume is named once, by who binds it.
        if before["spec"]["volumeName"].as_str().is_none_or(str::is_empty)
            && let Some(map) = spec.as_object_mut()
        {
            map.remove("volumeName");
        }
        spec
    };
    let bound = before["status"]["phase"] == "Bound";
    let (old, new) = (size(before), size(after));
    if bare(before) != bare(after) || (old != new && !bound) {
        let why = "Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        causes.push(("spec".into(), why.into()));
    } else if new < old && new <= capacity {
        let why = "Forbidden: field can not be less than status.capacity";
        causes.push(("spec.resources.requests.storage".into(), why.into()));
    } else if old < new {
        let class = before["spec"]["storageClassName"].as_str().unwrap_or_default();
        let grows = state
            .get("storage.k8s.io", "storageclasses", "", class)
            .is_some_and(|class| class["allowVolumeExpansion"] == true);
        if !grows {
            let name = after["metadata"]["name"].as_str().unwrap_or_default();
            let why = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
            return Err(Refusal::forbidden(kind, name, why));
        }
    }
    Ok(())
}

fn volume(before: &Value, after: &Value, causes: &mut Causes) {
    let common = [
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
    ];
    if without(before, &common) != without(after, &common) {
        let why = "Forbidden: spec.persistentvolumesource is immutable after creation";
        causes.push(("spec.persistentvolumesource".into(), why.into()));
    }
    fixed(before, after, &["/spec/volumeMode"], causes);
}

fn pod(before: &Value, after: &Value, causes: &mut Causes) {
    let bare = |object: &Value| {
        let mut spec = without(
            object,
            &[
                "activeDeadlineSeconds",
                "tolerations",
                "terminationGracePeriodSeconds",
                "nodeName",
                "schedulingGates",
            ],
        );
        for list in ["containers", "initContainers"] {
            for container in spec[list].as_array_mut().into_iter().flatten() {
                container["image"] = json!("");
            }
        }
        spec
    };
    if bare(before) != bare(after) {
        let why = "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        causes.push(("spec".into(), why.into()));
    }
}
