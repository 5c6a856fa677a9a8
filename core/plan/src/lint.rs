//! What must hold for every plan, as named checks. Tests run them on every
//! plan that they make; apply runs them on every plan that it reads.

use std::collections::{BTreeMap, BTreeSet};

use honey_model::Address;

use crate::{Action, Operation, Plan};

/// A check that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The check's name.
    pub check: &'static str,
    /// Where.
    pub address: Address,
}

/// All checks that do not hold; none for a plan that the planner made.
pub fn lint(plan: &Plan) -> Vec<Broken> {
    let mut position: BTreeMap<&Address, usize> = BTreeMap::new();
    let mut broken = Vec::new();
    for (index, operation) in plan.operations.iter().enumerate() {
        if position.insert(&operation.address, index).is_some() {
            broken.push(Broken { check: "one-operation-per-address", address: operation.address.clone() });
        }
    }
    let unchanged: BTreeSet<&Address> = plan.unchanged.iter().collect();
    for (index, operation) in plan.operations.iter().enumerate() {
        let mut report = |check, holds: bool| {
            if !holds {
                broken.push(Broken { check, address: operation.address.clone() });
            }
        };
        let before = |address: &Address| position.get(address).copied();
        report("not-unchanged-as-well", !unchanged.contains(&operation.address));
        report("after-exists", operation.after.iter().all(|first| before(first).is_some()));
        report(
            "after-comes-earlier",
            operation.after.iter().all(|first| before(first).is_none_or(|at| at < index)),
        );
        let wave = |first: &Address| before(first).is_none_or(|at| plan.operations[at].wave < operation.wave);
        report("wave-after-its-needs", operation.after.iter().all(wave));
        report("says-why", !operation.reasons.is_empty());
        report("desired-unless-removed", operation.desired.is_some() != removes(operation));
        report("id-where-one-is-needed", operation.id.is_some() || operation.action == Action::Create);
        report("world-has-it", plan.world.contains_key(&operation.address));
        report("dependents-go-first", dependents_go_first(plan, operation, &position));
    }
    broken
}

fn removes(operation: &Operation) -> bool {
    matches!(operation.action, Action::Delete | Action::Forget)
}

/// What an operation depends on is made before it, and removed after it.
fn dependents_go_first(plan: &Plan, operation: &Operation, position: &BTreeMap<&Address, usize>) -> bool {
    let own = position.get(&operation.address).copied().unwrap_or_default();
    operation.dependencies.iter().all(|needed| {
        let Some(at) = position.get(needed).copied() else { return true };
        match (removes(operation), removes(&plan.operations[at])) {
            (true, true) => own < at || mutual(&plan.operations[at], operation),
            (false, false) => at < own,
            (true, false) | (false, true) => true,
        }
    })
}

/// Records of different ages may claim that two resources need each other.
fn mutual(a: &Operation, b: &Operation) -> bool {
    a.dependencies.contains(&b.address) && b.dependencies.contains(&a.address)
}
