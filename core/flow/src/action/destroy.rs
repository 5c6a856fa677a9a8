//! `honey destroy`: removes what honey made on one instance.
//!
//! What lives inside the cluster goes with it and is only forgotten; machines,
//! keys, firewalls and the like are deleted at the vendor, in reverse order.

use honey_model::{
    Active, Address, Desired, Diagnostic, Found, Observation, Observed, Ownership, Record, State,
};
use honey_plan::Purpose;

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
    let plan = decide(session, instance, Purpose::Destroy, &wish, &desired, &observed, &state, Vec::new())?;
    Ok(Planned { plan, desired, observed: Observed { resources: observed.resources }, state })
}

/// Servers are uninstalled and the kubeconfig is forgotten; the rest goes with them.
fn inside(record: &Record) -> Observation {
    if matches!(record.kind.as_str(), "k3s-server" | "kubeconfig") {
        let found = Found {
            id: record.id.clone(),
            attributes: record.attributes.clone(),
            outputs: record.outputs.clone(),
            ownership: Ownership::Ours,
        };
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
