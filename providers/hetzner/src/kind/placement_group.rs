//! A group whose servers stand on different physical hosts.

use honey_sdk::{Context, Fault, Object, Schema, State, json, schema::Field};
use serde::{Deserialize, Serialize};

use crate::{
    Hetzner,
    api::{Collection, Found, Known},
};

/// See the module.
pub(crate) struct PlacementGroup;

const GROUPS: Collection =
    Collection { path: "/placement_groups", many: "placement_groups", one: "placement_group" };

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

fn state(ctx: Context, found: &Found) -> State<PlacementGroup> {
    State {
        id: found.id(),
        ownership: found.ownership(ctx),
        attributes: Desired { name: found.text("name") },
        outputs: Outputs { id: found.id() },
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
        let found = plugin.api.find(ctx, &GROUPS, id, desired.map(|desired| desired.name.as_str()))?;
        Ok(found.map(|found| state(ctx, &found)))
    }

    fn make(plugin: &Hetzner, ctx: Context, desired: &Desired) -> Result<State<Self>, Fault> {
        let body = json!({"name": desired.name, "type": "spread"});
        Ok(state(ctx, &plugin.api.make(ctx, &GROUPS, body)?))
    }

    fn change(
        plugin: &Hetzner,
        ctx: Context,
        found: State<Self>,
        desired: &Desired,
    ) -> Result<State<Self>, Fault> {
        let known = Known { id: &found.id, name: &found.attributes.name, ownership: found.ownership };
        let changed = plugin.api.rename(ctx, &GROUPS, known, &desired.name)?;
        Ok(changed.map_or(found, |changed| state(ctx, &changed)))
    }

    fn remove(plugin: &Hetzner, ctx: Context, id: &str) -> Result<(), Fault> {
        plugin.api.delete(ctx, &GROUPS, id)
    }
}
