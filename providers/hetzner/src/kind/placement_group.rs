//! A group whose servers stand on different physical hosts.

use honey_sdk::{Context, Fault, Kind, Outcome, Schema, State, Value, json, schema::Field};
use serde::{Deserialize, Serialize};

use crate::{
    Hetzner,
    api::{self, Labelled, Labels},
};

/// See the module.
pub(crate) struct PlacementGroup;

/// What an operator may ask for.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Desired {
    name: String,
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
    labels: Labels,
}

impl Labelled for Found {
    const PATH: &'static str = "/placement_groups";
    const MANY: &'static str = "placement_groups";
    const ONE: &'static str = "placement_group";
    fn id(&self) -> u64 {
        self.id
    }
    fn labels(&self) -> &Labels {
        &self.labels
    }
}

fn state(ctx: Context, found: Found) -> State<PlacementGroup> {
    State {
        id: found.id.to_string(),
        ownership: api::ownership(ctx, &found.labels),
        attributes: Desired { name: found.name },
        outputs: Outputs { id: found.id.to_string() },
    }
}

impl Kind for PlacementGroup {
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
        let body = json!({"name": desired.name, "type": "spread", "labels": api::our_labels(ctx)});
        let answer: Value = plugin.api.client.post("/placement_groups").body(&body).json()?;
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
    Fault::not_found("hetzner::gone", format!("placement group {id} is gone"))
}
