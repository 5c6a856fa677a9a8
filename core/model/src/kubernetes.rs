//! Which object of a cluster is which: group, kind, effective namespace and
//! name. Versions and the way a manifest is written make no difference.
//!
//! The one place where this rule stands. Whether a kind lives in namespaces is
//! known here for the kinds that every cluster serves; for others the cluster
//! has to be asked.

use std::fmt;

use serde_json::Value;

/// Where objects without a namespace go when their kind lives in namespaces.
pub const DEFAULT_NAMESPACE: &str = "default";
/// Stands for "no namespace" in addresses and ids.
pub const NO_NAMESPACE: &str = "_";

/// Kinds of Kubernetes' own groups that live in no namespace, with their group.
const CLUSTER_SCOPED: &[(&str, &str)] = &[
    ("", "ComponentStatus"),
    ("", "Namespace"),
    ("", "Node"),
    ("", "PersistentVolume"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "APIService"),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("certificates.k8s.io", "ClusterTrustBundle"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
    ("networking.k8s.io", "IPAddress"),
    ("networking.k8s.io", "IngressClass"),
    ("networking.k8s.io", "ServiceCIDR"),
    ("node.k8s.io", "RuntimeClass"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("resource.k8s.io", "DeviceClass"),
    ("resource.k8s.io", "ResourceSlice"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("storage.k8s.io", "CSIDriver"),
    ("storage.k8s.io", "CSINode"),
    ("storage.k8s.io", "StorageClass"),
    ("storage.k8s.io", "VolumeAttachment"),
    ("storage.k8s.io", "VolumeAttributesClass"),
];

/// Groups that the Kubernetes API server itself serves, all their kinds known.
const OWN_GROUPS: &[&str] = &[
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// The group of an `apiVersion`; empty for the core's.
pub fn group_of(api_version: &str) -> &str {
    api_version.rsplit_once('/').map_or("", |(group, _)| group)
}

/// Whether a group is one that every cluster serves.
pub fn is_own_group(group: &str) -> bool {
    OWN_GROUPS.contains(&group)
}

/// Whether objects of a kind live in namespaces; `None` where only the cluster knows.
pub fn namespaced(group: &str, kind: &str) -> Option<bool> {
    is_own_group(group).then(|| !CLUSTER_SCOPED.contains(&(group, kind)))
}

/// An object, whatever its manifest looks like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectIdentity {
    /// API group; empty for the core's.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// The effective namespace; none for what lives in none.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl ObjectIdentity {
    /// Reads an object. `scope` answers for kinds that are not Kubernetes' own; where it does not know
    /// either, the object is taken as it is written. `None` for what is no object.
    pub fn of(object: &Value, scope: &dyn Fn(&str, &str) -> Option<bool>) -> Option<Self> {
        let text =
            |pointer: &str| object.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        let group = group_of(text("/apiVersion")?);
        let kind = text("/kind")?;
        let written = text("/metadata/namespace");
        let namespace = match namespaced(group, kind).or_else(|| scope(group, kind)) {
            Some(true) => Some(written.unwrap_or(DEFAULT_NAMESPACE)),
            Some(false) => None,
            None => written,
        };
        Some(Self {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: text("/metadata/name")?.to_owned(),
        })
    }

    /// Reads an id back, also one with a version in it, as earlier releases wrote them.
    pub fn from_id(id: &str) -> Option<Self> {
        let mut parts = id.rsplitn(4, '/');
        let (name, namespace, kind) = (parts.next()?, parts.next()?, parts.next()?);
        let group = match parts.next()? {
            "core" | "v1" => "",
            other => group_of_id(other),
        };
        let owned = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some(Self {
            group: group.to_owned(),
            kind: owned(kind)?,
            namespace: owned(namespace).filter(|namespace| namespace != NO_NAMESPACE),
            name: owned(name)?,
        })
    }
}

/// `apps/v1` and `apps` are the group `apps`.
fn group_of_id(text: &str) -> &str {
    text.split_once('/').map_or(text, |(group, _)| group)
}

/// The id: `apps/Deployment/shop/api`, `core/Namespace/_/shop`.
impl fmt::Display for ObjectIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = if self.group.is_empty() { "core" } else { &self.group };
        let namespace = self.namespace.as_deref().unwrap_or(NO_NAMESPACE);
        write!(f, "{group}/{}/{namespace}/{}", self.kind, self.name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::ObjectIdentity;

    fn id(api_version: &str, kind: &str, namespace: Option<&str>) -> String {
        let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "n"}});
        if let Some(namespace) = namespace {
            object["metadata"]["namespace"] = json!(namespace);
        }
        let scope = |group: &str, kind: &str| match (group, kind) {
            ("acme.example", "Tenant") => Some(false),
            ("acme.example", "Queue") => Some(true),
            _ => None,
        };
        ObjectIdentity::of(&object, &scope).unwrap().to_string()
    }

    #[test]
    fn how_an_object_is_written_makes_no_other_object() {
        let claim = id("v1", "PersistentVolumeClaim", None);
        assert_eq!(claim, "core/PersistentVolumeClaim/default/n");
        assert_eq!(id("v1", "PersistentVolumeClaim", Some("default")), claim);
        let role = id("rbac.authorization.k8s.io/v1", "ClusterRole", None);
        assert_eq!(id("rbac.authorization.k8s.io/v1", "ClusterRole", Some("app")), role);
        assert_eq!(id("acme.example/v1", "Tenant", Some("app")), id("acme.example/v2", "Tenant", None));
        assert_eq!(id("acme.example/v1", "Queue", None), "acme.example/Queue/default/n");
        assert_eq!(id("other.example/v1", "Thing", None), "other.example/Thing/_/n");
        assert_ne!(id("networking.k8s.io/v1", "Ingress", None), id("acme.example/v1", "Ingress", None));
    }

    #[test]
    fn ids_of_earlier_releases_are_read() {
        for (old, new) in [
            ("v1/Secret/shop/s", "core/Secret/shop/s"),
            ("apps/v1/Deployment/shop/api", "apps/Deployment/shop/api"),
            ("rbac.authorization.k8s.io/v1/ClusterRole/_/r", "rbac.authorization.k8s.io/ClusterRole/_/r"),
            ("core/Namespace/_/shop", "core/Namespace/_/shop"),
        ] {
            assert_eq!(ObjectIdentity::from_id(old).unwrap().to_string(), new);
        }
        assert_eq!(ObjectIdentity::from_id("nonsense"), None);
    }
}
