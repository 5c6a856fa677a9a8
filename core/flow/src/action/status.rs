//! `honey status`: what exists where, as recorded and as it answers now.

use std::collections::{BTreeMap, BTreeSet};

use honey_model::{Active, Address, Fault, Record, State};
use honey_ports::cluster::{NodeStatus, ObjectName, Readiness};
use serde::Serialize;

use crate::{
    FlowError, Session,
    lower::{kubeconfig_address, kubeconfig_secret},
    phase::prepare::capability,
};

/// Everything at a glance.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The project.
    pub project: String,
    /// Who may run singletons.
    pub active: Active,
    /// By instance.
    pub instances: BTreeMap<String, InstanceStatus>,
    /// Recorded resources that all instances share.
    pub shared: Vec<ResourceLine>,
    /// Public names and where they point.
    pub dns: BTreeMap<String, Vec<String>>,
    /// A run that was not finished.
    pub unfinished: Option<String>,
    /// The command that finishes it.
    pub unfinished_command: Option<String>,
    /// Who works on the state now.
    pub locked_by: Option<String>,
}

/// One instance.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InstanceStatus {
    /// `active`, `standby`, `absent`.
    pub role: String,
    /// Machine address to its IPv4.
    pub machines: BTreeMap<String, String>,
    /// Nodes as the cluster reports them.
    pub nodes: Vec<NodeStatus>,
    /// Workloads.
    pub workloads: Vec<WorkloadStatus>,
    /// Number of recorded resources.
    pub resources: usize,
    /// Why nodes and workloads are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<Fault>,
}

/// One workload.
#[derive(Clone, Debug, Serialize)]
pub struct WorkloadStatus {
    /// `Deployment/api`
    pub name: String,
    /// Wanted replicas.
    pub replicas: u64,
    /// Runs on the active instance only.
    pub singleton: bool,
    /// Images of its containers.
    pub images: Vec<String>,
    /// How far it is.
    pub readiness: Readiness,
}

/// One recorded resource.
#[derive(Clone, Debug, Serialize)]
pub struct ResourceLine {
    /// Where.
    pub address: Address,
    /// Kind.
    pub kind: String,
    /// The vendor's id.
    pub id: String,
}

/// Looks at all instances side by side.
pub async fn status(session: &Session) -> Result<Status, FlowError> {
    let state = session.state().await?;
    let mut names: BTreeSet<String> = session.config.instances.keys().cloned().collect();
    names.extend(
        state.resources.keys().map(|address| address.scope().to_owned()).filter(|scope| !is_common(scope)),
    );
    let looks = names.into_iter().map(|name| async {
        let status = instance_status(session, &state, &name).await;
        (name, status)
    });
    let instances = futures::future::join_all(looks).await.into_iter().collect();
    let holder = session.ports.store.lock_holder().await?;
    let unfinished = session.ports.store.unsealed().await?;
    let unfinished_command = match &unfinished {
        Some(run) => Some(super::chore::resume_with(session, run).await),
        None => None,
    };
    Ok(Status {
        project: session.config.project.name.clone(),
        active: state.active.clone(),
        instances,
        shared: lines(&state, "shared"),
        dns: dns(session, &state).await,
        unfinished,
        unfinished_command,
        locked_by: holder
            .map(|holder| format!("{} (process {}): {}", holder.who, holder.pid, holder.command)),
    })
}

fn is_common(scope: &str) -> bool {
    matches!(scope, "shared" | "dns" | "values")
}

fn of_scope<'a>(state: &'a State, scope: &'a str) -> impl Iterator<Item = (&'a Address, &'a Record)> {
    state.resources.iter().filter(move |(address, _)| address.scope() == scope)
}

fn lines(state: &State, scope: &str) -> Vec<ResourceLine> {
    let line = |(address, record): (&Address, &Record)| ResourceLine {
        address: address.clone(),
        kind: record.kind.clone(),
        id: record.id.clone(),
    };
    of_scope(state, scope).map(line).collect()
}

