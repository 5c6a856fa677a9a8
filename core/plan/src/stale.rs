//! Whether the world is still the one that a plan was computed from.

use honey_model::{Address, Diagnostic, Found, Observation, Observed, Ownership, State, value};
use serde_json::Value;

use crate::{
    Action, Operation, Plan,
    compare::{Answer, compare},
};

/// Something that is not as it was when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// What moved.
    pub address: Address,
    /// Its fingerprint then.
    pub before: String,
    /// Its fingerprint now.
    pub after: String,
    /// In words: which fields, or that it came or went.
    pub what: String,
}

impl Moved {
    /// As an error to show.
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::error(
            "HNY0213",
            format!("infrastructure has changed since the plan: {}: {}", self.address, self.what),
        )
        .with_help("make a new plan")
    }
}

/// The fingerprint of one answer of the world.
pub fn fingerprint(seen: &Observation) -> String {
    match seen {
        Observation::Absent => "absent".to_owned(),
        Observation::Deferred(_) => "deferred".to_owned(),
        Observation::Failed(_) => "failed".to_owned(),
        Observation::Found(found) => String::from(found.fingerprint().as_str()),
    }
}

/// Compares the state's identity with the plan's: another project's state,
/// another active instance, or a state that another run has written since.
pub fn same_state(plan: &Plan, state: &State) -> Result<(), Diagnostic> {
    let refuse = |summary: String| Err(Diagnostic::error("HNY0212", summary).with_help("make a new plan"));
    if plan.lineage != state.lineage {
        return refuse("the plan was made from the state of another project".to_owned());
    }
    if plan.active != state.active {
        let (then, now) = (active(&plan.active), active(&state.active));
        return refuse(format!("who is active has changed since the plan was made: then {then}, now {now}"));
    }
    if plan.serial != state.serial {
        return refuse(format!(
            "the state was written since the plan was made (serial {} then, {} now)",
            plan.serial, state.serial
        ));
    }
    Ok(())
}

fn active(active: &honey_model::Active) -> String {
    match active {
        honey_model::Active::Nobody => "nobody".to_owned(),
        honey_model::Active::Instance { name, epoch } => format!("`{name}` (epoch {epoch})"),
        honey_model::Active::Moving { from, to, .. } => format!("in a cutover from `{from}` to `{to}`"),
    }
}

/// Names everything that moved, except what moved to where the plan wants it.
pub fn moved(plan: &Plan, observed: &Observed, state: &State) -> Vec<Moved> {
    let mut operations: Vec<&Operation> = plan.operations.iter().collect();
    operations.sort_by(|a, b| a.address.cmp(&b.address));
    let mut moved = Vec::new();
    for (address, before) in &plan.world {
        let now = observed.resources.get(address);
        let after = now.map_or_else(|| "not looked at".to_owned(), fingerprint);
        if *before == after {
            continue;
        }
        let operation = operations
            .binary_search_by(|operation| operation.address.cmp(address))
            .ok()
            .map(|position| operations[position]);
        if harmless(operation, now, observed, state) {
            continue;
        }
        let what = describe(operation, before, now);
        moved.push(Moved { address: address.clone(), before: before.clone(), after, what });
    }
    moved
}

/// Already as the plan would leave it.
fn harmless(
    operation: Option<&Operation>,
    now: Option<&Observation>,
    observed: &Observed,
    state: &State,
) -> bool {
    let (Some(operation), Some(now)) = (operation, now) else { return false };
    match (operation.action, now) {
        (Action::Delete | Action::Forget, Observation::Absent) => true,
        (Action::Replace, Observation::Found(found)) if operation.id.as_ref() == Some(&found.id) => false,
        (Action::Create | Action::Adopt | Action::Update | Action::Replace, Observation::Found(found)) => {
            found.ownership == Ownership::Ours && as_planned(operation, found, observed, state)
        }
        _ => false,
    }
}

fn as_planned(operation: &Operation, found: &Found, observed: &Observed, state: &State) -> bool {
    let Some(desired) = &operation.desired else { return false };
    let lookup = |reference: &value::Reference| {
        observed
            .found(&reference.address)
            .and_then(|found| found.outputs.pointer(&reference.pointer))
            .map_or(Answer::Missing, Answer::Known)
    };
    let recorded = state.resources.get(&operation.address).map(|record| &record.attributes);
    let plain = honey_model::KindSchema::default();
    compare(&plain, desired, &found.attributes, recorded, &lookup).is_empty()
}

fn describe(operation: Option<&Operation>, before: &str, now: Option<&Observation>) -> String {
    match now {
        None => "it was not looked at".to_owned(),
        Some(Observation::Absent) => "it is gone".to_owned(),
        Some(Observation::Deferred(_)) => "it cannot be looked at any more".to_owned(),
        Some(Observation::Failed(fault)) => format!("it could not be looked at: {fault}"),
        Some(Observation::Found(_)) if before == "absent" => "it exists now".to_owned(),
        Some(Observation::Found(_)) if before == "deferred" => "it can be looked at now".to_owned(),
        Some(Observation::Found(found)) => {
            if let Some(operation) = operation
                && operation.id.as_ref().is_some_and(|id| *id != found.id)
            {
                return format!("it is another object now ({})", found.id);
            }
            let prior = operation.and_then(|operation| operation.prior.as_ref());
            let fields = prior.map(|prior| differing(prior, &found.attributes)).unwrap_or_default();
            if fields.is_empty() {
                "its attributes or outputs changed".to_owned()
            } else {
                format!("{} changed", fields.join(", "))
            }
        }
    }
}

/// Top-level fields that are not the same. Only names: values may be sensitive.
fn differing(before: &Value, after: &Value) -> Vec<String> {
    let (Value::Object(before), Value::Object(after)) = (before, after) else { return Vec::new() };
    let mut names: Vec<String> = before
        .keys()
        .chain(after.keys())
        .filter(|name| before.get(*name) != after.get(*name))
        .cloned()
        .collect();
    names.sort();
    names.dedup();
    names
}
