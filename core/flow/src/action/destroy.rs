//! `honey destroy`: removes what honey made on one instance.
//!
//! What lives inside the cluster goes with its machines and is only forgotten;
//! machines, keys, firewalls and the like are deleted at the vendor, in reverse
//! order. The plan says of each what really happens to it.

use honey_model::{
    Active, Address, Desired, Diagnostic, Found, Observation, Observed, Ownership, Record, State,
};
use honey_plan::{Action, Operation, Purpose};

use super::plan::{Planned, Wish, decide};
use crate::{
    FlowError, Session,
    kind::DRIVER,
    phase::{observe::observe, secrets},
};

/// Plans the removal of an instance.
pub async fn plan(
    session: &Session,
    instance: &str,
    allow_active: bool,
    wish: &Wish,
) -> Result<Planned, FlowError> {
    let state = session.state().await?;
    let is_active = matches!(&state.active, Active::Instance { name, .. } if name == instance);
    let moving =
        matches!(&state.active, Active::Moving { from, to, .. } if from == instance || to == instance);
    if moving || (is_active && !allow_active) {
        let text =
            format!("`{instance}` is {}", if moving { "part of a cutover" } else { "the active instance" });
        let help = "cut over to another one first, or say `--allow-active` to take the service down";
        return Err(FlowError::refused(Diagnostic::error("HNY0830", text).with_help(help)));
    }
    let mut scopes = vec![instance.to_owned()];
    if is_active {
        scopes.push("dns".to_owned());
    }
    let desired = Desired { scopes: scopes.clone(), configuration: None, ..Desired::default() };
    // Only what a vendor holds is looked at; the inside of the cluster goes with it.
    let at_vendor = |(address, record): &(&Address, &Record)| {
        scopes.iter().any(|scope| scope == address.scope()) && record.driver != DRIVER
    };
    let mut vendor_state = state.clone();
    vendor_state.resources = state
        .resources
        .iter()
        .filter(at_vendor)
        .map(|(address, record)| (address.clone(), record.clone()))
        .collect();
    let drivers = vendor_state.resources.values().map(|record| record.driver.as_str()).collect();
    secrets::check_plugins(session, &drivers).await?;
    let mut observed = observe(session, &desired, &vendor_state).await.observed;
    for (address, record) in state.resources.iter().filter(|(address, record)| {
        scopes.iter().any(|scope| scope == address.scope()) && record.driver == DRIVER
    }) {
        observed.resources.insert(address.clone(), inside(record));
    }
    let mut wish = wish.clone();
    wish.allow_destroy.extend(unprotected(&state, &scopes));
    let settled = if is_active { state.clone() } else { without_names(&state, instance) };
    let mut plan =
        decide(session, instance, Purpose::Destroy, &wish, &desired, &observed, &settled, Vec::new())?;
    describe(session, &mut plan.operations, &state);
    Ok(Planned { plan, desired, observed: Observed { resources: observed.resources }, state })
}

/// The names belong to the active instance. What they once needed here, before a cutover
/// moved them, they do not need any more.
fn without_names(state: &State, instance: &str) -> State {
    let mut state = state.clone();
    let names = state.resources.iter_mut().filter(|(address, _)| address.scope() == "dns");
    for (_, record) in names {
        record.dependencies.retain(|needed| needed.scope() != instance);
    }
    state
}

/// Says of each operation what becomes of the thing.
fn describe(session: &Session, operations: &mut [Operation], state: &State) {
    let stays = |address: &Address| {
        let server = Address::new(&format!("{}/k3s-server/{}", address.scope(), address.name()));
        let server = server.ok().and_then(|server| state.resources.get(&server));
        server.is_some_and(|server| server.attributes["machine_stays"] == true)
    };
    let servers = || state.resources.iter().filter(|(_, record)| record.kind == "k3s-server");
    for operation in operations {
        let scope = operation.address.scope();
        let mut servers = servers().filter(|(address, _)| address.scope() == scope).peekable();
        let cluster = servers.peek().is_some();
        let all_stay = servers.all(|(_, server)| server.attributes["machine_stays"] == true);
        let own = operation.driver == DRIVER;
        let data = if own {
            keeps_volume(operation)
        } else {
            session.schema(&operation.driver, &operation.kind).is_some_and(|schema| schema.holds_data)
        };
        let becomes = match (operation.kind.as_str(), operation.action) {
            ("k3s-server", Action::Delete) if stays(&operation.address) => {
                "k3s is uninstalled; the machine stays"
            }
            ("k3s-server", Action::Delete) => "k3s is uninstalled before its machine is deleted",
            ("kubeconfig", Action::Delete) if own => {
                "honey deletes its copy of the cluster's admin credentials"
            }
            ("machine", Action::Delete) if stays(&operation.address) => {
                "honey lets go of it: the machine stays, and so does what it costs"
            }
            ("host" | "host-firewall", Action::Forget) if own && stays(&operation.address) => {
                "stays on the machine as it is; honey forgets it"
            }
            (_, Action::Forget) if own && cluster && all_stay => "goes with k3s",
            (_, Action::Forget) if own && cluster => "goes with the machine",
            (_, Action::Delete) if data => "",
            _ => continue,
        };
        let lost = if data { "data is lost" } else { "" };
        let parts: Vec<&str> = [becomes, lost].into_iter().filter(|part| !part.is_empty()).collect();
        let said = parts.join("; ");
        match becomes {
            "" => operation.reasons.push(said),
            _ => operation.reasons = vec![said],
        }
    }
}

/// Objects of the cluster whose volumes live on its machines.
fn keeps_volume(operation: &Operation) -> bool {
    let object = operation.prior.as_ref().and_then(|prior| prior.get("object"));
    let Some(object) = object.filter(|_| operation.kind == "kube-object") else { return false };
    match object["kind"].as_str().unwrap_or_default() {
        "PersistentVolumeClaim" | "PersistentVolume" => true,
        "StatefulSet" => {
            let claims = object.pointer("/spec/volumeClaimTemplates");
            claims.and_then(|claims| claims.as_array()).is_some_and(|claims| !claims.is_empty())
        }
        _ => false,
    }
}

/// Servers are uninstalled and the kubeconfig is forgotten; the rest goes with them.
fn inside(record: &Record) -> Observation {
    if matches!(record.kind.as_str(), "k3s-server" | "kubeconfig") {
        let found =
            Found::new(record.id.clone(), record.attributes.clone(), record.outputs.clone(), Ownership::Ours);
        return Observation::Found(Box::new(found));
    }
    Observation::Absent
}

/// The operator named the instance: what is not protected by name may go.
fn unprotected(state: &State, scopes: &[String]) -> Vec<Address> {
    let in_scope = |address: &Address| scopes.iter().any(|scope| scope == address.scope());
    let free = state.resources.iter().filter(|(address, record)| in_scope(address) && !record.protect);
    free.map(|(address, _)| address.clone()).collect()
}
