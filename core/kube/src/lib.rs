//! Kubernetes through kube: the only crate that names it.
//!
//! [`KubeClusters`] connects; what it hands out implements the port
//! [`honey_ports::cluster::Cluster`]. Objects are JSON throughout: honey applies
//! what a catalogue or a user's files say and needs no type for each kind.
//! What an object's readiness is stands in [`ready`], one pure function a kind.

#![allow(clippy::result_large_err, reason = "a fault carries what an operator needs and is made seldom")]
#![allow(clippy::format_push_string, reason = "messages and paths, made seldom")]

mod access;
mod apply;
mod cluster;
mod connect;
mod deletion;
mod discovery;
mod eviction;
mod explain;
mod fault;
mod nodes;
pub mod normalise;
pub mod ready;
mod wait;
mod workload;

pub use cluster::KubeCluster;
pub use connect::KubeClusters;
pub use normalise::normalise;

/// The field manager of everything that honey writes.
pub const FIELD_MANAGER: &str = "honey";
