//! What the API knows of the fields of each kind: names, types, and how lists and maps are merged.
//!
//! Built-in kinds have the fields of k8s-openapi's types ([`built_in`]), which
//! say nothing of merging: that is a table of our own ([`merging`]). Custom
//! kinds have the schema of their definition ([`custom`]).

pub(super) mod built_in;
pub(super) mod custom;
pub(super) mod decode;
pub(super) mod merging;
pub(super) mod typed;
mod zero;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

/// What may stand somewhere in an object.
#[derive(Debug)]
pub(super) enum Node {
    /// A map with declared fields.
    Struct(Struct),
    /// A map with any keys.
    Map {
        /// What each value is.
        values: Box<Node>,
        /// Whether it has one owner as a whole.
        atomic: bool,
    },
    /// A list.
    List {
        /// What each item is.
        items: Box<Node>,
        /// How it is merged.
        merge: ListType,
    },
    /// One value.
    Scalar(Scalar),
    /// Anything. Maps in it are granular, lists are not; with `true` it has one owner as a whole.
    Any(bool),
    /// A definition of the built-in kinds, by its full name.
    Named(String),
}

/// A map with declared fields.
#[derive(Debug, Default)]
pub(super) struct Struct {
    /// The last part of the definition's name: `DeploymentSpec`.
    pub(super) name: String,
    /// The fields.
    pub(super) fields: BTreeMap<String, Node>,
    /// Fields without which an object is not valid.
    pub(super) required: BTreeSet<String>,
    /// Whether it has one owner as a whole.
    pub(super) atomic: bool,
    /// Whether further fields are kept, as anything.
    pub(super) open: bool,
    /// Fields that are not kept when they are empty, off or 0.
    pub(super) left_out: &'static [&'static str],
}

/// How a list is merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ListType {
    /// As a whole.
    Atomic,
    /// By value.
    Set,
    /// By these key fields; a default where the field may be missing.
    Keyed(Vec<(String, Option<String>)>),
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    /// A text.
    Text,
    /// Bytes, as base64.
    Bytes,
    /// A point in time.
    Time,
    /// A whole number, of 32 or of 64 bits.
    Integer(bool),
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A number or a text.
    IntOrString,
    /// An amount: `500m`, `2Gi`, 1.
    Quantity,
}

/// What nothing is known of.
static UNKNOWN: Node = Node::Any(false);

impl Node {
    /// The node itself, or the definition that it names.
    pub(super) fn resolve(&self) -> &Node {
        let mut node = self;
        while let Node::Named(name) = node {
            node = built_in::definition(name).unwrap_or(&UNKNOWN);
        }
        node
    }

    /// A field of a map; `None` where the schema declares none of this name.
    pub(super) fn declared(&self, field: &str) -> Option<&Node> {
        match self.resolve() {
            Node::Struct(node) => match node.fields.get(field) {
                None if node.open => Some(&UNKNOWN),
                found => found,
            },
            Node::Map { values, .. } => Some(values),
            Node::Any(_) => Some(&UNKNOWN),
            _ => None,
        }
    }

    /// A field of a map, unknown where it is not declared.
    pub(super) fn field(&self, field: &str) -> &Node {
        self.declared(field).unwrap_or(&UNKNOWN)
    }

    /// The items of a list.
    pub(super) fn items(&self) -> &Node {
        match self.resolve() {
            Node::List { items, .. } => items,
            _ => &UNKNOWN,
        }
    }

    /// How a list here is merged.
    pub(super) fn list_type(&self) -> &ListType {
        match self.resolve() {
            Node::List { merge, .. } => merge,
            _ => &ListType::Atomic,
        }
    }

    /// Whether a map here has one owner as a whole.
    pub(super) fn atomic(&self) -> bool {
        match self.resolve() {
            Node::Struct(node) => node.atomic,
            Node::Map { atomic, .. } | Node::Any(atomic) => *atomic,
            _ => false,
        }
    }

    /// Whether a field of this name is declared by name, and not any key of a map.
    pub(super) fn names(&self, field: &str) -> bool {
        matches!(self.resolve(), Node::Struct(node) if node.fields.contains_key(field))
    }
}
