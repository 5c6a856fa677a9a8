//! A private network with one subnet.

use honey_sdk::{Fault, Schema, Value, json, schema::Field};
use serde::{Deserialize, Serialize};

use super::labelled::Labelled;
use crate::api::{Collection, Found};

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

impl Labelled for Network {
    type Desired = Desired;

    const NAME: &'static str = "network";
    const OBJECTS: Collection = Collection { path: "/networks", many: "networks", one: "network" };

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

    fn name(desired: &Desired) -> &str {
        &desired.name
    }

    fn order(desired: &Desired) -> Value {
        json!({
            "name": desired.name,
            "ip_range": desired.ip_range,
            "subnets": [{"type": "cloud", "network_zone": desired.zone, "ip_range": desired.ip_range}],
        })
    }

    fn attributes(found: &Found) -> Result<Desired, Fault> {
        Ok(Desired {
            name: found.text("name"),
            ip_range: found.text("ip_range"),
            zone: found.0["subnets"][0]["network_zone"].as_str().unwrap_or_default().to_owned(),
        })
    }

    fn outputs(found: &Found) -> Value {
        json!({"id": found.id(), "ip_range": found.text("ip_range")})
    }
}
