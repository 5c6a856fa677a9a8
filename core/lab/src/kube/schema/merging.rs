//! How lists and maps of the built-in kinds are merged: what Kubernetes marks
//! with `x-kubernetes-list-type`, `-list-map-keys` and `-map-type`. Lists and
//! maps that are not named here: lists have one owner as a whole, maps one for each key.

use super::ListType;

/// Definitions that have one owner as a whole.
pub(super) const ATOMIC: &[&str] = &[
    "core.v1.ConfigMapKeySelector",
    "core.v1.EndpointAddress",
    "core.v1.EndpointPort",
    "core.v1.FileKeySelector",
    "core.v1.LocalObjectReference",
    "core.v1.NodeSelector",
    "core.v1.NodeSelectorTerm",
    "core.v1.ObjectFieldSelector",
    "core.v1.ObjectReference",
    "core.v1.ResourceFieldSelector",
    "core.v1.ScopeSelector",
    "core.v1.ScopedResourceSelectorRequirement",
    "core.v1.SecretKeySelector",
    "core.v1.SecretReference",
    "core.v1.TopologySelectorTerm",
    "core.v1.TypedLocalObjectReference",
    "autoscaling.v2.CrossVersionObjectReference",
    "networking.v1.ServiceBackendPort",
    "rbac.v1.RoleRef",
    "rbac.v1.Subject",
    "meta.v1.LabelSelector",
    "meta.v1.OwnerReference",
];

/// Maps that have one owner as a whole.
pub(super) const ATOMIC_MAPS: &[(&str, &str)] =
    &[("core.v1.PodSpec", "nodeSelector"), ("core.v1.ServiceSpec", "selector")];

/// Lists that are merged item by item, and the fields that tell items apart.
const KEYED: &[(&str, &str, &[&str])] = &[
    ("apps.v1.DaemonSetStatus", "conditions", &["type"]),
    ("apps.v1.DeploymentStatus", "conditions", &["type"]),
    ("apps.v1.ReplicaSetStatus", "conditions", &["type"]),
    ("apps.v1.StatefulSetStatus", "conditions", &["type"]),
    ("autoscaling.v2.HorizontalPodAutoscalerStatus", "conditions", &["type"]),
    ("core.v1.Container", "env", &["name"]),
    ("core.v1.Container", "ports", &["containerPort", "protocol"]),
    ("core.v1.Container", "volumeDevices", &["devicePath"]),
    ("core.v1.Container", "volumeMounts", &["mountPath"]),
    ("core.v1.ContainerStatus", "allocatedResourcesStatus", &["name"]),
    ("core.v1.ContainerStatus", "volumeMounts", &["mountPath"]),
    ("core.v1.EphemeralContainer", "env", &["name"]),
    ("core.v1.EphemeralContainer", "ports", &["containerPort", "protocol"]),
    ("core.v1.EphemeralContainer", "volumeDevices", &["devicePath"]),
    ("core.v1.EphemeralContainer", "volumeMounts", &["mountPath"]),
    ("core.v1.NamespaceStatus", "conditions", &["type"]),
    ("core.v1.NodeStatus", "addresses", &["type"]),
    ("core.v1.NodeStatus", "conditions", &["type"]),
    ("core.v1.PersistentVolumeClaimStatus", "conditions", &["type"]),
    ("core.v1.PodSpec", "containers", &["name"]),
    ("core.v1.PodSpec", "ephemeralContainers", &["name"]),
    ("core.v1.PodSpec", "hostAliases", &["ip"]),
    ("core.v1.PodSpec", "imagePullSecrets", &["name"]),
    ("core.v1.PodSpec", "initContainers", &["name"]),
    ("core.v1.PodSpec", "resourceClaims", &["name"]),
    ("core.v1.PodSpec", "schedulingGates", &["name"]),
    ("core.v1.PodSpec", "topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
    ("core.v1.PodSpec", "volumes", &["name"]),
    ("core.v1.PodStatus", "conditions", &["type"]),
    ("core.v1.PodStatus", "podIPs", &["ip"]),
    ("core.v1.PodStatus", "resourceClaimStatuses", &["name"]),
    ("core.v1.ResourceRequirements", "claims", &["name"]),
    ("core.v1.ResourceStatus", "resources", &["resourceID"]),
    ("core.v1.ServiceAccount", "secrets", &["name"]),
    ("core.v1.ServiceSpec", "ports", &["port", "protocol"]),
    ("core.v1.ServiceStatus", "conditions", &["type"]),
    ("policy.v1.PodDisruptionBudgetStatus", "conditions", &["type"]),
    ("apiextensions.v1.CustomResourceDefinitionStatus", "conditions", &["type"]),
    ("apiextensions.v1.JSONSchemaProps", "x-kubernetes-validations", &["rule"]),
    ("meta.v1.ObjectMeta", "ownerReferences", &["uid"]),
];

/// Lists that are merged by value.
const SETS: &[(&str, &str)] = &[
    ("batch.v1.PodFailurePolicyOnExitCodesRequirement", "values"),
    ("batch.v1.UncountedTerminatedPods", "failed"),
    ("batch.v1.UncountedTerminatedPods", "succeeded"),
    ("core.v1.ContainerRestartRuleOnExitCodes", "values"),
    ("core.v1.NodeSpec", "podCIDRs"),
    ("meta.v1.ObjectMeta", "finalizers"),
];

/// How a list is merged by server-side apply.
pub(super) fn list(definition: &str, field: &str) -> ListType {
    if SETS.contains(&(definition, field)) {
        return ListType::Set;
    }
    match KEYED.iter().find(|(owner, name, _)| *owner == definition && *name == field) {
        Some((_, _, keys)) => {
            ListType::Keyed(keys.iter().map(|key| (*key).to_owned()).map(defaulted).collect())
        }
        None => ListType::Atomic,
    }
}

/// A port without a protocol is one of TCP, also where ports are told apart.
fn defaulted(key: String) -> (String, Option<String>) {
    let default = (key == "protocol").then(|| "TCP".to_owned());
    (key, default)
}
