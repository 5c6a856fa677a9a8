//! The probe's JSON, read into the port's [`Facts`] and put into canonical form.

use honey_model::{Fault, FaultClass};
use honey_ports::host::Facts;

use crate::{fault, rules};

/// Reads the probe's answer.
pub(crate) fn parse(json: &str) -> Result<Facts, Fault> {
    let mut facts: Facts = serde_json::from_str(json).map_err(|error| {
        Fault::new(
            FaultClass::Malformed,
            fault::MALFORMED,
            format!("the host's answer to the probe is not what honey's probe prints: {error}"),
        )
    })?;
    facts.firewall.rules = facts.firewall.rules.iter().map(rules::canonical).collect();
    facts.firewall.rules.sort();
    facts.firewall.rules.dedup();
    facts.addresses.sort();
    facts.addresses.dedup();
    Ok(facts)
}
