//! `host-firewall`: the machine's own packet filter (runbook 3 and 6.2).
//!
//! The ssh rule is part of every rule set, on the port by which honey comes in;
//! a new set is armed with an on-host timer and confirmed through a new
//! connection, so that a set that locks the operator out goes away by itself.

use std::sync::Arc;

use async_trait::async_trait;
use honey_model::{Fault, Field, Found, KindSchema, Ownership};
use honey_ports::{
    Applied, ApplyAction, ApplyRequest, CallContext, Target,
    host::{Facts, FirewallRule, HostTarget, Step},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Kind,
    connect::{Connections, Machine, SshSettings},
    host::no_address,
    locator, typed,
};

/// In a rule, the port by which honey comes in: only the host knows it.
pub(crate) const SSH: &str = "ssh";

/// How long a new rule set waits for its confirmation.
const CONFIRM_WITHIN_SECONDS: u32 = 60;

pub(super) struct HostFirewall(pub(super) Arc<Connections>);

#[derive(Deserialize)]
struct Desired {
    machine: Option<Machine>,
    #[serde(default)]
    ssh: SshSettings,
    ssh_port: u16,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    port: String,
    protocol: String,
    from: Option<String>,
}

impl Desired {
    fn target(&self) -> Option<HostTarget> {
        self.machine.as_ref().and_then(|machine| machine.target(&self.ssh))
    }

    /// The port by which honey comes in; what was asked for where the host does not tell.
    fn ssh_port(&self, facts: &Facts) -> u16 {
        if facts.ssh_port == 0 { self.ssh_port } else { facts.ssh_port }
    }

    /// The rules, without those whose source is not known yet.
    fn rules(&self, ssh_port: u16) -> Vec<FirewallRule> {
        self.rules.iter().filter_map(|rule| rule.on_host(ssh_port)).collect()
    }

    /// The host's rules in the words of what is wanted; one may answer to two of
    /// them, where ssh listens on a port that is wanted for itself.
    fn named(&self, facts: &Facts) -> Vec<FirewallRule> {
        let ssh_port = self.ssh_port(facts);
        let mut named = Vec::new();
        for rule in &facts.firewall.rules {
            let before = named.len();
            let wanted = self.rules.iter().filter(|wanted| wanted.on_host(ssh_port).as_ref() == Some(rule));
            named.extend(wanted.map(|wanted| FirewallRule { port: wanted.port.clone(), ..rule.clone() }));
            if named.len() == before {
                named.push(rule.clone());
            }
        }
        named
    }
}

impl Rule {
    /// As a host has it; `None` while its source is not known.
    fn on_host(&self, ssh_port: u16) -> Option<FirewallRule> {
        let port = if self.port == SSH { ssh_port.to_string() } else { self.port.clone() };
        Some(FirewallRule { port, protocol: self.protocol.clone(), from: self.from.clone()? })
    }
}

#[async_trait]
impl Kind for HostFirewall {
    fn schema(&self) -> KindSchema {
        let unordered = Field { unordered: true, ..Field::default() };
        KindSchema {
            kind: "host-firewall".to_owned(),
            version: 1,
            description: "Packet filter of a machine".to_owned(),
            fields: [
                ("machine".to_owned(), locator("The machine's outputs")),
                ("ssh".to_owned(), locator("How to reach it")),
                (
                    "ssh_port".to_owned(),
                    locator("Always allowed, where the host does not tell by which port honey comes in"),
                ),
                ("rules".to_owned(), unordered),
            ]
            .into(),
            ..KindSchema::default()
        }
    }

    async fn read(&self, context: &CallContext, target: &Target<'_>) -> Result<Option<Found>, Fault> {
        let Some(raw) = target.desired else { return Ok(None) };
        let desired: Desired = typed(Some(raw))?;
        let Some(host) = desired.target() else { return Ok(None) };
        let facts = self.0.facts(context, &host).await?;
        Ok(facts.firewall.active.then(|| found(&host, raw, &desired, &facts)))
    }

    async fn apply(&self, context: &CallContext, request: &ApplyRequest<'_>) -> Result<Applied, Fault> {
        if request.action == ApplyAction::Delete {
            return Ok(None);
        }
        let desired: Desired = typed(request.desired)?;
        let host = desired.target().ok_or_else(no_address)?;
        let ssh_port = desired.ssh_port(&self.0.facts(context, &host).await?);
        let step = Step::Firewall {
            rules: desired.rules(ssh_port),
            ssh_port,
            confirm_within_seconds: CONFIRM_WITHIN_SECONDS,
        };
        self.0.run(context, &host, &[step]).await?;
        self.0.host(context, &host).await?.confirm_firewall(context).await?;
        let facts = self.0.fresh_facts(context, &host).await?;
        Ok(Some(found(&host, request.desired.unwrap_or(&Value::Null), &desired, &facts)))
    }
}

fn found(target: &HostTarget, raw: &Value, desired: &Desired, facts: &Facts) -> Found {
    let mut attributes = raw.clone();
    let mut rules = desired.named(facts);
    // What nobody named is closed from outside and open from inside; anything else is a rule too many.
    let defaults = [
        ("in", &facts.firewall.default_incoming, "deny"),
        ("out", &facts.firewall.default_outgoing, "allow"),
    ];
    for (way, found, wanted) in defaults {
        if found != wanted {
            let from = format!("default-{way}:{found}");
            rules.push(FirewallRule { port: "any".to_owned(), protocol: "any".to_owned(), from });
        }
    }
    attributes["rules"] = json!(rules);
    Found::new(target.address.clone(), attributes, json!({}), Ownership::Ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_told_in_the_words_of_what_is_wanted() {
        let desired: Desired = typed(Some(&json!({"machine": null, "ssh_port": 22, "rules": [
            {"port": SSH, "protocol": "tcp", "from": "any"}, {"port": "443", "protocol": "tcp", "from": "any"},
            {"port": "2379:2380", "protocol": "tcp", "from": null},
        ]})))
        .unwrap();
        let rule = |port: &str, from: &str| FirewallRule {
            port: port.into(),
            protocol: "tcp".into(),
            from: from.into(),
        };
        let told = |ssh_port, rules: &[FirewallRule]| {
            let mut facts = Facts { ssh_port, ..Facts::default() };
            facts.firewall.rules = rules.to_vec();
            desired.named(&facts)
        };
        let both = [rule("443", "any"), rule("2222", "any")];
        assert_eq!(told(2222, &both), [rule("443", "any"), rule(SSH, "any")]);
        assert_eq!(
            told(443, &both[..1]),
            [rule(SSH, "any"), rule("443", "any")],
            "ssh on a port of its own use"
        );
        let other = [rule("22", "192.0.2.7")];
        assert_eq!(told(0, &other), other, "nobody wants it: it is told as it is");
    }
}
