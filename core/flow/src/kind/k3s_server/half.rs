//! A server that joined half-way: it holds etcd data, and the cluster does not
//! know it, or not as a member that votes. What it holds is set aside (kept
//! beside it), and it joins anew.

use honey_model::{Fault, FaultClass, Secret};
use honey_ports::{
    CallContext,
    etcd::EtcdStep,
    host::{HostTarget, Step},
};

use super::{desired::Desired, entry::Way};
use crate::{
    action::node::{condition, is_node_of},
    kind::connect::Connections,
    kubeconfig::PATH,
};

/// Whether a start that failed is explained by this. Asks the cluster through
/// the server that the way in leads through.
pub(super) async fn joined_half_way(
    connections: &Connections,
    context: &CallContext,
    desired: &Desired,
    way: &Way,
) -> Result<bool, Fault> {
    let Way::Join { through, .. } = way else { return Ok(false) };
    let Some(kubeconfig) = pulled(connections, context, through).await? else { return Ok(false) };
    let targets = std::slice::from_ref(through);
    let (cluster, _tunnel) = connections.cluster_through(context, &kubeconfig, targets).await?;
    let nodes = cluster.list(context, "v1", "Node", None, "").await?;
    let Some(machine) = &desired.machine else { return Ok(false) };
    let votes = nodes.iter().any(|node| is_node_of(node, machine) && condition(node, "EtcdIsVoter"));
    Ok(!votes)
}

async fn pulled(
    connections: &Connections,
    context: &CallContext,
    server: &HostTarget,
) -> Result<Option<Secret>, Fault> {
    connections.host(context, server).await?.read(context, PATH, 64 * 1024).await
}

/// Empties it, so that the next start joins anew. Once for an operation.
pub(super) async fn set_aside(
    connections: &Connections,
    context: &CallContext,
    host: &HostTarget,
) -> Result<(), Fault> {
    let steps =
        [Step::Etcd(EtcdStep::Stop), Step::Etcd(EtcdStep::SetAside { run: context.operation_id.clone() })];
    connections.run(context, host, &steps).await
}

/// Whether a fault may come of it.
pub(super) fn may_be(fault: &Fault) -> bool {
    fault.code == "HNY0514" || fault.class == FaultClass::Timeout
}
