//! A private network with one subnet.

use honey_sdk::{Context, Fault, Kind, Outcome, Schema, State, Value, json, schema::Field};
use serde::{Deserialize, Serialize};

use crate::{
    Hetzner,
    api::{self, Labelled, Labels},
};

/// See the module.
pub(crate) struct Network;

/// What an operator may ask for.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Desired {
    name: String,
    ip_range: String,
    zone: String,
}

/// What others may refer to.
#[derive(Debug, Serialize)]
pub(crate) struct Outputs {
    id: String,
    ip_range: String,
}

#[derive(Debug, Deserialize)]
struct Found {
    id: u64,
    name: String,
    ip_range: String,
    #[serde(default)]
    subnets: Vec<Subnet>,
    #[serde(default)]
    labels: Labels,
}

#[derive(Debug, Deserialize)]
struct Subnet {
    network_zone: String,
}

impl Labelled for Found {
    const PATH: &'static str = "/networks";
    const MANY: &'static str = "networks";
    const ONE: &'static str = "network";
    fn id(&self) -> u64 {
        self.id
    }
    fn labels(&self) -> &Labels {
        &self.labels
    }
}

fn state(ctx: Context, found: Found) -> State<Network> {
    let zone = found.subnets.into_iter().next().map(|subnet| subnet.network_zone).unwrap_or_default();
    State {
        id: found.id.to_string(),
        ownership: api::ownership(ctx, &found.labels),
        outputs: Outputs { id: found.id.to_string(), ip_range: found.ip_range.clone() },
        attributes: Desired { name: found.name, ip_range: found.ip_range, zone },
    }
}

impl Kind for Network {
    type Plugin = Hetzner;
    type Desired = Desired;
    type Outputs = Outputs;

    const NAME: &'static str = "network";

    fn schema() -> Schema {
        Schema::new(Self::NAME, "A private network with one subnet that fills it.")
            .field(Field::text("name", "Its name, unique in the project.").required())
            .field(
                Field::text("ip_range", "Private range, e.g. `10.0.0.0/16`.")
                    .required()
                    .immutable("servers hold addresses of the old range"),
            )
            .field(
                Field::text("zone", "Network zone, e.g. `eu-central`.")
                    .required()
                    .immutable("a subnet cannot move to another zone"),
            )
            .output(Field::text("id", "The vendor's id."))
            .output(Field::text("ip_range", "The range."))
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
        let body = json!({
            "name": desired.name,
            "ip_range": desired.ip_range,
            "subnets": [{"type": "cloud", "network_zone": desired.zone, "ip_range": desired.ip_range}],
            "labels": api::our_labels(ctx),
        });
        Ok(state(ctx, api::one(plugin.api.client.post("/networks").body(&body).json()?)?).into())
    }

    fn update(
        plugin: &Hetzner,
        ctx: Context,
        id: &str,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let found: Found = plugin.api.find(ctx, Some(id), None)?.ok_or_else(|| gone(id))?;
        plugin.api.rename(ctx, &found, &desired.name, None)?;
        Ok(Self::read(plugin, ctx, Some(id), None)?.ok_or_else(|| gone(id))?.into())
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

fn gone(id: &str) -> Fault {
    Fault::not_found("hetzner::gone", format!("network {id} is gone"))
}
