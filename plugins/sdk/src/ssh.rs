//! Facts of a host that the operator can reach by ssh. Read only. A plugin
//! that calls this needs `ssh-facts = true` in its manifest.

use serde::de::DeserializeOwned;

use crate::{Fault, host};

/// One round trip. The answer has the shape of honey's host facts.
pub fn facts<T: DeserializeOwned>(
    address: &str,
    port: u16,
    user: &str,
    identity: Option<&str>,
) -> Result<T, Fault> {
    let facts = host::ssh_facts(address, port, user, identity)?;
    serde_json::from_str(&facts).map_err(|error| Fault::malformed(format!("facts of {address}: {error}")))
}
