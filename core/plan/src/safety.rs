//! What a plan may not do unless the operator names it.

use std::collections::BTreeSet;

use honey_model::{Address, Diagnostic, Observation};

use crate::{
    Action, Options, Purpose,
    decide::Decision,
    graph::{Edges, id},
    table::{Node, Table},
};

/// Why a resource must not be deleted unnamed.
enum Guard<'a> {
    /// The operator protects it.
    Protected,
    /// It holds this, which nothing else has.
    Data(&'a str),
}

impl std::fmt::Display for Guard<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Protected => f.write_str("is protected"),
            Self::Data(what) => write!(f, "holds {what}, which stands nowhere else"),
        }
    }
}

/// What is lost with a resource and stands nowhere else.
fn data<'a>(node: &Node<'a>) -> Option<&'a str> {
    let found = match node.observation {
        Some(Observation::Found(found)) => found.data.as_deref(),
        _ => None,
    };
    found.or_else(|| node.schema.is_some_and(|schema| schema.holds_data).then_some("data"))
}

fn guard<'a>(node: &Node<'a>) -> Option<Guard<'a>> {
    let protected = node.record.is_some_and(|record| record.protect)
        || node.wanted.is_some_and(|wanted| wanted.lifecycle.protect);
    if protected { Some(Guard::Protected) } else { data(node).map(Guard::Data) }
}

/// Refuses deleting and replacing what is guarded, and says of what is named that its data is lost; a
/// destroy leaves what is guarded standing instead, together with everything that it depends on.
pub(crate) fn check(
    table: &Table<'_>,
    decisions: &mut [Decision],
    delete_after: &Edges,
    options: &Options,
    found: &mut Vec<Diagnostic>,
) {
    let named: BTreeSet<&Address> = options.allow_destroy.iter().collect();
    let mut left = Vec::new();
    for (number, node) in table.nodes.iter().enumerate() {
        let action = decisions[number].action();
        if !matches!(action, Some(Action::Delete | Action::Replace)) {
            continue;
        }
        if named.contains(node.address) {
            if let (Decision::Act { reasons, .. }, Some(what)) = (&mut decisions[number], data(node)) {
                reasons.push(format!("data is lost: {what}"));
            }
            continue;
        }
        let Some(why) = guard(node) else { continue };
        let help = format!("to go ahead, name it: --allow-destroy {}", node.address);
        if options.purpose == Purpose::Destroy {
            let summary = format!("{} {why} and stays", node.address);
            found.push(Diagnostic::warning("HNY0215", summary).with_help(help));
            left.push(id(number));
        } else {
            let verb = if action == Some(Action::Replace) { "replace" } else { "delete" };
            let summary = format!("the plan would {verb} {}, which {why}", node.address);
            found.push(Diagnostic::error("HNY0207", summary).at(node.origin()).with_help(help));
        }
    }
    leave(table, decisions, delete_after, left, found);
}

/// What stays keeps what it stands on.
fn leave(
    table: &Table<'_>,
    decisions: &mut [Decision],
    delete_after: &Edges,
    mut left: Vec<u32>,
    found: &mut Vec<Diagnostic>,
) {
    let needs = delete_after.reversed();
    while let Some(number) = left.pop() {
        decisions[number as usize] = Decision::Ignore;
        for needed in needs.of(number) {
            if decisions[*needed as usize].action() == Some(Action::Delete) {
                let summary = format!(
                    "{} stays because {} stays",
                    table.node(*needed).address,
                    table.node(number).address
                );
                found.push(Diagnostic::warning("HNY0215", summary));
                left.push(*needed);
            }
        }
    }
}
