//! etcd as k3s keeps it on a host: snapshots, a reset to one of them, data set
//! aside for a fresh join.

use serde::{Deserialize, Serialize};

/// One change, by k3s's own commands. Part of [`crate::host::Step`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EtcdStep {
    /// Takes a snapshot of the running etcd; its file is called `<name>-<node>-<seconds since 1970>`.
    Save {
        /// Begin of the file's name.
        name: String,
    },
    /// Stops k3s and every container that it started.
    Stop,
    /// Makes this server the only member, with what a snapshot holds. k3s must be stopped.
    Restore {
        /// The snapshot's file name.
        snapshot: String,
    },
    /// Starts k3s, without kubelet, scheduler and controllers where it is quarantined:
    /// the API answers and nothing in it is acted upon.
    Start {
        /// Whether nothing is acted upon.
        quarantined: bool,
    },
    /// Sets this server's own data aside, once for a run, so that it joins as a
    /// new member. k3s must be stopped.
    SetAside {
        /// Names the run.
        run: String,
    },
}

/// A snapshot on a host's disk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its file's name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// When it was made, seconds since 1970 by the host's clock.
    pub made: i64,
}
