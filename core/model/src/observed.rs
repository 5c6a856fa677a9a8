//! What was found. Partial on purpose: each address has its own answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Address, Digest, Fault};

/// Whose marks an object carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ownership {
    /// This instance's.
    Ours,
    /// Somebody else's: never touched.
    Foreign,
    /// Nobody's: touched only where the configuration says adopt.
    Unmarked,
}

/// An object that exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The vendor's id, a host's address, an object's name.
    pub id: String,
    /// In the shape of the kind's desired schema.
    pub attributes: Value,
    /// In the shape of the kind's outputs schema.
    pub outputs: Value,
    /// Whose it is.
    pub ownership: Ownership,
    /// Why it cannot become what is wanted by being changed: it has to be replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace: Option<String>,
    /// What is lost with it and stands nowhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

impl Found {
    /// An object that can be changed in place and holds no data of its own.
    pub fn new(id: impl Into<String>, attributes: Value, outputs: Value, ownership: Ownership) -> Self {
        Self { id: id.into(), attributes, outputs, ownership, replace: None, data: None }
    }

    /// Changes exactly when something that a plan depends on changes.
    pub fn fingerprint(&self) -> Digest {
        let parts = (&self.id, &self.attributes, &self.outputs, self.ownership, &self.replace, &self.data);
        Digest::of_bytes(&serde_json::to_vec(&parts).expect("JSON values always serialise"))
    }
}

/// The answer for one address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observation {
    /// Nothing there.
    Absent,
    /// Cannot be looked at before these exist.
    Deferred(Vec<Address>),
    /// There it is.
    Found(Box<Found>),
    /// Could not be looked at.
    Failed(Box<Fault>),
}

/// All answers of one look at the world.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// By address: every wanted address and every recorded one in scope.
    pub resources: BTreeMap<Address, Observation>,
}

impl Observed {
    /// The object at an address, where one was found.
    pub fn found(&self, address: &Address) -> Option<&Found> {
        match self.resources.get(address) {
            Some(Observation::Found(found)) => Some(found),
            _ => None,
        }
    }
}
