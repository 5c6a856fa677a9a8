//! `honey status`: what exists where, as recorded and as it answers now, and
//! what of it is wrong.
//!
//! | File | What it does |
//! |---|---|
//! | `mod` | puts everything together |
//! | `observe` | what one cluster says of itself |
//! | `singletons` | which singletons a cluster has, and whether they run |
//! | `names` | where the public names lead |
//! | `alarms` | what is wrong, from all that was seen; pure |

mod alarms;
mod names;
mod observe;
mod singletons;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use honey_model::{Active, Address, Alarm, Fault, Record, State};
use honey_ports::cluster::{NodeStatus, ObjectName, Readiness};
use serde::Serialize;

pub use names::{Names, RecordLine};
pub use singletons::SingletonStatus;

use crate::{
    FlowError, Session,
    instance::Role,
    lower::{kubeconfig_address, kubeconfig_secret},
};

/// Everything at a glance.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Status {
    /// The project.
    pub project: String,
    /// Serial of the state that this is from.
    pub serial: u64,
    /// Who may run singletons.
    pub active: Active,
    /// By instance.
    pub instances: BTreeMap<String, InstanceStatus>,
    /// Where public names lead.
    pub names: Names,
    /// A run that was not finished.
    pub unfinished: Option<Unfinished>,
    /// Who works on the state now.
    pub locked_by: Option<String>,
    /// What is wrong; causes before what follows from them.
    pub alarms: Vec<Alarm>,
}

/// A run that has not ended.
#[derive(Clone, Debug, Serialize)]
pub struct Unfinished {
    /// Its name.
    pub run: String,
    /// The command that goes on with it; none while somebody is at work on it.
    pub command: Option<String>,
    /// Whether somebody is at work on it right now.
    pub at_work: bool,
}

/// One instance.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InstanceStatus {
    /// What it is to the project.
    pub role: Role,
    /// Machines, by their address.
    pub machines: BTreeMap<String, MachineLine>,
    /// Whether a kubeconfig is recorded: it was a cluster once.
    pub joined: bool,
    /// Servers that are recorded or configured, whichever are more.
    pub servers: usize,
    /// Nodes as the cluster reports them.
    pub nodes: Vec<NodeStatus>,
    /// Workloads.
    pub workloads: Vec<WorkloadStatus>,
    /// Singletons, recorded ones and those that only the cluster knows.
    pub singletons: Vec<SingletonStatus>,
    /// Why nodes and workloads are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<Fault>,
}

/// One recorded machine.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MachineLine {
    /// Its public IPv4 address, where it has one.
    pub ipv4: Option<String>,
    /// Its public IPv6 address, where it has one.
    pub ipv6: Option<String>,
}

/// One workload.
#[derive(Clone, Debug, Serialize)]
pub struct WorkloadStatus {
    /// `Deployment/api`
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Wanted replicas.
    pub replicas: u64,
    /// Runs on the active instance only.
    pub singleton: bool,
    /// How far it is.
    pub readiness: Readiness,
}

/// Reads all instances side by side. `servers` says how many servers an
/// instance is configured with; none where its configuration does not say.
/// Changes nothing, and waits for no cluster longer than a fixed short time:
/// what does not answer is an alarm.
///
/// # Errors
/// Only where the state, its lock or its journals cannot be read.
pub async fn status(session: &Session, servers: impl Fn(&str) -> Option<u32>) -> Result<Status, FlowError> {
    let state = session.state().await?;
    let mut instances: BTreeSet<String> = session.config.instances.keys().cloned().collect();
    instances.extend(
        state.resources.keys().map(|address| address.scope().to_owned()).filter(|scope| !is_common(scope)),
    );
    let state = &state;
    let looks = instances.into_iter().map(|name| {
        let configured = servers(&name).map_or(0, |servers| servers as usize);
        async move {
            let status = observe::instance(session, state, &name, configured).await;
            (name, status)
        }
    });
    let (instances, names) = futures::join!(futures::future::join_all(looks), names::observe(session, state));
    let holder = session.ports.store.lock_holder().await?;
    let mut status = Status {
        project: session.config.project.name.clone(),
        serial: state.serial,
        active: state.active.clone(),
        instances: instances.into_iter().collect(),
        names,
        unfinished: unfinished(session).await?,
        locked_by: holder
            .map(|holder| format!("{} (process {}): {}", holder.who, holder.pid, holder.command)),
        alarms: Vec::new(),
    };
    status.alarms = alarms::of(&status);
    Ok(status)
}

async fn unfinished(session: &Session) -> Result<Option<Unfinished>, FlowError> {
    let Some(run) = session.ports.store.unsealed().await? else { return Ok(None) };
    let at_work = session.ports.store.at_work().await?;
    // A journal that is being written is not opened: opening cuts off a torn end.
    let command = match at_work {
        true => None,
        false => Some(super::chore::resume_with(session, &run).await),
    };
    Ok(Some(Unfinished { run, command, at_work }))
}

fn is_common(scope: &str) -> bool {
    matches!(scope, "shared" | "dns" | "values")
}

fn of_scope<'a>(state: &'a State, scope: &'a str) -> impl Iterator<Item = (&'a Address, &'a Record)> {
    state.resources.iter().filter(move |(address, _)| address.scope() == scope)
}

/// An instance's cluster, by its stored kubeconfig.
pub(crate) async fn connect(
    session: &Session,
    instance: &str,
) -> Result<std::sync::Arc<dyn honey_ports::cluster::Cluster>, Fault> {
    let context = session.reading(&kubeconfig_address(instance));
    session.own.connections.cluster(&context, &kubeconfig_secret(instance)).await
}

/// The object of a recorded workload, and whether it is a singleton.
pub(crate) fn workload(address: &Address, record: &Record) -> Option<(ObjectName, bool)> {
    let object = record.attributes.get("object").filter(|_| record.kind == "kube-object")?;
    let kind = object["kind"].as_str()?;
    if !matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet") {
        return None;
    }
    let name = ObjectName {
        api_version: object["apiVersion"].as_str()?.to_owned(),
        kind: kind.to_owned(),
        namespace: object.pointer("/metadata/namespace").and_then(|text| text.as_str()).map(str::to_owned),
        name: address.name().to_owned(),
    };
    Some((name, record.attributes["singleton"] == serde_json::json!(true)))
}
