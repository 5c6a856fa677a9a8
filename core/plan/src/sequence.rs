//! Which operation waits for which, and the order of all of them.

use std::rc::Rc;

use crate::{
    Action,
    decide::Decision,
    graph::{Edges, id, order, waves},
    table::Table,
};

/// The operations of a plan in order, by node number.
pub(crate) struct Sequence {
    pub(crate) order: Vec<u32>,
    pub(crate) before: Edges,
    pub(crate) waves: Vec<u32>,
}

/// Orders the operations. `sorted` is an order of the wanted resources.
pub(crate) fn sequence(table: &Table<'_>, decisions: &[Decision], sorted: &[u32]) -> Sequence {
    let making = making_pairs(table, decisions, sorted);
    let removing = removing_pairs(table, decisions);
    let courteous = courteous_pairs(table, decisions);
    let nodes = table.nodes.len();
    // The last group is good manners, not need: what is replaced waits for the
    // deletes of what stood on it, unless that closes a circle. Recorded
    // dependencies of different ages can close one too; a delete must never be
    // impossible for that, so then deletes only wait for what is made.
    let groups: [&[&Vec<(u32, u32)>]; 3] =
        [&[&making, &removing, &courteous], &[&making, &removing], &[&making]];
    let (before, sorted) = groups
        .iter()
        .find_map(|pairs| {
            let all = pairs.iter().flat_map(|pairs| pairs.iter().copied()).collect();
            let before = Edges::new(nodes, all);
            let sorted = order(&before).ok()?;
            Some((before, sorted))
        })
        .unwrap_or_else(|| (Edges::new(nodes, Vec::new()), sorted.to_vec()));
    let waves = waves(&before, &sorted);
    let mut order: Vec<u32> =
        (0..id(nodes)).filter(|node| decisions[*node as usize].action().is_some()).collect();
    order.sort_by_key(|node| (waves[*node as usize], *node));
    Sequence { order, before, waves }
}

fn removes(decision: &Decision) -> bool {
    matches!(decision.action(), Some(Action::Delete | Action::Forget))
}

/// A wanted resource's operation waits for the operations of its
/// dependencies, also through resources that stay as they are.
fn making_pairs(table: &Table<'_>, decisions: &[Decision], sorted: &[u32]) -> Vec<(u32, u32)> {
    let mut pairs = Vec::new();
    let nothing: Rc<[u32]> = Rc::from([]);
    let mut reached: Vec<Rc<[u32]>> = vec![Rc::clone(&nothing); table.nodes.len()];
    for node in sorted {
        if table.node(*node).wanted.is_none() || removes(&decisions[*node as usize]) {
            continue;
        }
        let acts = decisions[*node as usize].action().is_some();
        let needed = table.before.of(*node);
        if acts {
            for end in needed {
                pairs.extend(reached[*end as usize].iter().map(|end| (*node, *end)));
            }
            reached[*node as usize] = Rc::from([*node]);
            continue;
        }
        let mut busy = needed.iter().map(|end| &reached[*end as usize]).filter(|set| !set.is_empty());
        reached[*node as usize] = match (busy.next(), busy.next()) {
            (None, _) => Rc::clone(&nothing),
            (Some(only), None) => Rc::clone(only),
            (Some(_), Some(_)) => {
                let mut all: Vec<u32> =
                    needed.iter().flat_map(|end| reached[*end as usize].iter().copied()).collect();
                all.sort_unstable();
                all.dedup();
                all.into()
            }
        };
    }
    pairs
}

/// A delete waits for the deletes of what stood on it, and for the operations
/// of wanted resources that let go of it.
fn removing_pairs(table: &Table<'_>, decisions: &[Decision]) -> Vec<(u32, u32)> {
    let mut pairs = Vec::new();
    for (number, decision) in decisions.iter().enumerate().filter(|(_, decision)| decision.action().is_some())
    {
        let recorded = table.nodes[number].record.map_or(&[][..], |record| record.dependencies.as_slice());
        let needed = if removes(decision) { table.dependencies[number].as_slice() } else { recorded };
        for address in needed {
            if let Some(other) =
                table.index.get(address).filter(|other| removes(&decisions[**other as usize]))
            {
                pairs.push((*other, id(number)));
            }
        }
    }
    pairs
}

/// A replacement waits for the deletes of what stood on the replaced object.
fn courteous_pairs(table: &Table<'_>, decisions: &[Decision]) -> Vec<(u32, u32)> {
    let mut pairs = Vec::new();
    for (number, _) in decisions.iter().enumerate().filter(|(_, decision)| removes(decision)) {
        for address in &table.dependencies[number] {
            if let Some(other) = table.index.get(address)
                && decisions[*other as usize].action() == Some(Action::Replace)
            {
                pairs.push((*other, id(number)));
            }
        }
    }
    pairs
}
