//! A simulated Kubernetes API: what kube's client and kubectl need of k3s,
//! served over TLS on as many addresses as there are boxes.
//!
//! It keeps objects, field ownership and watches like the real one, and has
//! small controllers that turn Deployments, `DaemonSets`, `StatefulSets` and Jobs
//! into pods on its nodes. It runs no containers: a pod becomes ready when what
//! it refers to exists, unless a script says otherwise.

mod body;
mod certificates;
mod cluster;
mod controllers;
mod defaults;
mod discovery;
mod etcd;
mod eviction;
mod faults;
mod fields;
mod handle;
mod immutable;
mod observer;
mod ownership;
mod patch;
mod quantity;
mod resource;
mod schema;
mod selector;
mod serve;
mod status;
mod stock;
mod store;
mod validation;
mod watch;
mod write;

pub use cluster::{ClusterOptions, SimulatedCluster};
pub use etcd::Snapshot;
pub use faults::{ApiFault, ContainerFault, JobFault};
pub use observer::SingletonRun;

#[cfg(test)]
mod tests;
