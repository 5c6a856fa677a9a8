//! `honey cutover`: moves the active role, with it every singleton and every
//! public name, from one instance to another.
//!
//! The rule that holds at every instant and in every crash: a singleton is
//! started only on the instance that the state names as active, and the state
//! names the target only after no pod of the source's singletons exists.
//!
//! Order: claim (nobody may start one) → freeze the source, wait until its pods
//! are gone → swap the names → activate the target (the point of no return) →
//! thaw the target. Every step is idempotent and journalled; before the point
//! of no return a failure restores the source by itself.

mod preflight;
mod run;
mod steps;

use honey_model::{Digest, Fault};
use honey_ports::{capability::RecordSwap, cluster::ObjectName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use preflight::{Finding, Scorecard, prepare};
pub use run::{CutoverOutcome, abort, resume, run};

pub(crate) use preflight::dns as names;
pub(crate) use steps::{swap as swap_names, verify as verify_names};

/// The format of the plan below.
const CUTOVER_VERSION: u32 = 1;

/// Everything a cutover will do, before it does anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CutoverPlan {
    /// Format version.
    pub version: u32,
    /// The source, active now.
    pub from: String,
    /// The target.
    pub to: String,
    /// Fencing number of this move.
    pub epoch: u64,
    /// State it was made from.
    pub lineage: String,
    /// Frozen on the source, thawed on the target.
    pub singletons: Vec<Singleton>,
    /// The names' move, none where the configuration has no names.
    pub dns: Option<DnsMove>,
}

/// A workload that runs once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Singleton {
    /// Which.
    pub name: ObjectName,
    /// How many replicas it has where it is active.
    pub replicas: u64,
    /// As applied on the source.
    pub source: Value,
    /// As applied on the target.
    pub target: Value,
}

/// The names' move.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DnsMove {
    /// The plugin that does it.
    pub plugin: String,
    /// The zone.
    pub zone: String,
    /// One transaction.
    pub swaps: Vec<RecordSwap>,
}

impl DnsMove {
    /// The way back.
    fn reversed(&self) -> Self {
        let swaps = self.swaps.iter().map(|swap| RecordSwap {
            name: swap.name.clone(),
            record_type: swap.record_type.clone(),
            expect: swap.set.clone(),
            set: swap.expect.clone(),
        });
        Self { plugin: self.plugin.clone(), zone: self.zone.clone(), swaps: swaps.collect() }
    }
}

/// The steps, in order. The names stand in journals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// State: nobody may start a singleton.
    Claim,
    /// Source: replicas 0, no pod left.
    Freeze,
    /// Names: one transaction with expected values.
    Swap,
    /// Names: read again.
    Verify,
    /// State: the target is active. From here on only forward.
    Activate,
    /// Target: replicas back, Ready.
    Thaw,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Claim, Self::Freeze, Self::Swap, Self::Verify, Self::Activate, Self::Thaw];

    /// For people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Claim => "nobody may start a singleton from now on",
            Self::Freeze => "stop the source's singletons and wait until no pod of theirs exists",
            Self::Swap => "move the names in one transaction, each expecting its old values",
            Self::Verify => "read the names again",
            Self::Activate => "the target becomes the active instance (point of no return)",
            Self::Thaw => "start the target's singletons and wait until they are ready",
        }
    }

    /// Whether a failure here can still restore the source.
    pub fn reversible(self) -> bool {
        self < Self::Activate
    }
}

impl CutoverPlan {
    /// Changes when anything of the plan does.
    pub fn digest(&self) -> Digest {
        Digest::of_json(&serde_json::to_value(self).unwrap_or(Value::Null))
    }
}

/// A journal record of a cutover.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
enum Record {
    CutoverBegun { plan: Box<CutoverPlan> },
    StepBegun { step: Step },
    StepDone { step: Step },
    StepFailed { step: Step, fault: Box<Fault> },
    AbortBegun,
    Sealed,
}
