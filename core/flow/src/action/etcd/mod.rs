//! `honey etcd`: snapshots of what Kubernetes knows, and the way back to one
//! (runbook 8 "etcd quorum lost"). One action, one file.

pub mod restore;
mod singletons;
pub mod snapshot;
