//! `host-firewall`: the machine's own packet filter (runbook 3 and 6.2).
//!
//! The ssh rule is part of every rule set, on the port by which honey comes in; a new set is armed with an on-host
//! timer and confirmed through a new connection, so that a set that locks the
//! operator out goes away by itself.

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
        let known = |rule: &Rule| {
            let from = rule.from.clone()?;
            let port = if rule.port == SSH { ssh_port.to_string() } else { rule.port.clone() };
            Some(FirewallRule { port, protocol: rule.protocol.clone(), from })
        };
        self.rules.iter().filter_map(known).collect()
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
        let ssh_port = desired.ssh_port(&facts);
        Ok(facts.firewall.active.then(|| found(&host, raw, &facts, ssh_port)))
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
        Ok(Some(found(&host, request.desired.unwrap_or(&Value::Null), &facts, ssh_port)))
    }
}

fn found(target: &HostTarget, raw: &Value, facts: &Facts, ssh_port: u16) -> Found {
    let mut attributes = raw.clone();
    let mut rules = facts.firewall.rules.clone();
    let ssh_port = ssh_port.to_string();
    for rule in rules.iter_mut().filter(|rule| rule.protocol == "tcp" && rule.port == ssh_port) {
        SSH.clone_into(&mut rule.port);
    }
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
    Found { id: target.address.clone(), attributes, outputs: json!({}), ownership: Ownership::Ours }
}
