//! The core's own kinds of resources, one file each, behind one driver named
//! `honey`. A kind says how it is observed, ensured and undone; what it is
//! compared by is its static schema.

pub(crate) mod clock;
pub(crate) mod connect;
mod host;
pub(crate) mod host_firewall;
pub(crate) mod k3s_server;
pub(crate) mod kube_object;
mod kube_secret;
mod kubeconfig;
mod node_label;
mod value;

use std::sync::Arc;

use async_trait::async_trait;
use honey_model::{Diagnostic, Fault, FaultClass, Found, KindSchema};
use honey_ports::{Applied, ApplyRequest, CallContext, Checked, Driver, Target};
use serde_json::Value;

use connect::Connections;

use crate::Ports;

/// The name under which this driver stands in plans and state.
pub const DRIVER: &str = "honey";

/// One kind.
#[async_trait]
trait Kind: Send + Sync {
    fn schema(&self) -> KindSchema;
    /// `desired` may hold `null` where a value is not known yet.
    async fn read(&self, context: &CallContext, target: &Target<'_>) -> Result<Option<Found>, Fault>;
    async fn apply(&self, context: &CallContext, request: &ApplyRequest<'_>) -> Result<Applied, Fault>;
    /// What is worth knowing of a desired value. Pure.
    fn remarks(&self, desired: &Value) -> Vec<Diagnostic> {
        let _ = desired;
        Vec::new()
    }
}

/// The driver of the core's own kinds.
pub(crate) struct HoneyDriver {
    /// What the kinds work through; actions that are no plan do too.
    pub(crate) connections: Arc<Connections>,
    schemas: Vec<KindSchema>,
    kinds: Vec<Box<dyn Kind>>,
}

impl HoneyDriver {
    /// With connections that live as long as the run.
    pub(crate) fn new(ports: &Ports) -> Self {
        let connections = Arc::new(Connections::new(ports));
        let kinds: Vec<Box<dyn Kind>> = vec![
            Box::new(value::PlainValue),
            Box::new(host::Baseline(connections.clone())),
            Box::new(host_firewall::HostFirewall(connections.clone())),
            Box::new(k3s_server::K3sServer::new(connections.clone())),
            Box::new(kubeconfig::Kubeconfig(connections.clone())),
            Box::new(node_label::NodeLabel(connections.clone())),
            Box::new(kube_object::KubeObject(connections.clone())),
            Box::new(kube_secret::KubeSecret(connections.clone())),
        ];
        Self { connections, schemas: kinds.iter().map(|kind| kind.schema()).collect(), kinds }
    }

    fn kind(&self, name: &str) -> Result<&dyn Kind, Fault> {
        let index = self.schemas.iter().position(|schema| schema.kind == name);
        index
            .map(|index| self.kinds[index].as_ref())
            .ok_or_else(|| Fault::new(FaultClass::Internal, "HNY0380", format!("honey has no kind `{name}`")))
    }
}

#[async_trait]
impl Driver for HoneyDriver {
    fn schemas(&self) -> &[KindSchema] {
        &self.schemas
    }

    async fn check(&self, kind: &str, desired: &Value) -> Result<Checked, Fault> {
        let diagnostics = self.kind(kind)?.remarks(desired);
        Ok(Checked { desired: desired.clone(), diagnostics })
    }

    async fn read(&self, context: &CallContext, target: Target<'_>) -> Result<Option<Found>, Fault> {
        self.kind(target.kind)?.read(context, &target).await
    }

    async fn apply(&self, context: &CallContext, request: ApplyRequest<'_>) -> Result<Applied, Fault> {
        self.kind(request.kind)?.apply(context, &request).await
    }
}

/// The desired value typed; a shape that does not fit is honey's own defect.
fn typed<T: serde::de::DeserializeOwned>(desired: Option<&Value>) -> Result<T, Fault> {
    let value = desired.cloned().unwrap_or(Value::Null);
    serde_json::from_value(value).map_err(|error| {
        Fault::new(FaultClass::Internal, "HNY0001", format!("a planned value does not fit its kind: {error}"))
    })
}

/// A field that only says where to look: never compared.
fn locator(description: &str) -> honey_model::Field {
    honey_model::Field { description: description.to_owned(), create_only: true, ..Default::default() }
}
