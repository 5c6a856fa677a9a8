//! Dependency graphs over numbered nodes: order, waves, cycles.
//!
//! Knows nothing of resources. Edges stand in one table, so a graph of ten
//! thousand nodes is two allocations, not ten thousand.

use std::{cmp::Reverse, collections::BinaryHeap};

/// Edges by node: `of(node)` are the nodes on the other end.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    start: Vec<u32>,
    ends: Vec<u32>,
}

impl Edges {
    /// Builds the table from `(node, other end)` pairs. Doubles are dropped.
    pub(crate) fn new(nodes: usize, mut pairs: Vec<(u32, u32)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup();
        let mut start = vec![0; nodes + 1];
        for (node, _) in &pairs {
            start[*node as usize + 1] += 1;
        }
        for node in 0..nodes {
            start[node + 1] += start[node];
        }
        Self { start, ends: pairs.into_iter().map(|(_, end)| end).collect() }
    }

    /// How many nodes there are.
    pub(crate) fn nodes(&self) -> usize {
        self.start.len().saturating_sub(1)
    }

    /// The other ends of a node's edges, sorted.
    pub(crate) fn of(&self, node: u32) -> &[u32] {
        &self.ends[self.start[node as usize] as usize..self.start[node as usize + 1] as usize]
    }

    /// The same edges seen from the other end.
    pub(crate) fn reversed(&self) -> Self {
        let pairs = (0..id(self.nodes())).flat_map(|node| self.of(node).iter().map(move |end| (*end, node)));
        Self::new(self.nodes(), pairs.collect())
    }
}

/// A node's number. Plans are far below four thousand million resources.
pub(crate) fn id(index: usize) -> u32 {
    u32::try_from(index).expect("fewer than 2^32 nodes")
}

/// Nodes such that each comes after its predecessors; of several possible
/// orders the one with the smallest numbers first. `Err` is one whole cycle:
/// each node waits for the next one, the last for the first.
pub(crate) fn order(before: &Edges) -> Result<Vec<u32>, Vec<u32>> {
    let after = before.reversed();
    let mut missing: Vec<usize> = (0..id(before.nodes())).map(|node| before.of(node).len()).collect();
    let mut ready: BinaryHeap<Reverse<u32>> =
        (0..id(before.nodes())).filter(|node| missing[*node as usize] == 0).map(Reverse).collect();
    let mut sorted = Vec::with_capacity(before.nodes());
    while let Some(Reverse(node)) = ready.pop() {
        sorted.push(node);
        for next in after.of(node) {
            missing[*next as usize] -= 1;
            if missing[*next as usize] == 0 {
                ready.push(Reverse(*next));
            }
        }
    }
    if sorted.len() == before.nodes() { Ok(sorted) } else { Err(cycle(before, &missing)) }
}

/// Follows unmet predecessors until a node comes up again.
fn cycle(before: &Edges, missing: &[usize]) -> Vec<u32> {
    let stuck = |node: u32| missing[node as usize] > 0;
    let mut path: Vec<u32> = (0..id(before.nodes())).find(|node| stuck(*node)).into_iter().collect();
    let mut position = vec![usize::MAX; before.nodes()];
    while let Some(node) = path.last().copied() {
        position[node as usize] = path.len() - 1;
        let Some(next) = before.of(node).iter().copied().find(|next| stuck(*next)) else { break };
        if position[next as usize] != usize::MAX {
            path.drain(..position[next as usize]);
            break;
        }
        path.push(next);
    }
    path
}

/// One more than the highest wave among the predecessors; 0 without any.
pub(crate) fn waves(before: &Edges, sorted: &[u32]) -> Vec<u32> {
    let mut waves = vec![0; before.nodes()];
    for node in sorted {
        waves[*node as usize] =
            before.of(*node).iter().map(|end| waves[*end as usize] + 1).max().unwrap_or(0);
    }
    waves
}

#[cfg(test)]
mod tests {
    use super::{Edges, order, waves};

    #[test]
    fn sorts_and_layers() {
        let before = Edges::new(4, vec![(0, 3), (1, 3), (2, 0), (2, 1), (2, 1)]);
        let sorted = order(&before).unwrap();
        assert_eq!(sorted, [3, 0, 1, 2]);
        assert_eq!(waves(&before, &sorted), [1, 1, 2, 0]);
    }

    #[test]
    fn a_cycle_is_given_whole_and_without_its_tail() {
        let before = Edges::new(5, vec![(0, 1), (1, 2), (2, 3), (3, 1), (4, 0)]);
        assert_eq!(order(&before).unwrap_err(), [1, 2, 3]);
        assert_eq!(order(&Edges::new(1, vec![(0, 0)])).unwrap_err(), [0]);
    }
}
