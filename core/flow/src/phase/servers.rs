//! Where the servers of an instance are: from the state, else from the vendor.
//! Works where the state, the kubeconfig or the cluster is lost; asks no
//! cluster and no host.

use std::collections::BTreeMap;

use honey_model::{Address, Diagnostic, Fault, State, value};
use honey_ports::host::HostTarget;
use serde_json::Value;

use crate::{
    FlowError, Session,
    kind::connect::{Machine, SshSettings},
    lower::server_address,
    phase::{observe::observe, prepare},
};

/// One server of the cluster.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// `node-1`, as addresses call it.
    pub(crate) name: String,
    /// Its place among the servers, from 0.
    pub(crate) index: usize,
    /// What the vendor says of its machine.
    pub(crate) machine: Machine,
    /// The vendor's id of the machine.
    pub(crate) machine_id: String,
    /// Where ssh goes.
    pub(crate) target: HostTarget,
    /// How its k3s is wanted, with all that is known filled in.
    pub(crate) k3s: Value,
}

impl Server {
    /// Where its machine stands in plans and state.
    pub(crate) fn machine_address(&self, instance: &str) -> Address {
        Address::of(&[instance, "machine", &self.name])
    }

    /// Whether an operator means this one: by its name, its address at the vendor, or its node's name.
    pub(crate) fn is_called(&self, given: &str, node: Option<&str>) -> bool {
        given == self.name
            || node == Some(given)
            || [&self.machine.ipv4, &self.machine.ipv6, &self.machine.private_ipv4]
                .into_iter()
                .any(|address| address.as_deref() == Some(given))
            || self.target.address == given
    }
}

/// All servers of an instance that exist, in order. At least one.
pub(crate) async fn servers(session: &Session, instance: &str) -> Result<Vec<Server>, FlowError> {
    let state = session.state().await?;
    let desired = prepare::without_stack(session, instance)?;
    let mut outputs: BTreeMap<Address, (String, Value)> = recorded(&state, instance);
    let count = session.config.cluster.servers;
    let machine_of = |index: u32| Address::of(&[instance, "machine", &format!("node-{}", index + 1)]);
    let mut failed = None;
    if (0..count).any(|index| !outputs.contains_key(&machine_of(index))) {
        failed = look_up(session, &desired, &state, &mut outputs).await;
    }
    let ssh: SshSettings = desired
        .resources
        .get(&server_address(instance, 0))
        .and_then(|wanted| serde_json::from_value(wanted.desired["ssh"].clone()).ok())
        .unwrap_or_default();
    let mut found = Vec::new();
    for index in 0..count {
        let Some((id, about)) = outputs.get(&machine_of(index)) else { continue };
        let machine: Machine = serde_json::from_value(about.clone()).unwrap_or_default();
        let Some(target) = machine.target(&ssh) else { continue };
        let wanted = desired.resources.get(&server_address(instance, index));
        let known = |address: &Address| outputs.get(address).map(|(_, about)| about);
        let k3s = wanted.map(|wanted| value::resolve(&wanted.desired, &known).value).unwrap_or_default();
        found.push(Server {
            name: format!("node-{}", index + 1),
            index: index as usize,
            machine,
            machine_id: id.clone(),
            target,
            k3s,
        });
    }
    if !found.is_empty() {
        return Ok(found);
    }
    if let Some(fault) = failed {
        return Err(fault.into());
    }
    let text = format!("`{instance}` has no machines");
    Err(FlowError::refused(
        Diagnostic::error("HNY0840", text)
            .with_help(format!("build it first: `honey apply --provider {instance}`")),
    ))
}

fn recorded(state: &State, instance: &str) -> BTreeMap<Address, (String, Value)> {
    let machines = state
        .resources
        .iter()
        .filter(|(address, record)| address.scope() == instance && record.kind == "machine");
    machines.map(|(address, record)| (address.clone(), (record.id.clone(), record.outputs.clone()))).collect()
}

/// Asks the vendor for the machines alone; the first failure, where there was one.
async fn look_up(
    session: &Session,
    desired: &honey_model::Desired,
    state: &State,
    outputs: &mut BTreeMap<Address, (String, Value)>,
) -> Option<Fault> {
    let mut machines = desired.clone();
    machines.scopes.clear();
    machines.resources.retain(|_, wanted| wanted.kind == "machine");
    let seen = observe(session, &machines, state).await;
    let mut failed = None;
    for (address, observation) in seen.observed.resources {
        match observation {
            honey_model::Observation::Found(found) => {
                outputs.insert(address, (found.id, found.outputs));
            }
            honey_model::Observation::Failed(fault) => failed = Some(*fault),
            _ => {}
        }
    }
    failed
}

/// The server that an operator means.
pub(crate) fn called<'a>(
    servers: &'a [Server],
    given: &str,
    node_of: impl Fn(&Server) -> Option<String>,
) -> Result<&'a Server, FlowError> {
    servers.iter().find(|server| server.is_called(given, node_of(server).as_deref())).ok_or_else(|| {
        let names: Vec<String> = servers
            .iter()
            .map(|server| match node_of(server) {
                Some(node) if node != server.name => format!("{} ({node})", server.name),
                _ => server.name.clone(),
            })
            .collect();
        let text = format!("there is no server `{}`", honey_model::text::visible(given, 80));
        FlowError::refused(
            Diagnostic::error("HNY0913", text).with_help(format!("there are: {}", names.join(", "))),
        )
    })
}
