//! A group whose servers stand on different physical hosts.

use honey_sdk::{Fault, Schema, Value, json, schema::Field};
use serde::{Deserialize, Serialize};

use super::labelled::Labelled;
use crate::api::{Collection, Found};

/// See the module.
pub(crate) struct PlacementGroup;

/// What an operator may ask for.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Desired {
    name: String,
}

impl Labelled for PlacementGroup {
    type Desired = Desired;

    const NAME: &'static str = "placement-group";
    const OBJECTS: Collection =
        Collection { path: "/placement_groups", many: "placement_groups", one: "placement_group" };

    fn schema() -> Schema {
        Schema::new(
            Self::NAME,
            "A group whose servers stand on different physical hosts, at most ten of them.",
        )
        .field(Field::text("name", "Its name, unique in the project.").required())
        .output(Field::text("id", "The vendor's id."))
    }

    fn name(desired: &Desired) -> &str {
        &desired.name
    }

    fn order(desired: &Desired) -> Value {
        json!({"name": desired.name, "type": "spread"})
    }

    fn attributes(found: &Found) -> Result<Desired, Fault> {
        Ok(Desired { name: found.text("name") })
    }

    fn outputs(found: &Found) -> Value {
        json!({"id": found.id()})
    }
}