/// Where the names point now; as recorded where the vendor cannot be asked.
async fn dns(session: &Session, state: &State) -> BTreeMap<String, Vec<String>> {
    let recorded = recorded_names(state);
    let Some(dns) = session.config.dns.as_ref().filter(|_| !recorded.is_empty()) else { return recorded };
    let Ok(plugin) = capability(session, &dns.plugin) else { return recorded };
    let wanted: Vec<_> = recorded.keys().map(|name| (name.clone(), "A".to_owned())).collect();
    let context = session.reading(&Address::of(&["dns", "status"]));
    match plugin.current(&context, &dns.zone, &wanted).await {
        Ok(current) => {
            let sorted = |mut values: Vec<String>| {
                values.sort();
                values
            };
            wanted.into_iter().zip(current).map(|((name, _), set)| (name, sorted(set.values))).collect()
        }
        Err(_) => recorded,
    }
}

fn recorded_names(state: &State) -> BTreeMap<String, Vec<String>> {
    let values =
        |record: &Record| serde_json::from_value(record.attributes["values"].clone()).unwrap_or_default();
    of_scope(state, "dns")
        .filter(|(_, record)| record.kind == "record-set" && record.attributes["type"] == "A")
        .map(|(_, record)| (record.attributes["name"].as_str().unwrap_or("?").to_owned(), values(record)))
        .collect()
}

async fn instance_status(session: &Session, state: &State, name: &str) -> InstanceStatus {
    let machines: BTreeMap<String, String> = of_scope(state, name)
        .filter(|(_, record)| record.kind == "machine")
        .map(|(address, record)| {
            (address.to_string(), record.outputs["ipv4"].as_str().unwrap_or("?").to_owned())
        })
        .collect();
    let resources = of_scope(state, name).count();
    let role = match (&state.active, resources) {
        (_, 0) => "absent",
        (Active::Instance { name: active, .. }, _) if active == name => "active",
        (Active::Moving { from, to, .. }, _) if from == name || to == name => "in a cutover",
        _ => "standby",
    };
    let mut status =
        InstanceStatus { role: role.to_owned(), machines, resources, ..InstanceStatus::default() };
    let kubeconfig = of_scope(state, name).any(|(_, record)| record.kind == "kubeconfig");
    if kubeconfig && let Err(fault) = ask_cluster(session, state, name, &mut status).await {
        status.unreachable = Some(fault);
    }
    status
}

async fn ask_cluster(
    session: &Session,
    state: &State,
    name: &str,
    status: &mut InstanceStatus,
) -> Result<(), Fault> {
    let cluster = connect(session, name).await?;
    let context = session.reading(&Address::of(&[name, "kubeconfig", "admin"]));
    status.nodes = cluster.nodes(&context).await?;
    for (address, record) in of_scope(state, name) {
        let Some(workload) = workload(address, record) else { continue };
        let (object, singleton) = workload;
        let live = cluster.get(&context, &object).await?;
        let readiness = match &live {
            Some(_) => cluster.readiness(&context, &object).await?,
            None => Readiness::Failed { message: "it is gone".to_owned() },
        };
        let live = live.unwrap_or_default();
        let containers = live.pointer("/spec/template/spec/containers").and_then(|list| list.as_array());
        let images =
            containers.into_iter().flatten().filter_map(|one| one["image"].as_str().map(str::to_owned));
        status.workloads.push(WorkloadStatus {
            name: format!("{}/{}", object.kind, object.name),
            replicas: wanted(&live),
            singleton,
            images: images.collect(),
            readiness,
        });
    }
    Ok(())
}

/// How many pods a workload wants; a daemon set wants one on each node that fits.
fn wanted(live: &serde_json::Value) -> u64 {
    let count = |pointer: &str| live.pointer(pointer).and_then(serde_json::Value::as_u64);
    count("/spec/replicas").or_else(|| count("/status/desiredNumberScheduled")).unwrap_or(0)
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
