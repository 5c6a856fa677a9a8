//! A machine that carries a server of the cluster is never replaced beside
//! others by a changed word in the configuration: what it has stays, and the
//! plan says by which command it is made anew, one server after another.
//! Changes only the desired state.

use std::collections::BTreeMap;

use honey_model::{Address, Desired, Diagnostic, Observation, Observed, State};
use honey_plan::differences;

use crate::{Session, action::plan::Wish};

/// What stays although the configuration says otherwise: field to what stays and on which machines.
type Kept = BTreeMap<String, (String, Vec<Address>)>;

/// Keeps the fields that would need a new machine, and says which.
pub(crate) fn keep_servers(
    session: &Session,
    instance: &str,
    desired: &mut Desired,
    observed: &Observed,
    state: &State,
    wish: &Wish,
) -> Vec<Diagnostic> {
    let mut kept = Kept::new();
    let mut servers = 0;
    for (address, wanted) in &mut desired.resources {
        if wanted.kind != "machine" || address.scope() != instance {
            continue;
        }
        let carries = Address::of(&[instance, "k3s-server", address.name()]);
        if !state.resources.contains_key(&carries) {
            continue;
        }
        servers += 1;
        let named = wish.replace.contains(address) || wish.allow_destroy.contains(address);
        let (Some(Observation::Found(found)), false) = (observed.resources.get(address), named) else {
            continue;
        };
        let Some(schema) = session.schema(&wanted.driver, &wanted.kind) else { continue };
        for change in differences(schema, &wanted.desired, &found.attributes) {
            let name = change.path.split('/').nth(1).unwrap_or_default().to_owned();
            let (Some(has), Some(_)) = (found.attributes.get(&name), &change.replaces) else { continue };
            if change.after.is_none() {
                continue;
            }
            let line = format!("{has} (the configuration says {})", wanted.desired[&name]);
            wanted.desired[&name] = has.clone();
            kept.entry(name).or_insert_with(|| (line, Vec::new())).1.push(address.clone());
        }
    }
    kept.iter().map(|(field, (line, machines))| told(instance, field, line, machines, servers)).collect()
}

fn told(instance: &str, field: &str, line: &str, machines: &[Address], servers: usize) -> Diagnostic {
    let list: Vec<&str> = machines.iter().map(Address::as_str).collect();
    let first = machines.first().map_or("node-1", Address::name);
    let help = if servers > 1 {
        format!(
            "`honey node replace {first} --alive` drains it, makes it anew and joins it again; then the next one"
        )
    } else {
        format!(
            "it carries the cluster's only server: `honey etcd snapshot` first; `--allow-destroy {}` replaces it, and its data goes",
            list.join(" ")
        )
    };
    let text = format!("`{field}` of {} stays {}", list.join(", "), honey_model::text::visible(line, 200));
    Diagnostic::warning("HNY0218", text).with_help(help).at(format!("instances.{instance}.machine.{field}"))
}
