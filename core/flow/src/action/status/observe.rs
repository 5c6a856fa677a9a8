//! What one instance's cluster says of itself, within a short time.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use honey_model::{Address, Fault, FaultClass, Record, State};
use honey_ports::{
    CallContext,
    cluster::{Cluster, Readiness},
};
use serde_json::Value;

use super::{InstanceStatus, MachineLine, WorkloadStatus, connect, of_scope, singletons, workload};
use crate::{Session, instance::Role};

/// How long an API may take to answer at all: enough for two of its servers to be
/// found silent before the third answers.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// How long everything that is asked of one cluster may take.
const LOOK_LIMIT: Duration = Duration::from_secs(45);
/// Workloads that are asked for at once.
const AT_ONCE: usize = 8;

/// One instance, as recorded and as its cluster answers. `configured` is the
/// number of servers that the configuration wants.
pub(super) async fn instance(
    session: &Session,
    state: &State,
    name: &str,
    configured: usize,
) -> InstanceStatus {
    let mut status = recorded(state, name, configured);
    if !status.joined {
        return status;
    }
    let context = CallContext {
        deadline: ANSWER_LIMIT,
        ..session.reading(&Address::of(&[name, "kubeconfig", "admin"]))
    };
    let asked = async {
        let cluster = within(ANSWER_LIMIT, name, connect(session, name)).await?;
        ask(cluster.as_ref(), &context, state, name, &mut status).await
    };
    if let Err(fault) = within(LOOK_LIMIT, name, asked).await {
        status.unreachable = Some(fault);
    }
    status
}

/// What the state says alone.
pub(super) fn recorded(state: &State, name: &str, configured: usize) -> InstanceStatus {
    let of_kind = |kind: &'static str| of_scope(state, name).filter(move |(_, record)| record.kind == kind);
    let line = |(address, record): (&Address, &Record)| {
        let text = |field: &str| record.outputs[field].as_str().map(str::to_owned);
        (address.to_string(), MachineLine { ipv4: text("ipv4"), ipv6: text("ipv6") })
    };
    let role = Role::of(state, name);
    // What is only configured is no cluster that lacks something.
    let configured = if role == Role::NotBuilt { 0 } else { configured };
    InstanceStatus {
        role,
        machines: of_kind("machine").map(line).collect(),
        joined: of_kind("kubeconfig").next().is_some(),
        servers: configured.max(of_kind("machine").count()).max(of_kind("k3s-server").count()),
        ..InstanceStatus::default()
    }
}

/// Asks a cluster for its nodes, its workloads and its singletons. What was
/// learned before a failure stays in `status`.
pub(super) async fn ask(
    cluster: &dyn Cluster,
    context: &CallContext,
    state: &State,
    name: &str,
    status: &mut InstanceStatus,
) -> Result<(), Fault> {
    status.nodes = within(ANSWER_LIMIT, name, cluster.nodes(context)).await?;
    status.singletons = singletons::observe(cluster, context, state, name).await?;
    let looks = of_scope(state, name).filter_map(|(address, record)| workload(address, record));
    let looks = looks.map(|(object, singleton)| async move {
        let live = cluster.get(context, &object).await?;
        let readiness = match &live {
            Some(_) => cluster.readiness(context, &object).await?,
            None => Readiness::Failed { message: "it is gone".to_owned() },
        };
        Ok(WorkloadStatus {
            name: format!("{}/{}", object.kind, object.name),
            namespace: object.namespace.unwrap_or_default(),
            replicas: live.as_ref().map_or(0, wanted),
            singleton,
            readiness,
        })
    });
    status.workloads = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
    Ok(())
}

/// How many pods a workload wants: one where it does not say, and of a daemon
/// set one on each node that fits.
pub(super) fn wanted(live: &Value) -> u64 {
    let count = |pointer: &str| live.pointer(pointer).and_then(Value::as_u64);
    match live["kind"].as_str() {
        Some("DaemonSet") => count("/status/desiredNumberScheduled").unwrap_or(0),
        _ => count("/spec/replicas").or_else(|| count("/status/desiredNumberScheduled")).unwrap_or(1),
    }
}

/// Gives up after a time: a cluster that does not answer must not keep the others from being seen.
async fn within<T>(
    limit: Duration,
    instance: &str,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let text = format!("`{instance}` did not answer within {} s", limit.as_secs());
        Err(Fault::new(FaultClass::Timeout, "HNY0862", text))
    })
}
