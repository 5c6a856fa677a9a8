//! What honey remembers between runs. Ids, digests and outputs; never a secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Address;

/// The newest state format this build reads and the only one it writes.
pub const STATE_VERSION: u32 = 1;

/// Which instance may run singletons. The epoch only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Active {
    /// No instance was ever active.
    #[default]
    Nobody,
    /// This instance, and no other, may run singletons.
    Instance {
        /// Its name.
        name: String,
        /// Fencing number.
        epoch: u64,
    },
    /// A cutover is under way: nobody may start a singleton.
    Moving {
        /// Was active.
        from: String,
        /// Will be active.
        to: String,
        /// Fencing number of the move.
        epoch: u64,
    },
}

impl Active {
    /// Whether this instance may run singletons now.
    pub fn may_run_singletons(&self, instance: &str) -> bool {
        matches!(self, Self::Instance { name, .. } if name == instance)
    }

    /// The fencing number.
    pub fn epoch(&self) -> u64 {
        match self {
            Self::Nobody => 0,
            Self::Instance { epoch, .. } | Self::Moving { epoch, .. } => *epoch,
        }
    }
}

/// One managed resource as last applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The kind.
    pub kind: String,
    /// Plugin id or `honey`.
    pub driver: String,
    /// The vendor's id.
    pub id: String,
    /// The kind's schema version at that time.
    pub schema_version: u32,
    /// Attributes as last applied (references resolved, secrets as fingerprints).
    pub attributes: Value,
    /// Outputs as last seen.
    pub outputs: Value,
    /// What it depended on: deletes run in reverse.
    #[serde(default)]
    pub dependencies: Vec<Address>,
    /// Never delete without being named.
    #[serde(default)]
    pub protect: bool,
    /// Forget instead of delete.
    #[serde(default)]
    pub keep: bool,
}

/// Everything honey remembers of one project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Format version.
    pub version: u32,
    /// Random, made with the first state: two projects never mix.
    pub lineage: String,
    /// One more with every write.
    pub serial: u64,
    /// Who may run singletons.
    #[serde(default)]
    pub active: Active,
    /// Managed resources.
    #[serde(default)]
    pub resources: BTreeMap<Address, Record>,
    /// Jobs that an instance which is gone completed for all instances, such as migrations:
    /// where they were, and the object.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub completed: BTreeMap<Address, Value>,
}

impl State {
    /// An empty state with a lineage.
    pub fn empty(lineage: impl Into<String>) -> Self {
        Self {
            version: STATE_VERSION,
            lineage: lineage.into(),
            serial: 0,
            active: Active::Nobody,
            resources: BTreeMap::new(),
            completed: BTreeMap::new(),
        }
    }
}
