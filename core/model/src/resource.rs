//! One wanted thing.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Address;

/// What may happen to a resource beyond create and update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// Never delete or replace without the operator naming it (`--allow-destroy ADDRESS`).
    #[serde(default)]
    pub protect: bool,
    /// Take over an existing object that carries nobody's marks.
    #[serde(default)]
    pub adopt: bool,
    /// Leave the object alone when it is no longer wanted; only forget it.
    #[serde(default)]
    pub keep: bool,
    /// Does its work and goes by itself: what was applied as it is wanted and is gone is not made again.
    #[serde(default)]
    pub once: bool,
}

/// One wanted thing: what it is, who makes it, how it should be.
///
/// `desired` is JSON of the kind's schema in which any value may be a
/// reference to another resource's output or to a secret (see [`crate::value`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// Stable name.
    pub address: Address,
    /// `machine`, `record-set`, `kube-object` …
    pub kind: String,
    /// The plugin's id, or `honey` for kinds of the core.
    pub driver: String,
    /// How it should be.
    pub desired: Value,
    /// Must be done before, beside the references inside `desired`.
    #[serde(default)]
    pub after: Vec<Address>,
    /// What may happen to it.
    #[serde(default)]
    pub lifecycle: Lifecycle,
    /// The configuration path that it came from.
    #[serde(default)]
    pub origin: String,
}

impl Resource {
    /// Everything this resource waits for: `after` and the references in `desired`, sorted, no doubles.
    pub fn dependencies(&self) -> Vec<Address> {
        let mut all = self.after.clone();
        crate::value::visit_references(&self.desired, &mut |reference| all.push(reference.address));
        all.sort();
        all.dedup();
        all
    }
}
