//! YAML by kubectl's rules: what `kubectl apply` reads is read as the same
//! values, or refused with its place. Nothing in between.
//!
//! kubectl reads through a Go port of libyaml and resolves plain scalars by
//! YAML 1.1 with deviations of its own; the events here come from a Rust port of
//! the same libyaml, the rules of resolution are in `scalar`. Writing is the other
//! half: a text is quoted wherever any reader could take it for something else.
//!
//! No files, no Kubernetes: texts in, values out.

mod compose;
mod documents;
mod error;
mod expand;
mod guard;
mod json;
mod number;
mod scalar;
mod tree;
mod write;

pub use documents::{Document, documents, single};
pub use error::{Error, Place};
pub use number::number;
pub use tree::{Kind, Node, NodeId, Tree};
pub use write::{flow, line, text};
