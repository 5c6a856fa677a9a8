//! Everything that is wanted, in one place.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Address, Digest, Resource};

/// The set of wanted resources. Built by lowering the configuration, by nothing else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// By address.
    pub resources: BTreeMap<Address, Resource>,
    /// The scopes this run speaks for: what stands in state under one of them
    /// and is not wanted any more is deleted; other scopes are left alone.
    pub scopes: Vec<String>,
    /// Digest of the configuration it was lowered from.
    pub configuration: Option<Digest>,
}

impl Desired {
    /// Adds a resource; gives the earlier one back when the address is taken.
    pub fn add(&mut self, resource: Resource) -> Result<(), Box<(Resource, Resource)>> {
        if let Some(earlier) = self.resources.get(&resource.address) {
            Err(Box::new((earlier.clone(), resource)))
        } else {
            self.resources.insert(resource.address.clone(), resource);
            Ok(())
        }
    }
}
