//! All resources of a plan in one table, by number.

use std::collections::HashMap;

use honey_model::{Address, Diagnostic, KindSchema, Observation, Record, Resource};

use crate::{
    Input, Purpose,
    graph::{Edges, id},
};

/// One resource: wanted, recorded or both.
pub(crate) struct Node<'a> {
    pub(crate) address: &'a Address,
    pub(crate) wanted: Option<&'a Resource>,
    pub(crate) record: Option<&'a Record>,
    pub(crate) observation: Option<&'a Observation>,
    pub(crate) schema: Option<&'a KindSchema>,
}

impl<'a> Node<'a> {
    pub(crate) fn kind(&self) -> &'a str {
        self.wanted
            .map(|wanted| wanted.kind.as_str())
            .or(self.record.map(|record| record.kind.as_str()))
            .unwrap_or("")
    }

    pub(crate) fn driver(&self) -> &'a str {
        let recorded = self.record.map(|record| record.driver.as_str());
        self.wanted.map(|wanted| wanted.driver.as_str()).or(recorded).unwrap_or("")
    }

    /// The configuration path, for diagnostics.
    pub(crate) fn origin(&self) -> &'a str {
        self.wanted.map_or("", |wanted| wanted.origin.as_str())
    }
}

/// The table, in order of address.
pub(crate) struct Table<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
    pub(crate) index: HashMap<&'a Address, u32>,
    /// What each wanted resource waits for, inside the table.
    pub(crate) before: Edges,
    /// The same with what is outside of it.
    pub(crate) dependencies: Vec<Vec<Address>>,
}

impl<'a> Table<'a> {
    /// Collects wanted and recorded resources; findings go to `found`.
    pub(crate) fn new(input: &Input<'a>, found: &mut Vec<Diagnostic>) -> Self {
        let mut nodes = Vec::with_capacity(input.desired.resources.len());
        let in_scope = |address: &Address| input.desired.scopes.iter().any(|scope| scope == address.scope());
        let destroying = input.options.purpose == Purpose::Destroy;
        let mut recorded = input.state.resources.iter().filter(|(address, _)| in_scope(address)).peekable();
        let mut node = |address: &'a Address, wanted: Option<&'a Resource>| {
            let record = input.state.resources.get(address);
            let observation = input.observed.resources.get(address);
            let mut node = Node { address, wanted, record, observation, schema: None };
            node.schema = (input.schemas)(node.driver(), node.kind());
            nodes.push(node);
        };
        for (address, wanted) in &input.desired.resources {
            while let Some((earlier, _)) = recorded.next_if(|(earlier, _)| *earlier < address) {
                node(earlier, None);
            }
            recorded.next_if(|(same, _)| *same == address);
            if !destroying || in_scope(address) {
                node(address, Some(wanted));
            }
        }
        for (address, _) in recorded {
            node(address, None);
        }
        let index: HashMap<&Address, u32> =
            nodes.iter().enumerate().map(|(number, node)| (node.address, id(number))).collect();
        let mut table = Self { nodes, index, before: Edges::default(), dependencies: Vec::new() };
        table.connect(input, found);
        table
    }

    pub(crate) fn node(&self, number: u32) -> &Node<'a> {
        &self.nodes[number as usize]
    }

    /// Finds the dependencies of wanted resources and checks that each exists.
    fn connect(&mut self, input: &Input<'a>, found: &mut Vec<Diagnostic>) {
        let mut pairs = Vec::with_capacity(self.nodes.len() * 2);
        let mut dependencies = Vec::with_capacity(self.nodes.len());
        for (number, node) in self.nodes.iter().enumerate() {
            let Some(wanted) = node.wanted else {
                dependencies.push(node.record.map(|record| record.dependencies.clone()).unwrap_or_default());
                continue;
            };
            let mut all = wanted.dependencies();
            if let Some(honey_model::Observation::Deferred(until)) = node.observation {
                let missing: Vec<&Address> = until
                    .iter()
                    .filter(|address| {
                        *address != node.address && input.desired.resources.contains_key(*address)
                    })
                    .filter(|address| all.binary_search(address).is_err())
                    .collect();
                all.extend(missing.into_iter().cloned());
                all.sort();
                all.dedup();
            }
            for dependency in &all {
                if let Some(other) = self.index.get(dependency) {
                    pairs.push((id(number), *other));
                }
                if input.options.purpose == Purpose::Apply && !exists(input, self, dependency) {
                    let summary =
                        format!("{} needs {dependency}, which is not wanted and not known", node.address);
                    found.push(
                        Diagnostic::error("HNY0202", summary)
                            .at(node.origin())
                            .with_help("add the resource, or correct the reference"),
                    );
                }
            }
            dependencies.push(all);
        }
        self.before = Edges::new(self.nodes.len(), pairs);
        self.dependencies = dependencies;
    }
}

/// A dependency is good when this plan keeps or makes it, or when another
/// scope has it already.
fn exists(input: &Input<'_>, table: &Table<'_>, address: &Address) -> bool {
    match table.index.get(address) {
        Some(number) => table.node(*number).wanted.is_some(),
        None => input.state.resources.contains_key(address) || input.observed.found(address).is_some(),
    }
}
