//! A server leaves a cluster that goes on: its pods first, then its node and
//! with it its etcd member. Where the whole cluster goes there is no way in any
//! more, and nothing to leave.

use honey_model::{Fault, FaultClass};
use honey_ports::CallContext;
use serde_json::Value;

use super::{
    away::{Away, What, away},
    desired::{Desired, shown},
};
use crate::{
    action::node::{Api, condition, is_node_of, node_object, pods::is_singleton, quorum_without},
    kind::connect::Connections,
};

/// Leaves. Gone already counts as done.
pub(super) async fn leave(
    connections: &Connections,
    context: &CallContext,
    prior: &Desired,
    id: &str,
    earlier: Option<Away>,
) -> Result<(), Fault> {
    let Some(kubeconfig) = &prior.kubeconfig else { return Ok(()) };
    if connections.secret(kubeconfig).await.is_err() {
        return Ok(());
    }
    let cluster = connections.cluster(context, kubeconfig).await?;
    let api = Api { cluster: cluster.as_ref(), context };
    let nodes = cluster.list(context, "v1", "Node", None, "").await?;
    let Some(node) =
        nodes.iter().find(|node| prior.machine.as_ref().is_some_and(|machine| is_node_of(node, machine)))
    else {
        return Ok(());
    };
    let Some(name) = node["metadata"]["name"].as_str() else { return Ok(()) };
    majority_stays(context, &nodes, name)?;
    if condition(node, "Ready") {
        away(connections, api, id, name, What::All, earlier).await?;
    } else {
        nothing_single_runs(api, name).await?;
    }
    // k3s takes the etcd member out before it lets the node go.
    cluster.delete(context, &node_object(name)).await
}

/// The members that are left must be able to decide among themselves.
fn majority_stays(context: &CallContext, nodes: &[Value], leaving: &str) -> Result<(), Fault> {
    let (members, working) = quorum_without(nodes, Some(leaving));
    let left = members.saturating_sub(1);
    if left == 0 || working * 2 > left {
        return Ok(());
    }
    let name = shown(&context.address);
    let text =
        format!("once {name} is gone, {working} of {left} etcd members would work, which is no majority");
    Err(Fault::new(FaultClass::Conflict, "HNY0843", text)
        .with_help("mend the other servers first (`honey node list`), then `honey apply --resume`"))
}

/// A machine that does not answer may go on running what may run only once.
async fn nothing_single_runs(api: Api<'_>, node: &str) -> Result<(), Fault> {
    let pods = api.cluster.list(api.context, "v1", "Pod", None, "").await?;
    let Some(pod) = pods.iter().find(|pod| is_singleton(pod) && pod["spec"]["nodeName"] == node) else {
        return Ok(());
    };
    let name = shown(&api.context.address);
    let text = format!(
        "{name} does not answer and the singleton {} is on it: it may still run",
        crate::action::node::pods::shown(pod)
    );
    Err(Fault::new(FaultClass::Conflict, "HNY0847", text).with_help(format!(
        "bring the machine back, or `honey node replace {name}` first: it makes sure of its end"
    )))
}
