//! A private network with one subnet.

use honey_sdk::{Context, Fault, Object, Schema, State, json, schema::Field};
use serde::{Deserialize, Serialize};

use super::labelled::{self, Labelled};
use crate::{
    Hetzner,
    api::{Collection, Found},
};

/// See the module.
pub(crate) struct Network;

/// What an operator may ask for.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Desired {
    name: String,
    ip_range: String,
    zone: String,
}

/// What others may refer to.
#[derive(Serialize)]
pub(crate) struct Outputs {
    id: String,
    ip_range: String,
}

impl Labelled for Network {
    const OBJECTS: Collection = Collection { path: "/networks", many: "networks", one: "network" };

    fn name(desired: &Desired) -> &str {
        &desired.name
    }

    fn state(ctx: Context, found: &Found) -> Result<State<Self>, Fault> {
        Ok(State {
            id: found.id(),
            ownership: found.ownership(ctx),
            outputs: Outputs { id: found.id(), ip_range: found.text("ip_range") },
            attributes: Desired {
                name: found.text("name"),
                ip_range: found.text("ip_range"),
                zone: found.0["subnets"][0]["network_zone"].as_str().unwrap_or_default().to_owned(),
            },
        })
    }
}

impl Object for Network {
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

    fn find(
        plugin: &Hetzner,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        labelled::find(plugin, ctx, id, desired)
    }

    fn make(plugin: &Hetzner, ctx: Context, desired: &Desired) -> Result<State<Self>, Fault> {
        let body = json!({
            "name": desired.name,
            "ip_range": desired.ip_range,
            "subnets": [{"type": "cloud", "network_zone": desired.zone, "ip_range": desired.ip_range}],
        });
        Self::state(ctx, &plugin.api.make(ctx, &Self::OBJECTS, body)?)
    }

    fn change(
        plugin: &Hetzner,
        ctx: Context,
        found: State<Self>,
        desired: &Desired,
    ) -> Result<State<Self>, Fault> {
        labelled::rename(plugin, ctx, found, desired)
    }

    fn remove(plugin: &Hetzner, ctx: Context, id: &str) -> Result<(), Fault> {
        plugin.api.delete(ctx, &Self::OBJECTS, id)
    }
}
