//! A Kubernetes cluster as honey uses it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use honey_model::{Fault, Secret};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::CallContext;

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectName {
    /// `v1`, `apps/v1` …
    pub api_version: String,
    /// `Deployment` …
    pub kind: String,
    /// None for cluster-scoped objects.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

/// Three-valued readiness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Readiness {
    /// Not yet; the text says what it waits for.
    Progressing {
        /// What it waits for.
        message: String,
    },
    /// Done.
    Ready,
    /// Will not become ready by waiting; the text says why (condition, event, log tail).
    Failed {
        /// Why.
        message: String,
    },
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Name.
    pub name: String,
    /// Ready condition.
    pub ready: bool,
    /// Kubelet version.
    pub version: String,
    /// Addresses of all types.
    pub addresses: Vec<String>,
    /// Labels.
    pub labels: std::collections::BTreeMap<String, String>,
    /// Whether it is cordoned.
    pub unschedulable: bool,
}

/// How an eviction was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// The pod is on its way out.
    Begun,
    /// It is gone, or another one has its name.
    Gone,
    /// Not now: a disruption budget would be broken. May be asked again later.
    Blocked {
        /// Which budget, and what it needs.
        why: String,
    },
}

/// A field that another manager owns with another value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FieldOwner {
    /// The manager's name: `kubectl`, `kube-controller-manager` …
    pub manager: String,
    /// The subresource through which it wrote; none for the object itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subresource: Option<String>,
    /// As the API writes it, without the leading dot: `spec.replicas`.
    pub field: String,
}

/// The code of the fault that says: these fields of this object cannot change.
pub const IMMUTABLE: &str = "HNY0615";

/// A cluster's API.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// Whether the API answers, and its version.
    async fn version(&self, context: &CallContext) -> Result<String, Fault>;
    /// The object as it is.
    async fn get(&self, context: &CallContext, name: &ObjectName) -> Result<Option<Value>, Fault>;
    /// All objects of a type in a namespace (or everywhere) with a label selector.
    async fn list(
        &self,
        context: &CallContext,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        selector: &str,
    ) -> Result<Vec<Value>, Fault>;
    /// What a server-side apply would leave, without doing it. `None` when the
    /// object's namespace or definition does not exist yet.
    async fn dry_run(&self, context: &CallContext, object: &Value) -> Result<Option<Value>, Fault>;
    /// Server-side apply with field manager `honey`; conflicts name the other manager.
    async fn apply(&self, context: &CallContext, object: &Value, force: bool) -> Result<Value, Fault>;
    /// Whom an unforced apply would be refused for. Asks with a dry run; empty where nobody is in the way.
    ///
    /// # Errors
    /// Those of [`Cluster::dry_run`].
    async fn owners_in_the_way(
        &self,
        context: &CallContext,
        object: &Value,
    ) -> Result<Vec<FieldOwner>, Fault> {
        let _ = (context, object);
        Ok(Vec::new())
    }
    /// Server-side apply that takes over these fields and no others. Idempotent.
    ///
    /// # Errors
    /// A conflict where somebody owns a field that is not among `owners`; nothing is changed then.
    async fn apply_taking_over(
        &self,
        context: &CallContext,
        object: &Value,
        owners: &[FieldOwner],
    ) -> Result<Value, Fault> {
        self.apply(context, object, !owners.is_empty()).await
    }
    /// A JSON merge patch (RFC 7396) of an object that exists. Idempotent.
    ///
    /// # Errors
    /// Not found where there is no such object.
    async fn merge_patch(
        &self,
        context: &CallContext,
        name: &ObjectName,
        patch: &Value,
    ) -> Result<(), Fault> {
        let _ = (name, patch);
        Err(Fault::new(
            honey_model::FaultClass::Unsupported,
            "HNY0001",
            format!("{}: no patch here", context.address),
        ))
    }
    /// Whether objects of a kind live in namespaces; `None` where the API does not serve the kind.
    ///
    /// # Errors
    /// Where the API does not answer.
    async fn namespaced(
        &self,
        context: &CallContext,
        api_version: &str,
        kind: &str,
    ) -> Result<Option<bool>, Fault> {
        let _ = (context, api_version, kind);
        Ok(None)
    }
    /// Deletes and waits until the object is gone. Gone already counts as done.
    async fn delete(&self, context: &CallContext, name: &ObjectName) -> Result<(), Fault>;
    /// How far an object is, by the rule of its kind.
    async fn readiness(&self, context: &CallContext, name: &ObjectName) -> Result<Readiness, Fault>;
    /// Waits until ready or failed; `limit` is the caller's. Progress is reported.
    async fn wait_ready(
        &self,
        context: &CallContext,
        name: &ObjectName,
        limit: Duration,
    ) -> Result<(), Fault>;
    /// Sets a workload's replicas through its scale subresource.
    async fn scale(&self, context: &CallContext, name: &ObjectName, replicas: u32) -> Result<(), Fault>;
    /// Pods that belong to a workload by its selector, terminating ones included.
    async fn pods_of(&self, context: &CallContext, name: &ObjectName) -> Result<Vec<Value>, Fault>;
    /// Nodes.
    async fn nodes(&self, context: &CallContext) -> Result<Vec<NodeStatus>, Fault>;
    /// Sets labels on a node (`None` removes).
    async fn label_node(
        &self,
        context: &CallContext,
        node: &str,
        labels: &[(String, Option<String>)],
    ) -> Result<(), Fault>;
    /// Closes a node for new pods, or opens it again.
    async fn cordon(&self, context: &CallContext, node: &str, closed: bool) -> Result<(), Fault>;
    /// Asks for the eviction of one pod, as it was seen: its disruption budgets decide.
    async fn evict(&self, context: &CallContext, pod: &Value) -> Result<Eviction, Fault>;
    /// Takes a pod, as it was seen, off the API at once, without waiting for its
    /// node. Only where nothing of it can run any more.
    async fn forget_pod(&self, context: &CallContext, pod: &Value) -> Result<(), Fault>;
}

/// Connects to clusters.
#[async_trait]
pub trait Clusters: Send + Sync {
    /// A client for a kubeconfig (YAML text). Falls over between its servers.
    async fn connect(&self, kubeconfig: &Secret) -> Result<Arc<dyn Cluster>, Fault>;
}
