//! From desired, observed and state to a plan, or to all the reasons why not.

use std::collections::HashMap;

use honey_model::{
    Address, Diagnostic, Digest, Found, Observation, Severity,
    value::{Reference, visit_references},
};

use crate::{
    Action, FieldChange, Input, Operation, Plan, Purpose,
    compare::Answer,
    decide::{self, Decision},
    graph::{self, Edges, id},
    plan::PLAN_VERSION,
    safety,
    sequence::{Sequence, sequence},
    table::{Node, Table},
};

/// Computes the plan. Pure: the same input gives the same plan, byte for byte.
pub fn plan(input: &Input<'_>) -> Result<Plan, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let table = Table::new(input, &mut found);
    let sorted = match graph::order(&table.before) {
        Ok(sorted) => sorted,
        Err(cycle) => {
            found.push(cycle_report(&table, &cycle));
            return Err(found);
        }
    };
    let mut decisions = match input.options.purpose {
        Purpose::Apply => decide_apply(input, &table, &sorted, &mut found),
        Purpose::Destroy => decide_destroy(input, &table, &mut found),
    };
    one_object_each(&table, &mut found);
    let delete_after = delete_order(&table, &decisions);
    safety::check(&table, &mut decisions, &delete_after, &input.options, &mut found);
    if found.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        decide::fold_failures(&table, &mut found);
        return Err(found);
    }
    if input.options.purpose == Purpose::Destroy {
        warn_of_users(input, &table, &decisions, &mut found);
    }
    let sequence = sequence(&table, &decisions, &sorted);
    Ok(assemble(input, &table, decisions, sequence, found))
}

/// Two addresses must not be the same object at a vendor: each would undo what
/// is done for the other.
fn one_object_each(table: &Table<'_>, found: &mut Vec<Diagnostic>) {
    let mut seen = HashMap::new();
    for node in table.nodes.iter().filter(|node| node.wanted.is_some()) {
        let Some(Observation::Found(object)) = node.observation else { continue };
        let Some(first) = seen.insert((node.driver(), node.kind(), object.id.as_str()), node.address) else {
            continue;
        };
        let text = format!("{first} and {} are both the {} {}", node.address, node.kind(), object.id);
        found.push(Diagnostic::error("HNY0217", text).at(node.origin()).with_help("name each one once"));
    }
}

/// The wanted address of each object that was found: what has two addresses is one object still.
fn wanted_objects<'a>(table: &Table<'a>) -> HashMap<(&'a str, &'a str, &'a str), &'a Address> {
    let wanted = table.nodes.iter().filter(|node| node.wanted.is_some());
    wanted
        .filter_map(|node| match node.observation {
            Some(Observation::Found(object)) => {
                Some(((node.driver(), node.kind(), object.id.as_str()), node.address))
            }
            _ => None,
        })
        .collect()
}

fn cycle_report(table: &Table<'_>, cycle: &[u32]) -> Diagnostic {
    let mut names: Vec<&str> = cycle.iter().map(|number| table.node(*number).address.as_str()).collect();
    names.extend(names.first().copied());
    let origin = cycle.first().map_or("", |number| table.node(*number).origin());
    Diagnostic::error("HNY0201", format!("these wait for each other: {}", names.join(" → ")))
        .at(origin)
        .with_help("remove one of these dependencies")
}

fn decide_apply<'a>(
    input: &Input<'a>,
    table: &Table<'a>,
    sorted: &[u32],
    found: &mut Vec<Diagnostic>,
) -> Vec<Decision> {
    let mut decisions: Vec<Decision> = table.nodes.iter().map(|_| Decision::Ignore).collect();
    for number in sorted {
        let node = table.node(*number);
        if node.wanted.is_none() {
            continue;
        }
        if node.schema.is_none() {
            found.push(unknown_kind(node));
            continue;
        }
        let decision = {
            let lookup = |reference: &Reference| answer(input, table, &decisions, reference);
            decide::wanted(node, &lookup)
        };
        match decision {
            Ok(decision) => {
                decisions[*number as usize] = decide::anew(node, decision, &input.options.replace);
            }
            Err(diagnostic) => found.push(diagnostic),
        }
        missing_outputs(input, table, &decisions, node, found);
    }
    let gone_with = |until: &[Address]| gone(input, table, until);
    let objects = wanted_objects(table);
    for (number, node) in table.nodes.iter().enumerate().filter(|(_, node)| node.wanted.is_none()) {
        let wanted_as =
            |object: &Found| objects.get(&(node.driver(), node.kind(), object.id.as_str())).copied().cloned();
        match decide::unwanted(node, "not wanted any more", &gone_with, &wanted_as) {
            Ok(decision) => decisions[number] = decision,
            Err(diagnostic) => found.push(diagnostic),
        }
    }
    decisions
}

