//! Faults by script: what a box does wrong, and how often.

use serde::{Deserialize, Serialize};

/// One thing that goes wrong on a box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum BoxFault {
    /// The port is closed for this many real milliseconds.
    SshRefuses {
        /// Milliseconds.
        ms: u64,
    },
    /// The next connections are accepted and never hear a word.
    SshHangs {
        /// How many.
        times: u32,
    },
    /// The connection is cut before the call with this number (from 0, only
    /// calls that count) of the next script; the step before it is done.
    CutBeforeStep {
        /// Number of the step.
        step: usize,
    },
    /// The machine reboots before the step with this number.
    RebootBeforeStep {
        /// Number of the step.
        step: usize,
        /// How long it is away, in real milliseconds.
        ms: u64,
    },
    /// Another program holds the package database's lock.
    PackageLock {
        /// Real milliseconds.
        ms: u64,
    },
    /// `apt-get` fails.
    AptFails {
        /// How many times.
        times: u32,
    },
    /// The clock goes ahead by this, or behind.
    ClockAhead {
        /// Seconds.
        seconds: i64,
    },
    /// The disk is full, or not any more.
    DiskFull {
        /// Which.
        full: bool,
    },
    /// k3s fails to start with these words in its log.
    K3sFails {
        /// How many times.
        times: u32,
        /// The words.
        message: String,
    },
    /// sudo wants a password, or not any more.
    SudoPassword {
        /// Which.
        wanted: bool,
    },
    /// Facts and answers are preceded by hostile bytes.
    HostileOutput {
        /// How many scripts.
        times: u32,
    },
}

/// What is pending on one box.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    pub(super) hangs: u32,
    pub(super) cut: Option<usize>,
    pub(super) reboot: Option<(usize, u64)>,
    pub(super) apt: u32,
    pub(super) k3s: Option<(u32, String)>,
    pub(super) sudo: bool,
    pub(super) hostile: u32,
}

/// Takes one off a counter; whether there was one.
pub(super) fn take(counter: &mut u32) -> bool {
    let had = *counter > 0;
    *counter = counter.saturating_sub(1);
    had
}
