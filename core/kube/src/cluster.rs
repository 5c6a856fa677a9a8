//! The port's calls, each a line to where it is done.

use std::time::Duration;

use async_trait::async_trait;
use honey_model::Fault;
use honey_ports::{
    CallContext,
    cluster::{Cluster, Eviction, FieldOwner, NodeStatus, ObjectName, Readiness},
};
use http::Method;
use serde_json::Value;

use crate::{
    FIELD_MANAGER,
    access::{Access, Call},
    apply::{self, show},
    deletion,
    discovery::{Discovery, segment},
    eviction, fault, nodes,
    ready::{self, Surroundings},
    wait, workload,
};

/// One cluster, by whichever of its servers answers.
pub struct KubeCluster {
    pub(crate) access: Access,
    pub(crate) discovery: Discovery,
}

impl KubeCluster {
    pub(crate) fn new(access: Access) -> Self {
        Self { access, discovery: Discovery::default() }
    }

    async fn read(&self, context: &CallContext, name: &ObjectName) -> Result<Option<Value>, Fault> {
        let Some(place) = self.discovery.place(&self.access, context, &name.api_version, &name.kind).await?
        else {
            return Ok(None);
        };
        let path = place.object(name);
        self.access.found(context, &Call::get(format!("cannot read {}", show(name)), &path)).await
    }

    /// Readiness as it is now.
    pub(crate) async fn look(&self, context: &CallContext, name: &ObjectName) -> Result<Readiness, Fault> {
        let Some(object) = self.read(context, name).await? else {
            return Ok(Readiness::Progressing { message: "it does not exist yet".to_owned() });
        };
        let surroundings =
            Surroundings { binds_on_first_use: self.binds_on_first_use(context, &object).await? };
        Ok(ready::readiness(&object, surroundings))
    }

    /// Whether a claim that is not bound waits for its first pod, by its class.
    async fn binds_on_first_use(&self, context: &CallContext, object: &Value) -> Result<bool, Fault> {
        if object["kind"] != "PersistentVolumeClaim" || object["status"]["phase"] == "Bound" {
            return Ok(false);
        }
        let Some(class) = object["spec"]["storageClassName"].as_str() else { return Ok(false) };
        let path = format!("/apis/storage.k8s.io/v1/storageclasses/{}", segment(class));
        let class = self.access.found(context, &Call::get("cannot read a storage class", &path)).await?;
        Ok(class.is_some_and(|class| class["volumeBindingMode"] == "WaitForFirstConsumer"))
    }
}

#[async_trait]
impl Cluster for KubeCluster {
    async fn version(&self, context: &CallContext) -> Result<String, Fault> {
        let answer = self.access.json(context, &Call::get("cannot reach the cluster", "/version")).await?;
        Ok(fault::shown(answer["gitVersion"].as_str().unwrap_or_default()))
    }

    async fn get(&self, context: &CallContext, name: &ObjectName) -> Result<Option<Value>, Fault> {
        self.read(context, name).await
    }

    async fn list(
        &self,
        context: &CallContext,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        selector: &str,
    ) -> Result<Vec<Value>, Fault> {
        match self.discovery.place(&self.access, context, api_version, kind).await? {
            Some(place) => workload::list(&self.access, context, &place.list(namespace), selector).await,
            None => Ok(Vec::new()),
        }
    }

    async fn dry_run(&self, context: &CallContext, object: &Value) -> Result<Option<Value>, Fault> {
        apply::dry_run(&self.access, &self.discovery, context, object).await
    }

    async fn apply(&self, context: &CallContext, object: &Value, force: bool) -> Result<Value, Fault> {
        apply::apply(&self.access, &self.discovery, context, object, force).await
    }

    async fn owners_in_the_way(
        &self,
        context: &CallContext,
        object: &Value,
    ) -> Result<Vec<FieldOwner>, Fault> {
        apply::owners_in_the_way(&self.access, &self.discovery, context, object).await
    }

    async fn apply_taking_over(
        &self,
        context: &CallContext,
        object: &Value,
        owners: &[FieldOwner],
    ) -> Result<Value, Fault> {
        apply::apply_taking_over(&self.access, &self.discovery, context, object, owners).await
    }

    async fn merge_patch(
        &self,
        context: &CallContext,
        name: &ObjectName,
        patch: &Value,
    ) -> Result<(), Fault> {
        let place = self.discovery.known(&self.access, context, &name.api_version, &name.kind).await?;
        let path = format!("{}?fieldManager={FIELD_MANAGER}", place.object(name));
        let what = format!("cannot change {}", show(name));
        let call = Call::send(what, Method::PATCH, &path, "application/merge-patch+json", patch);
        self.access.text(context, &call).await?;
        Ok(())
    }

    async fn namespaced(
        &self,
        context: &CallContext,
        api_version: &str,
        kind: &str,
    ) -> Result<Option<bool>, Fault> {
        let place = self.discovery.place(&self.access, context, api_version, kind).await?;
        Ok(place.map(|place| place.namespaced))
    }

    async fn delete(&self, context: &CallContext, name: &ObjectName) -> Result<(), Fault> {
        deletion::delete(&self.access, &self.discovery, context, name).await
    }

    async fn readiness(&self, context: &CallContext, name: &ObjectName) -> Result<Readiness, Fault> {
        self.look(context, name).await
    }

    async fn wait_ready(
        &self,
        context: &CallContext,
        name: &ObjectName,
        limit: Duration,
    ) -> Result<(), Fault> {
        wait::ready(self, context, name, limit).await
    }

    async fn scale(&self, context: &CallContext, name: &ObjectName, replicas: u32) -> Result<(), Fault> {
        workload::scale(&self.access, &self.discovery, context, name, replicas).await
    }

    async fn pods_of(&self, context: &CallContext, name: &ObjectName) -> Result<Vec<Value>, Fault> {
        workload::pods_of(&self.access, &self.discovery, context, name).await
    }

    async fn nodes(&self, context: &CallContext) -> Result<Vec<NodeStatus>, Fault> {
        let nodes = workload::list(&self.access, context, "/api/v1/nodes", "").await?;
        Ok(nodes.iter().map(nodes::status).collect())
    }

    async fn label_node(
        &self,
        context: &CallContext,
        node: &str,
        labels: &[(String, Option<String>)],
    ) -> Result<(), Fault> {
        nodes::label(&self.access, context, node, labels).await
    }

    async fn cordon(&self, context: &CallContext, node: &str, closed: bool) -> Result<(), Fault> {
        nodes::cordon(&self.access, context, node, closed).await
    }

    async fn evict(&self, context: &CallContext, pod: &Value) -> Result<Eviction, Fault> {
        eviction::evict(&self.access, context, pod).await
    }

    async fn forget_pod(&self, context: &CallContext, pod: &Value) -> Result<(), Fault> {
        eviction::forget(&self.access, context, pod).await
    }
}
