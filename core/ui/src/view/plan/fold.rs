//! Like operations as one. What takes something away always stands by itself.

use std::collections::HashMap;

use honey_plan::{Action, Operation};

use super::{HONEY, secret::object_kind};

/// So many like operations are one line.
const MANY: usize = 5;

/// What is shown together.
pub(super) struct Item<'a> {
    /// In the order of the plan; more than one where they are alike.
    pub(super) operations: Vec<&'a Operation>,
    /// The first wave and the last.
    pub(super) waves: (u32, u32),
}

/// What makes operations alike.
#[derive(PartialEq, Eq, Hash)]
struct Alike<'a> {
    action: Action,
    scope: &'a str,
    driver: &'a str,
    /// Empty for the objects of a stack: they are told by their kinds.
    kind: &'a str,
    /// What is shown below each of them; empty for what is created.
    body: String,
}

/// Whether it is an object of a cluster.
pub(super) fn is_stack(operation: &Operation) -> bool {
    operation.driver == HONEY && object_kind(operation).is_some()
}

/// Kinds of a cluster that keep what nothing else has.
pub(super) fn keeps_data(operation: &Operation) -> bool {
    let kind = object_kind(operation).unwrap_or_default();
    let lost = operation.reasons.iter().any(|reason| reason.contains("data is lost"));
    lost || operation.protect || matches!(kind, "PersistentVolumeClaim" | "PersistentVolume" | "StatefulSet")
}

/// Whether more of its kind may be shown with it.
fn may_fold(operation: &Operation) -> bool {
    match operation.action {
        Action::Create | Action::Adopt | Action::Update => true,
        Action::Forget => operation.driver == HONEY && !keeps_data(operation),
        Action::Replace | Action::Delete => false,
    }
}

/// The operations by wave, like ones together. `body` is what is shown below one.
pub(super) fn items<'a>(
    operations: &[&'a Operation],
    all: bool,
    body: &dyn Fn(&Operation) -> String,
) -> Vec<Item<'a>> {
    let mut items: Vec<Item<'a>> = Vec::new();
    let mut known: HashMap<Alike<'a>, usize> = HashMap::new();
    for operation in operations.iter().copied() {
        let alone = Item { operations: vec![operation], waves: (operation.wave, operation.wave) };
        if all || !may_fold(operation) {
            items.push(alone);
            continue;
        }
        let alike = Alike {
            action: operation.action,
            scope: operation.address.scope(),
            driver: &operation.driver,
            kind: if is_stack(operation) { "" } else { &operation.kind },
            body: if operation.action == Action::Create { String::new() } else { body(operation) },
        };
        let at = *known.entry(alike).or_insert(items.len());
        match items.get_mut(at) {
            Some(item) => {
                item.waves = (item.waves.0.min(operation.wave), item.waves.1.max(operation.wave));
                item.operations.push(operation);
            }
            None => items.push(alone),
        }
    }
    let few = |item: Item<'a>| -> Vec<Item<'a>> {
        if item.operations.len() >= MANY {
            return vec![item];
        }
        let one = |operation: &'a Operation| Item {
            operations: vec![operation],
            waves: (operation.wave, operation.wave),
        };
        item.operations.into_iter().map(one).collect()
    };
    let mut items: Vec<Item<'a>> = items.into_iter().flat_map(few).collect();
    items.sort_by_key(|item| item.waves);
    items
}
