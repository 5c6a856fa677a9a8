//! The vendor's own firewall, in front of the servers.

use honey_sdk::{Context, Fault, Findings, Schema, Value, json, read, schema::Field, set};
use serde::{Deserialize, Serialize};

use super::labelled::Labelled;
use crate::api::{Api, Collection, Found};

/// See the module.
pub(crate) struct Firewall;

/// What an operator may ask for.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Desired {
    name: String,
    rules: Vec<Rule>,
}

/// One rule, in the vendor's own shape.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Rule {
    #[serde(default = "inwards")]
    direction: String,
    protocol: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    source_ips: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    destination_ips: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

fn inwards() -> String {
    "in".to_owned()
}

/// The order of rules and addresses means nothing.
fn normal(mut rules: Vec<Rule>) -> Vec<Rule> {
    for rule in &mut rules {
        rule.source_ips = set::normal(std::mem::take(&mut rule.source_ips));
        rule.destination_ips = set::normal(std::mem::take(&mut rule.destination_ips));
        rule.description = rule.description.take().filter(|words| !words.is_empty());
    }
    set::normal(rules)
}

impl Labelled for Firewall {
    type Desired = Desired;

    const NAME: &'static str = "firewall";
    const OBJECTS: Collection = Collection { path: "/firewalls", many: "firewalls", one: "firewall" };

    fn schema() -> Schema {
        let rule = vec![
            Field::one_of("direction", &["in", "out"], "`in` when not given."),
            Field::one_of("protocol", &["tcp", "udp", "icmp", "esp", "gre"], "").required(),
            Field::text("port", "`80`, `2379-2380` or `any`; only for tcp and udp."),
            Field::texts("source_ips", "Networks, for `in`."),
            Field::texts("destination_ips", "Networks, for `out`."),
            Field::text("description", ""),
        ];
        Schema::new(
            Self::NAME,
            "The vendor's own firewall, in front of the servers. What no rule allows in is dropped.",
        )
        .field(Field::text("name", "Its name, unique in the project.").required())
        .field(Field::objects("rules", rule, "At most fifty.").required().unordered())
        .output(Field::text("id", "The vendor's id."))
    }

    fn check(desired: &mut Desired, findings: &mut Findings) {
        desired.rules = normal(std::mem::take(&mut desired.rules));
        if desired.rules.len() > 50 {
            findings.error("hetzner::too-many-rules", "/rules", "a firewall has at most 50 rules");
        }
        for (at, rule) in desired.rules.iter().enumerate() {
            let needs_port = matches!(rule.protocol.as_str(), "tcp" | "udp");
            if needs_port != rule.port.is_some() {
                let words = if needs_port { "needs a port" } else { "has no port" };
                findings.error(
                    "hetzner::rule-port",
                    &format!("/rules/{at}/port"),
                    format!("{} {words}", rule.protocol),
                );
            }
            if rule.description.as_ref().is_some_and(|words| words.chars().count() > 255) {
                let pointer = format!("/rules/{at}/description");
                findings.error(
                    "hetzner::rule-description",
                    &pointer,
                    "a description has at most 255 characters",
                );
            }
            let ips = if rule.direction == "in" { &rule.source_ips } else { &rule.destination_ips };
            if ips.is_empty() || ips.len() > 100 {
                findings.error(
                    "hetzner::rule-networks",
                    &format!("/rules/{at}"),
                    format!("a rule for `{}` needs 1 to 100 networks", rule.direction),
                );
            }
        }
    }

    fn name(desired: &Desired) -> &str {
        &desired.name
    }

    fn order(desired: &Desired) -> Value {
        json!({"name": desired.name, "rules": desired.rules})
    }

    fn attributes(found: &Found) -> Result<Desired, Fault> {
        let rules = found.0.get("rules").map(read).transpose()?.unwrap_or_default();
        Ok(Desired { name: found.text("name"), rules: normal(rules) })
    }

    fn outputs(found: &Found) -> Value {
        json!({"id": found.id()})
    }

    fn adjust(
        api: &Api,
        ctx: Context,
        found: &Found,
        now: &mut Desired,
        desired: &Desired,
    ) -> Result<(), Fault> {
        let wanted = normal(desired.rules.clone());
        if now.rules != wanted {
            let path = format!("{}/{}/actions/set_rules", Self::OBJECTS.path, found.id());
            api.act(ctx, &path, &json!({"rules": wanted}))?;
            now.rules = wanted;
        }
        Ok(())
    }
}