fn decide_destroy(input: &Input<'_>, table: &Table<'_>, found: &mut Vec<Diagnostic>) -> Vec<Decision> {
    let gone_with = |until: &[Address]| gone(input, table, until);
    let why = format!("{} is destroyed", input.options.instance);
    let mut decide = |node: &Node<'_>| match decide::unwanted(node, &why, &gone_with, &|_| None) {
        Ok(decision) => decision,
        Err(diagnostic) => {
            found.push(diagnostic);
            Decision::Ignore
        }
    };
    table.nodes.iter().map(&mut decide).collect()
}

/// True when nothing is left through which the object could exist.
fn gone(input: &Input<'_>, table: &Table<'_>, until: &[Address]) -> bool {
    let absent = |address: &Address| match input.observed.resources.get(address) {
        Some(Observation::Absent) => true,
        Some(_) => false,
        None => !table.index.contains_key(address) && !input.state.resources.contains_key(address),
    };
    !until.is_empty() && until.iter().all(absent)
}

/// What a reference stands for, given the decisions made so far.
fn answer<'a>(
    input: &Input<'a>,
    table: &Table<'a>,
    decisions: &[Decision],
    reference: &Reference,
) -> Answer<'a> {
    let outputs = input.observed.found(&reference.address).map(|found| &found.outputs);
    let outputs = match table.index.get(&reference.address) {
        Some(number) => match &decisions[*number as usize] {
            Decision::Act { action: Action::Create | Action::Replace, .. } => return Answer::Later,
            Decision::Act { changes, .. } if touches(changes, &reference.pointer) => return Answer::Later,
            _ => outputs,
        },
        None => {
            outputs.or_else(|| input.state.resources.get(&reference.address).map(|record| &record.outputs))
        }
    };
    match outputs.and_then(|outputs| outputs.pointer(&reference.pointer)) {
        Some(value) => Answer::Known(value),
        None => Answer::Missing,
    }
}

/// Whether an output of the same name as a changed field is referred to: it
/// follows the change, so what was found is not what will be.
fn touches(changes: &[FieldChange], pointer: &str) -> bool {
    let first = |path: &str| path.split('/').nth(1).unwrap_or_default().to_owned();
    !changes.is_empty()
        && (pointer.is_empty() || changes.iter().any(|change| first(&change.path) == first(pointer)))
}

fn missing_outputs<'a>(
    input: &Input<'a>,
    table: &Table<'a>,
    decisions: &[Decision],
    node: &Node<'_>,
    found: &mut Vec<Diagnostic>,
) {
    let Some(wanted) = node.wanted else { return };
    visit_references(&wanted.desired, &mut |reference| {
        // An operation, or a failed look, may still bring the output.
        let settled = table
            .index
            .get(&reference.address)
            .is_none_or(|number| matches!(decisions[*number as usize], Decision::Keep));
        let known = table.index.contains_key(&reference.address)
            || input.state.resources.contains_key(&reference.address)
            || input.observed.found(&reference.address).is_some();
        if settled && known && matches!(answer(input, table, decisions, &reference), Answer::Missing) {
            let summary = format!(
                "{} refers to `{}` of {}, which has no such output",
                node.address, reference.pointer, reference.address
            );
            found.push(Diagnostic::error("HNY0203", summary).at(node.origin()));
        }
    });
}

fn unknown_kind(node: &Node<'_>) -> Diagnostic {
    let summary = format!("{}: `{}` has no kind `{}`", node.address, node.driver(), node.kind());
    Diagnostic::error("HNY0208", summary).at(node.origin())
}

