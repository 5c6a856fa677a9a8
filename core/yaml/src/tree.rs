//! A document as nodes that know their place.

use serde_json::Value;

use crate::{Error, Place, expand};

/// A node of a tree, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(pub(crate) usize);

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A text, not resolved yet.
    Scalar {
        /// What it says, without quotes and escapes.
        value: String,
        /// Its tag in the long form.
        tag: Option<String>,
        /// Written without quotes: it may be no text at all.
        plain: bool,
    },
    /// A list.
    Sequence {
        /// Its items, in order.
        items: Vec<NodeId>,
        /// Between brackets.
        flow: bool,
    },
    /// A mapping.
    Mapping {
        /// Keys and values, in order; merge keys too.
        pairs: Vec<(NodeId, NodeId)>,
        /// Between braces.
        flow: bool,
    },
    /// Another node once more.
    Alias {
        /// Which.
        target: NodeId,
    },
}

/// A node with its place in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Its first byte in the whole text; anchor and tag belong to it.
    pub start: usize,
    /// The byte behind it. Of mappings and lists without brackets: where the next thing begins; see
    /// [`Tree::end`].
    pub end: usize,
}

/// A document's nodes.
#[derive(Clone, Debug)]
pub struct Tree<'t> {
    pub(crate) text: &'t str,
    pub(crate) nodes: Vec<Node>,
    pub(crate) root: NodeId,
}

impl Tree<'_> {
    /// The node that holds all others.
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// The value that kubectl makes of a node. Fails where it makes none, or one that means
    /// something else to another reader: a key that stands twice.
    pub fn value(&self, id: NodeId) -> Result<Value, Error> {
        expand::value(self, id)
    }

    /// The pair of a mapping whose key is this text.
    pub fn pair(&self, mapping: NodeId, wanted: &str) -> Option<(NodeId, NodeId)> {
        let Kind::Mapping { pairs, .. } = &self.node(mapping).kind else { return None };
        pairs
            .iter()
            .copied()
            .find(|(key, _)| matches!(&self.node(*key).kind, Kind::Scalar { value, .. } if value == wanted))
    }

    /// The value under a key, or the item of a number; aliases are followed.
    pub(crate) fn step(&self, from: NodeId, step: &str) -> Option<NodeId> {
        match &self.node(from).kind {
            Kind::Alias { target } => self.step(*target, step),
            Kind::Sequence { items, .. } => items.get(step.parse::<usize>().ok()?).copied(),
            _ => self.pair(from, step).map(|(_, value)| value),
        }
    }

    /// The byte behind the last thing that a node says, without comments and empty lines after it.
    pub fn end(&self, id: NodeId) -> usize {
        let node = self.node(id);
        match &node.kind {
            Kind::Mapping { pairs, flow: false } => {
                pairs.last().map_or(node.start, |(key, value)| self.end(*key).max(self.end(*value)))
            }
            Kind::Sequence { items, flow: false } => items.last().map_or(node.start, |item| self.end(*item)),
            _ => node.end,
        }
    }

    /// Where a node stands.
    pub fn place(&self, id: NodeId) -> Place {
        let start = self.node(id).start;
        Place::of(self.text, start..self.end(id))
    }
}
