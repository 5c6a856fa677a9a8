//! Public keys, and facts of a host that the operator can reach by ssh. Read
//! only. A plugin that calls [`facts`] needs `ssh-facts = true` in its manifest.

use serde::de::DeserializeOwned;

use crate::{Fault, Findings, host, read, tree};

/// Type and key of a public key without its comment, which says nothing about
/// the key.
pub fn essence(public_key: &str) -> String {
    public_key.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// Brings the field `public_key` to its [`essence`]; a finding with this code
/// where it has none.
pub fn check_key(public_key: &mut String, code: &str, findings: &mut Findings) {
    *public_key = essence(public_key);
    if !public_key.contains(' ') && !findings.is_unknown("public_key") {
        findings.error(code, "/public_key", "a public key has a type and a key, as in a .pub file");
    }
}

/// One round trip. Port 0 and an empty user leave both to ssh's own configuration. The answer has the shape of honey's host facts.
pub fn facts<T: DeserializeOwned>(
    address: &str,
    port: u16,
    user: &str,
    identity: Option<&str>,
) -> Result<T, Fault> {
    let facts = host::ssh_facts(address, port, user, identity)?;
    let wrong = |why: String| Fault::malformed(format!("facts of {address}: {why}"));
    let facts = tree::parse(facts.as_bytes()).ok_or_else(|| wrong("they are not JSON".to_owned()))?;
    read::typed(&facts).map_err(|mismatch| wrong(mismatch.to_string()))
}
