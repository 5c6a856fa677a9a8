//! The plan as data.

use std::collections::BTreeMap;

use honey_model::{Active, Address, Diagnostic, Digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The plan format this build writes and reads.
pub const PLAN_VERSION: u32 = 1;

/// What is done to one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Make it.
    Create,
    /// Take over an existing one.
    Adopt,
    /// Change it in place.
    Update,
    /// Delete it and make it anew.
    Replace,
    /// Delete it.
    Delete,
    /// Only drop it from the state.
    Forget,
}

/// One field that changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// JSON pointer into the desired value.
    pub path: String,
    /// As found; none where there was nothing. Masked values read `"****"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// As wanted; none where it goes away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// The wanted value is an output that is known only after this resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_after: Option<Address>,
    /// Why this change needs a new object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

/// One step of the plan. Apply has no choice left: everything it needs is here
/// or is the output of an earlier step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// On what.
    pub address: Address,
    /// Its kind.
    pub kind: String,
    /// Who does it.
    pub driver: String,
    /// What is done.
    pub action: Action,
    /// The object's id, where it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its attributes as found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<Value>,
    /// How it shall be, references in place; none for delete and forget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<Value>,
    /// The schema version `desired` is written in.
    pub schema_version: u32,
    /// Field by field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
    /// In words: why this happens.
    pub reasons: Vec<String>,
    /// Operations of this plan that come first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Address>,
    /// All it depends on, for the record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Address>,
    /// Operations of one wave wait for none of the same wave. From 0.
    pub wave: u32,
    /// Recorded with the resource.
    #[serde(default)]
    pub protect: bool,
    /// Recorded with the resource.
    #[serde(default)]
    pub keep: bool,
}

/// What the plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Make the world as wanted.
    Apply,
    /// Remove what honey made in the scope.
    Destroy,
}

/// A plan: what will be done, computed from which world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Format version.
    pub version: u32,
    /// Version of honey that made it.
    pub honey: String,
    /// What it is for.
    pub purpose: Purpose,
    /// The instance.
    pub instance: String,
    /// Digest of the configuration.
    pub configuration: Digest,
    /// State it was made from.
    pub lineage: String,
    /// State it was made from.
    pub serial: u64,
    /// Who was active.
    pub active: Active,
    /// In an order in which they could run one by one.
    pub operations: Vec<Operation>,
    /// Wanted and as wanted.
    pub unchanged: Vec<Address>,
    /// Fingerprint of every object the plan was computed from; `absent` and
    /// `deferred` are fingerprints too.
    pub world: BTreeMap<Address, String>,
    /// Warnings and notes.
    #[serde(default)]
    pub diagnostics: Vec<Diagnostic>,
    /// Made for an instance that gets the configuration's images though the active one
    /// runs others. Set by the caller: the planner does not look into it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ahead_of_active: bool,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}
