//! A group whose servers stand on different physical hosts.

use honey_sdk::{Context, Fault, Object, Schema, State, json, schema::Field};
use serde::{Deserialize, Serialize};

use super::labelled::{self, Labelled};
use crate::{
    Hetzner,
    api::{Collection, Found},
};

/// See the module.
pub(crate) struct PlacementGroup;

/// What an operator may ask for.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Desired {
    name: String,
}

/// What others may refer to.
#[derive(Serialize)]
pub(crate) struct Outputs {
    id: String,
}

impl Labelled for PlacementGroup {
    const OBJECTS: Collection =
        Collection { path: "/placement_groups", many: "placement_groups", one: "placement_group" };

    fn name(desired: &Desired) -> &str {
        &desired.name
    }

    fn state(ctx: Context, found: &Found) -> Result<State<Self>, Fault> {
        Ok(State {
            id: found.id(),
            ownership: found.ownership(ctx),
            attributes: Desired { name: found.text("name") },
            outputs: Outputs { id: found.id() },
        })
    }
}

impl Object for PlacementGroup {
    type Plugin = Hetzner;
    type Desired = Desired;
    type Outputs = Outputs;

    const NAME: &'static str = "placement-group";

    fn schema() -> Schema {
        Schema::new(
            Self::NAME,
            "A group whose servers stand on different physical hosts, at most ten of them.",
        )
        .field(Field::text("name", "Its name, unique in the project.").required())
        .output(Field::text("id", "The vendor's id."))
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
        let body = json!({"name": desired.name, "type": "spread"});
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
