//! `node-label`: labels of a node, by role and never by a typed node name (runbook 6.6).

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use honey_model::{Fault, FaultClass, Found, KindSchema, Ownership};
use honey_ports::{Applied, ApplyAction, ApplyRequest, CallContext, Target};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Kind, connect::Connections, locator, typed};

pub(super) struct NodeLabel(pub(super) Arc<Connections>);

#[derive(Deserialize)]
struct Desired {
    kubeconfig: Option<String>,
    node: Option<String>,
    labels: BTreeMap<String, String>,
}

#[async_trait]
impl Kind for NodeLabel {
    fn schema(&self) -> KindSchema {
        KindSchema {
            kind: "node-label".to_owned(),
            version: 1,
            description: "Labels that say what a node is for".to_owned(),
            fields: [
                ("kubeconfig".to_owned(), locator("Which cluster")),
                ("node".to_owned(), locator("Which node")),
            ]
            .into(),
            ..KindSchema::default()
        }
    }

    async fn read(&self, context: &CallContext, target: &Target<'_>) -> Result<Option<Found>, Fault> {
        let Some(raw) = target.desired else { return Ok(None) };
        let desired: Desired = typed(Some(raw))?;
        let (Some(kubeconfig), Some(node)) = (&desired.kubeconfig, &desired.node) else { return Ok(None) };
        let nodes = self.0.cluster(context, kubeconfig).await?.nodes(context).await?;
        let Some(status) = nodes.into_iter().find(|status| status.name == *node) else { return Ok(None) };
        let present: BTreeMap<_, _> =
            status.labels.into_iter().filter(|(key, _)| desired.labels.contains_key(key)).collect();
        if present.is_empty() && !desired.labels.is_empty() {
            return Ok(None);
        }
        let mut attributes = raw.clone();
        attributes["labels"] = json!(present);
        Ok(Some(found(node, attributes)))
    }

    async fn apply(&self, context: &CallContext, request: &ApplyRequest<'_>) -> Result<Applied, Fault> {
        if request.action == ApplyAction::Delete {
            return self.remove(context, request).await;
        }
        let desired: Desired = typed(request.desired)?;
        let missing = || Fault::new(FaultClass::Internal, "HNY0001", "a node label without its node");
        let (kubeconfig, node) = (desired.kubeconfig.ok_or_else(missing)?, desired.node.ok_or_else(missing)?);
        let labels: Vec<_> = desired.labels.into_iter().map(|(key, value)| (key, Some(value))).collect();
        self.0.cluster(context, &kubeconfig).await?.label_node(context, &node, &labels).await?;
        Ok(Some(found(&node, request.desired.cloned().unwrap_or(Value::Null))))
    }
}

impl NodeLabel {
    async fn remove(&self, context: &CallContext, request: &ApplyRequest<'_>) -> Result<Applied, Fault> {
        let Some(prior) = request.prior else { return Ok(None) };
        let prior: Desired = typed(Some(prior))?;
        let (Some(kubeconfig), Some(node)) = (prior.kubeconfig, prior.node) else { return Ok(None) };
        let labels: Vec<_> = prior.labels.into_keys().map(|key| (key, None)).collect();
        let cluster = self.0.cluster(context, &kubeconfig).await?;
        match cluster.label_node(context, &node, &labels).await {
            Err(fault) if fault.class == FaultClass::NotFound => Ok(None),
            other => other.map(|()| None),
        }
    }
}

fn found(node: &str, attributes: Value) -> Found {
    Found::new(node, attributes, json!({ "node": node }), Ownership::Ours)
}
