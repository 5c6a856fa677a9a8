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

#[cfg(test)]
mod tests {
    use honey_ports::host::{FirewallRule, K3sFacts};
    use proptest::{collection::vec, prelude::*, sample::Index};

    use super::*;

    fn usual() -> String {
        let mut facts = Facts {
            os_id: "debian".into(),
            os_version: "13".into(),
            epoch_seconds: 1_790_000_000,
            disk_free_bytes: u64::MAX,
            addresses: vec!["203.0.113.7".into(), "2001:db8::7".into()],
            k3s: K3sFacts::default(),
            sudo: true,
            ..Facts::default()
        };
        facts.packages.insert("curl".into(), "8.14.1-2".into());
        facts.services.insert("fail2ban".into(), "active".into());
        for (port, from) in [("22", "any"), ("2379:2380", "10.0.0.7"), ("443", "2001:db8::/32")] {
            facts.firewall.rules.push(FirewallRule {
                port: port.into(),
                protocol: "tcp".into(),
                from: from.into(),
            });
        }
        serde_json::to_string(&facts).unwrap()
    }

    const PIECES: [&str; 16] = [
        "null",
        "-1",
        "1e999",
        "9999999999999999999999",
        "\"",
        "\\ud800",
        "{",
        "]",
        "[[[[[[[[",
        "true",
        "\u{1b}[2J",
        "\"os_id\":\"x\",",
        "0.0.0.0/99",
        "::/129",
        "70000",
        "\u{0}",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_a_host_prints_is_read_or_refused(bends in vec((any::<Index>(), any::<Index>(), 0..PIECES.len()), 1..5)) {
            let mut text = usual();
            for (from, to, piece) in bends {
                let mut places = [from.index(text.len() + 1), to.index(text.len() + 1)];
                places.sort_unstable();
                // Mostly a small hole: a large one leaves nothing to read.
                let [start, end] = [places[0], places[1].min(places[0] + 12)].map(|at| text.floor_char_boundary(at));
                text.replace_range(start..end, PIECES[piece]);
            }
            match parse(&text) {
                Ok(facts) => {
                    let again = parse(&serde_json::to_string(&facts).unwrap()).unwrap();
                    prop_assert_eq!(again, facts, "what is read is canonical");
                }
                Err(fault) => prop_assert_eq!(fault.class, FaultClass::Malformed),
            }
        }
    }
}
