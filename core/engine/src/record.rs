//! What the journal of a run says, and in which order it may say it.

use std::collections::BTreeMap;

use honey_model::{Address, Digest, Fault, FaultClass, Record};
use honey_plan::{Action, Plan};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The journal format this build writes and reads.
pub const JOURNAL_FORMAT: u32 = 1;

/// One record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Entry {
    /// The run began: the whole plan, so that a resume needs nothing else.
    Begun {
        /// Format of the journal.
        format: u32,
        /// Digest of the plan.
        digest: Digest,
        /// The plan.
        plan: Box<Plan>,
    },
    /// Another process goes on with the run. What was under way is not any more.
    Resumed,
    /// An operation is about to start.
    Intent {
        /// On what.
        address: Address,
        /// What is done.
        action: Action,
        /// Stable across retries, resumes and crashes.
        operation_id: String,
    },
    /// A running operation left what it needs after a crash.
    Checkpoint {
        /// On what.
        address: Address,
        /// The object's id, as far as it is known; may be empty.
        id: String,
        /// The driver's own notes.
        progress: Value,
    },
    /// The first half of a replacement is done: the old object is gone.
    Deleted {
        /// On what.
        address: Address,
    },
    /// An operation succeeded.
    Done {
        /// On what.
        address: Address,
        /// What the state says of it from now on; none when it is gone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Box<Record>>,
    },
    /// An operation failed; a resume tries it again.
    Failed {
        /// On what.
        address: Address,
        /// Why.
        fault: Box<Fault>,
    },
    /// The whole plan is done and the state is saved.
    Sealed,
}

impl Entry {
    /// As the journal keeps it.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("journal records are plain data and always serialise")
    }
}

/// Where one operation stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Never started.
    #[default]
    Waiting,
    /// Its intent is recorded and nothing after it.
    Running,
    /// It was running when the process ended.
    Interrupted,
    /// It failed.
    Failed,
    /// It is done.
    Done,
}

/// What is known of one operation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Where it stands.
    pub stage: Stage,
    /// Its last checkpoint: id and notes.
    pub checkpoint: Option<(String, Value)>,
    /// The first half of a replacement is done.
    pub deleted: bool,
    /// What it left, when it is done.
    pub result: Option<Record>,
}

/// Reads records one by one and refuses what cannot have happened.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The plan and its digest.
    begun: Option<(Digest, Plan)>,
    /// By operation.
    operations: BTreeMap<Address, Progress>,
    sealed: bool,
    read: usize,
}

impl Ledger {
    /// The plan of the run.
    pub fn plan(&self) -> Option<&Plan> {
        self.begun.as_ref().map(|(_, plan)| plan)
    }

    /// The digest of the plan.
    pub fn digest(&self) -> Option<&Digest> {
        self.begun.as_ref().map(|(digest, _)| digest)
    }

    /// Where an operation stands.
    pub fn progress(&self, address: &Address) -> Option<&Progress> {
        self.operations.get(address)
    }

    /// All operations.
    pub fn operations(&self) -> &BTreeMap<Address, Progress> {
        &self.operations
    }

    /// Whether the run is complete.
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// Takes the next record.
    pub fn take(&mut self, entry: Entry) -> Result<(), Fault> {
        self.read += 1;
        if self.sealed {
            return Err(self.illegal("a record after the seal"));
        }
        match entry {
            Entry::Begun { format, digest, plan } => {
                if format != JOURNAL_FORMAT {
                    let message =
                        format!("the journal has format {format}, this honey reads {JOURNAL_FORMAT}");
                    return Err(Fault::new(FaultClass::Invalid, "HNY0307", message));
                }
                if self.begun.is_some() {
                    return Err(self.illegal("a second beginning"));
                }
                if honey_plan::file::digest(&plan) != digest {
                    return Err(self.illegal("a plan that is not the one its digest names"));
                }
                let waiting =
                    |operation: &honey_plan::Operation| (operation.address.clone(), Progress::default());
                self.operations = plan.operations.iter().map(waiting).collect();
                self.begun = Some((digest, *plan));
                Ok(())
            }
            Entry::Resumed => {
                if self.begun.is_none() {
                    return Err(self.illegal("a resume before the beginning"));
                }
                for progress in
                    self.operations.values_mut().filter(|progress| progress.stage == Stage::Running)
                {
                    progress.stage = Stage::Interrupted;
                }
                Ok(())
            }
            Entry::Intent { address, .. } => {
                let progress = self.operation(&address)?;
                match progress.stage {
                    Stage::Waiting | Stage::Interrupted | Stage::Failed => progress.stage = Stage::Running,
                    Stage::Running => return Err(self.illegal(&format!("{address} started twice"))),
                    Stage::Done => {
                        return Err(self.illegal(&format!("{address} started again after it was done")));
                    }
                }
                Ok(())
            }
            Entry::Checkpoint { address, id, progress } => {
                self.running(&address)?.checkpoint = Some((id, progress));
                Ok(())
            }
            Entry::Deleted { address } => {
                let operation = self.running(&address)?;
                operation.deleted = true;
                operation.checkpoint = None;
                Ok(())
            }
            Entry::Done { address, result } => {
                let operation = self.running(&address)?;
                operation.stage = Stage::Done;
                operation.result = result.map(|record| *record);
                Ok(())
            }
            Entry::Failed { address, .. } => {
                self.running(&address)?.stage = Stage::Failed;
                Ok(())
            }
            Entry::Sealed => {
                if self.begun.is_none()
                    || self.operations.values().any(|progress| progress.stage != Stage::Done)
                {
                    return Err(self.illegal("a seal before everything is done"));
                }
                self.sealed = true;
                Ok(())
            }
        }
    }

    fn operation(&mut self, address: &Address) -> Result<&mut Progress, Fault> {
        let fault = self.illegal(&format!("{address}, which the plan does not have"));
        self.operations.get_mut(address).ok_or(fault)
    }

    fn running(&mut self, address: &Address) -> Result<&mut Progress, Fault> {
        let fault = self.illegal(&format!("{address}, which was not started"));
        self.operations.get_mut(address).filter(|progress| progress.stage == Stage::Running).ok_or(fault)
    }

    fn illegal(&self, what: &str) -> Fault {
        let message = format!("record {} of the journal speaks of {what}", self.read);
        Fault::new(FaultClass::Malformed, "HNY0303", message)
            .with_help("keep the journal, look at what exists with `honey plan`, and apply a new plan")
    }
}
