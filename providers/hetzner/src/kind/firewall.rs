//! The vendor's own firewall, in front of the servers.

use honey_sdk::{Context, Fault, Findings, Kind, Outcome, Schema, State, Value, json, schema::Field};
use serde::{Deserialize, Serialize};

use crate::{
    Hetzner,
    api::{self, Labelled, Labels},
};

/// See the module.
pub(crate) struct Firewall;

/// What an operator may ask for.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Desired {
    name: String,
    rules: Vec<Rule>,
}

/// One rule, in the vendor's own shape.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

/// What others may refer to.
#[derive(Debug, Serialize)]
pub(crate) struct Outputs {
    id: String,
}

#[derive(Debug, Deserialize)]
struct Found {
    id: u64,
    name: String,
    #[serde(default)]
    rules: Vec<Rule>,
    #[serde(default)]
    labels: Labels,
}

impl Labelled for Found {
    const PATH: &'static str = "/firewalls";
    const MANY: &'static str = "firewalls";
    const ONE: &'static str = "firewall";
    fn id(&self) -> u64 {
        self.id
    }
    fn labels(&self) -> &Labels {
        &self.labels
    }
}

/// The order of rules and addresses means nothing.
fn normal(mut rules: Vec<Rule>) -> Vec<Rule> {
    for rule in &mut rules {
        rule.source_ips.sort();
        rule.source_ips.dedup();
        rule.destination_ips.sort();
        rule.destination_ips.dedup();
        rule.description = rule.description.take().filter(|words| !words.is_empty());
    }
    rules.sort();
    rules.dedup();
    rules
}

fn state(ctx: Context, found: Found) -> State<Firewall> {
    State {
        id: found.id.to_string(),
        ownership: api::ownership(ctx, &found.labels),
        attributes: Desired { name: found.name, rules: normal(found.rules) },
        outputs: Outputs { id: found.id.to_string() },
    }
}

impl Kind for Firewall {
    type Plugin = Hetzner;
    type Desired = Desired;
    type Outputs = Outputs;

    const NAME: &'static str = "firewall";

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

    fn check(_plugin: &Hetzner, desired: &mut Desired, findings: &mut Findings) {
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

    fn read(
        plugin: &Hetzner,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        let found = plugin.api.find(ctx, id, desired.map(|desired| desired.name.as_str()))?;
        Ok(found.map(|found| state(ctx, found)))
    }

    fn create(
        plugin: &Hetzner,
        ctx: Context,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let body = json!({"name": desired.name, "rules": desired.rules, "labels": api::our_labels(ctx)});
        let answer: Value = plugin.api.client.post("/firewalls").body(&body).json()?;
        plugin.api.wait(ctx, api::actions_of(&answer)?)?;
        Ok(state(ctx, api::one(answer)?).into())
    }

    fn update(
        plugin: &Hetzner,
        ctx: Context,
        id: &str,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let gone = || Fault::not_found("hetzner::gone", format!("firewall {id} is gone"));
        let found: Found = plugin.api.find(ctx, Some(id), None)?.ok_or_else(gone)?;
        if found.name != desired.name || api::ownership(ctx, &found.labels) != honey_sdk::Ownership::Ours {
            plugin.api.rename(ctx, &found, &desired.name, None)?;
        }
        if normal(found.rules) != normal(desired.rules.clone()) {
            let path = format!("/firewalls/{id}/actions/set_rules");
            plugin.api.act(ctx, &path, &json!({"rules": desired.rules}))?;
        }
        Ok(Self::read(plugin, ctx, Some(id), None)?.ok_or_else(gone)?.into())
    }

    fn delete(
        plugin: &Hetzner,
        ctx: Context,
        id: &str,
        _resume: Option<Value>,
    ) -> Result<Outcome<()>, Fault> {
        plugin.api.delete::<Found>(ctx, id).map(Outcome::Done)
    }
}