/// For each node the nodes whose delete comes before its own: its dependents.
fn delete_order(table: &Table<'_>, decisions: &[Decision]) -> Edges {
    let leaving =
        |number: u32| matches!(decisions[number as usize].action(), Some(Action::Delete | Action::Forget));
    let mut pairs = Vec::new();
    for number in (0..id(table.nodes.len())).filter(|number| leaving(*number)) {
        for dependency in &table.dependencies[number as usize] {
            if let Some(needed) = table.index.get(dependency).filter(|needed| leaving(**needed)) {
                pairs.push((*needed, number));
            }
        }
    }
    Edges::new(table.nodes.len(), pairs)
}

/// Resources of other scopes that stand on what a destroy removes.
fn warn_of_users(input: &Input<'_>, table: &Table<'_>, decisions: &[Decision], found: &mut Vec<Diagnostic>) {
    for (address, record) in
        input.state.resources.iter().filter(|(address, _)| !table.index.contains_key(*address))
    {
        let removed = record.dependencies.iter().find(|needed| {
            table
                .index
                .get(*needed)
                .is_some_and(|number| decisions[*number as usize].action() == Some(Action::Delete))
        });
        if let Some(removed) = removed {
            found.push(Diagnostic::warning(
                "HNY0216",
                format!("{address} stays and needs {removed}, which is deleted"),
            ));
        }
    }
}

fn assemble(
    input: &Input<'_>,
    table: &Table<'_>,
    mut decisions: Vec<Decision>,
    sequence: Sequence,
    found: Vec<Diagnostic>,
) -> Plan {
    let unchanged = table
        .nodes
        .iter()
        .zip(&decisions)
        .filter(|(_, decision)| matches!(decision, Decision::Keep))
        .map(|(node, _)| node.address.clone())
        .collect();
    let mut operations = Vec::with_capacity(sequence.order.len());
    for number in &sequence.order {
        let decision = std::mem::replace(&mut decisions[*number as usize], Decision::Ignore);
        if let Decision::Act { action, changes, reasons } = decision {
            let after =
                sequence.before.of(*number).iter().map(|end| table.node(*end).address.clone()).collect();
            let mut operation = operation(input, table, *number, action);
            operation.changes = changes;
            operation.reasons = reasons;
            operation.after = after;
            operation.wave = sequence.waves[*number as usize];
            operations.push(operation);
        }
    }
    let world = table.nodes.iter().map(|node| node.address).chain(input.observed.resources.keys());
    let world = world
        .filter_map(|address| {
            input
                .observed
                .resources
                .get(address)
                .map(|seen| (address.clone(), crate::stale::fingerprint(seen)))
        })
        .collect();
    Plan {
        version: PLAN_VERSION,
        honey: input.options.honey_version.clone(),
        purpose: input.options.purpose,
        instance: input.options.instance.clone(),
        configuration: input.desired.configuration.clone().unwrap_or_else(|| Digest::of_bytes(b"")),
        lineage: input.state.lineage.clone(),
        serial: input.state.serial,
        active: input.state.active.clone(),
        operations,
        unchanged,
        world,
        diagnostics: found,
        ahead_of_active: false,
    }
}

fn operation(input: &Input<'_>, table: &Table<'_>, number: u32, action: Action) -> Operation {
    let node = table.node(number);
    let found = input.observed.found(node.address);
    let removing = matches!(action, Action::Delete | Action::Forget);
    let wanted = node.wanted.filter(|_| !removing);
    let record = node.record;
    let creating = action == Action::Create;
    let id = found.map(|found| &found.id).or(record.filter(|_| !creating).map(|record| &record.id)).cloned();
    let prior =
        found.map(|found| &found.attributes).or(record.filter(|_| removing).map(|record| &record.attributes));
    Operation {
        address: node.address.clone(),
        kind: node.kind().to_owned(),
        driver: node.driver().to_owned(),
        action,
        id,
        prior: prior.cloned(),
        desired: wanted.map(|wanted| wanted.desired.clone()),
        schema_version: match (wanted, node.schema, record) {
            (None, _, Some(record)) => record.schema_version,
            (_, Some(schema), _) => schema.version,
            (_, None, _) => 0,
        },
        changes: Vec::new(),
        reasons: Vec::new(),
        after: Vec::new(),
        dependencies: table.dependencies[number as usize].clone(),
        wave: 0,
        protect: wanted
            .map_or(record.is_some_and(|record| record.protect), |wanted| wanted.lifecycle.protect),
        keep: wanted.map_or(record.is_some_and(|record| record.keep), |wanted| wanted.lifecycle.keep),
    }
}
