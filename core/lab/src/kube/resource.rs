//! The kinds that the simulated API serves: built in, and by definition.

use std::sync::Arc;

use serde_json::{Value, json};

use super::schema::{Node, built_in as schemas, custom::Custom};

/// What a kind's objects are made of.
#[derive(Clone, Debug)]
pub(super) enum Schema {
    /// A kind of Kubernetes itself.
    BuiltIn(Arc<Node>),
    /// By definition.
    Custom(Arc<Custom>),
}

impl Schema {
    /// The fields of an object.
    pub(super) fn root(&self) -> &Node {
        match self {
            Self::BuiltIn(node) => node,
            Self::Custom(custom) => &custom.root,
        }
    }
}

/// A kind and its REST names.
#[derive(Clone, Debug)]
pub(super) struct ResourceType {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) plural: String,
    pub(super) singular: String,
    pub(super) namespaced: bool,
    pub(super) short: Vec<String>,
    pub(super) subresources: Vec<&'static str>,
    pub(super) schema: Schema,
}

impl ResourceType {
    /// Whether it is one of Kubernetes itself.
    pub(super) fn built_in(&self) -> bool {
        matches!(self.schema, Schema::BuiltIn(_))
    }

    /// `apps/v1`, or `v1` for the core group.
    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `deployments.apps "api"` in messages.
    pub(super) fn named(&self, name: &str) -> String {
        if self.group.is_empty() {
            format!("{} \"{name}\"", self.plural)
        } else {
            format!("{}.{} \"{name}\"", self.plural, self.group)
        }
    }

    /// Its entries in a resource list, subresources included.
    pub(super) fn listed(&self) -> Vec<Value> {
        let verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
        let mut entries = vec![json!({
            "name": self.plural, "singularName": self.singular, "namespaced": self.namespaced, "kind": self.kind,
            "verbs": verbs, "shortNames": self.short,
        })];
        for subresource in &self.subresources {
            let kind = if *subresource == "scale" { "Scale" } else { &self.kind };
            let mut entry = json!({
                "name": format!("{}/{subresource}", self.plural), "singularName": "", "namespaced": self.namespaced,
                "kind": kind, "verbs": ["get", "patch", "update"],
            });
            if *subresource == "scale" {
                entry["group"] = json!("autoscaling");
                entry["version"] = json!("v1");
            }
            entries.push(entry);
        }
        entries
    }
}

/// Group, version, kind, plural, namespaced, short names, subresources.
type Row =
    (&'static str, &'static str, &'static str, &'static str, bool, &'static str, &'static [&'static str]);

const STATUS: &[&str] = &["status"];
const SCALED: &[&str] = &["status", "scale"];

const BUILT_IN: &[Row] = &[
    ("", "v1", "Namespace", "namespaces", false, "ns", STATUS),
    ("", "v1", "Node", "nodes", false, "no", STATUS),
    ("", "v1", "Pod", "pods", true, "po", &["status", "log", "eviction"]),
    ("", "v1", "Service", "services", true, "svc", STATUS),
    ("", "v1", "ServiceAccount", "serviceaccounts", true, "sa", &[]),
    ("", "v1", "Secret", "secrets", true, "", &[]),
    ("", "v1", "ConfigMap", "configmaps", true, "cm", &[]),
    ("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", true, "pvc", STATUS),
    ("", "v1", "PersistentVolume", "persistentvolumes", false, "pv", STATUS),
    ("", "v1", "Event", "events", true, "ev", &[]),
    ("", "v1", "Endpoints", "endpoints", true, "ep", &[]),
    ("", "v1", "ResourceQuota", "resourcequotas", true, "quota", STATUS),
    ("", "v1", "LimitRange", "limitranges", true, "limits", &[]),
    ("apps", "v1", "Deployment", "deployments", true, "deploy", SCALED),
    ("apps", "v1", "ReplicaSet", "replicasets", true, "rs", SCALED),
    ("apps", "v1", "StatefulSet", "statefulsets", true, "sts", SCALED),
    ("apps", "v1", "DaemonSet", "daemonsets", true, "ds", STATUS),
    ("batch", "v1", "Job", "jobs", true, "", STATUS),
    ("batch", "v1", "CronJob", "cronjobs", true, "cj", STATUS),
    ("rbac.authorization.k8s.io", "v1", "Role", "roles", true, "", &[]),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", true, "", &[]),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false, "", &[]),
    ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", false, "", &[]),
    ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", true, "netpol", &[]),
    ("networking.k8s.io", "v1", "Ingress", "ingresses", true, "ing", STATUS),
    ("networking.k8s.io", "v1", "IngressClass", "ingressclasses", false, "", &[]),
    ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", true, "pdb", STATUS),
    ("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true, "hpa", STATUS),
    (
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        false,
        "crd",
        STATUS,
    ),
    ("storage.k8s.io", "v1", "StorageClass", "storageclasses", false, "sc", &[]),
    ("coordination.k8s.io", "v1", "Lease", "leases", true, "", &[]),
    ("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", false, "pc", &[]),
];

/// Every built-in kind.
pub(super) fn built_in() -> Vec<ResourceType> {
    BUILT_IN
        .iter()
        .map(|(group, version, kind, plural, namespaced, short, subresources)| ResourceType {
            group: (*group).to_owned(),
            version: (*version).to_owned(),
            kind: (*kind).to_owned(),
            plural: (*plural).to_owned(),
            singular: kind.to_lowercase(),
            namespaced: *namespaced,
            short: if short.is_empty() { Vec::new() } else { vec![(*short).to_owned()] },
            subresources: subresources.to_vec(),
            schema: Schema::BuiltIn(Arc::new(schemas::of(group, kind))),
        })
        .collect()
}

/// The kinds that a definition serves, one for each served version.
pub(super) fn defined(definition: &Value) -> Vec<ResourceType> {
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    spec["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|version| version["served"].as_bool() == Some(true))
        .map(|version| ResourceType {
            group: text(&spec["group"]),
            version: text(&version["name"]),
            kind: text(&spec["names"]["kind"]),
            plural: text(&spec["names"]["plural"]),
            singular: text(&spec["names"]["singular"]),
            namespaced: spec["scope"] == "Namespaced",
            short: spec["names"]["shortNames"].as_array().into_iter().flatten().map(text).collect(),
            subresources: if version["subresources"]["status"].is_object() {
                vec!["status"]
            } else {
                Vec::new()
            },
            schema: Schema::Custom(Arc::new(Custom::new(&version["schema"]["openAPIV3Schema"]))),
        })
        .collect()
}
