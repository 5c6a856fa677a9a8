//! `branch`: a further branch of a project, with or without a compute.

use honey_sdk::{Context, Fault, Findings, Kind, Outcome, Ownership, Schema, State, Value, schema::Field};
use serde::{Deserialize, Serialize};

use crate::{
    Neon,
    api::{self, ownership},
    wire,
};

/// A further branch of a project.
pub struct Branch;

/// What an operator asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Desired {
    /// Id of the project.
    pub project: String,
    /// Unique in the project.
    pub name: String,
    /// Id of the branch it starts from.
    pub parent: Option<String>,
    /// Whether it has a compute of its own.
    pub compute: bool,
}

impl Default for Desired {
    fn default() -> Self {
        Self { project: String::new(), name: String::new(), parent: None, compute: true }
    }
}

/// What others may refer to.
#[derive(Clone, Debug, Serialize)]
pub struct Outputs {
    /// `br-…`
    pub branch_id: String,
    /// `ep-…`
    pub endpoint_id: Option<String>,
    /// The direct host.
    pub host: Option<String>,
    /// The host of the connection pooler.
    pub pooled_host: Option<String>,
}

impl Kind for Branch {
    type Plugin = Neon;
    type Desired = Desired;
    type Outputs = Outputs;

    const NAME: &'static str = "branch";

    fn schema() -> Schema {
        Schema::new(
            Self::NAME,
            "A branch of a Neon project: a copy of its parent that costs only what differs.",
        )
        .field(
            Field::text("project", "Id of the project.")
                .required()
                .immutable("a branch cannot move to another project"),
        )
        .field(Field::text("name", "Name, one of its kind in the project.").required())
        .field(
            Field::text(
                "parent",
                "Id of the branch it starts from; the default branch where nothing is said.",
            )
            .immutable("a branch keeps the parent it was made from")
            .vendor_default(),
        )
        .field(Field::flag("compute", "Whether it has a read-write compute of its own."))
        .output(Field::text("branch_id", "Its id."))
        .optional_output(Field::text("endpoint_id", "Id of its compute."))
        .optional_output(Field::text("host", "The direct host."))
        .optional_output(Field::text("pooled_host", "The host of the connection pooler."))
        .holds_data()
    }

    fn check(_plugin: &Neon, desired: &mut Desired, findings: &mut Findings) {
        api::check_name("name", &desired.name, api::LONGEST_NAME, findings);
    }

    fn read(
        plugin: &Neon,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        let api = &plugin.api;
        let (project, found) = match (id.and_then(|id| id.split_once('/')), desired) {
            (Some((project, branch)), _) => (project, api.branch_by_id(project, branch)?),
            (None, Some(desired)) if !desired.project.is_empty() && !desired.name.is_empty() => {
                (desired.project.as_str(), api.branch(&desired.project, Some(&desired.name))?)
            }
            _ => return Ok(None),
        };
        let Some(branch) = found else { return Ok(None) };
        let ownership = match ownership(ctx, &branch) {
            Ownership::Unmarked if id.is_some() => Ownership::Ours,
            ownership => ownership,
        };
        state(plugin, project, branch, ownership).map(Some)
    }

    fn create(
        plugin: &Neon,
        ctx: Context,
        desired: &Desired,
        resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let api = &plugin.api;
        // Names are unique: after a crash, one of this name is the one being made.
        let started =
            if resume.is_some() { api.branch(&desired.project, Some(&desired.name))? } else { None };
        let branch = if let Some(branch) = started {
            branch
        } else {
            ctx.checkpoint("", &honey_sdk::json!({"making": desired.name}));
            let made = api.make_branch(
                ctx,
                &desired.project,
                &desired.name,
                desired.parent.as_deref(),
                desired.compute,
            )?;
            let id = id_of(&desired.project, &made.branch);
            ctx.checkpoint(&id, &honey_sdk::json!({"making": desired.name}));
            api.settle(ctx, &desired.project, &made.operations)?;
            made.branch
        };
        Self::update(plugin, ctx, &id_of(&desired.project, &branch), desired, None)
    }

    fn update(
        plugin: &Neon,
        ctx: Context,
        id: &str,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let api = &plugin.api;
        let gone = || Fault::not_found("neon::gone", format!("the branch `{id}` is gone"));
        let (project, branch_id) = id.split_once('/').ok_or_else(gone)?;
        let mut branch = api.branch_by_id(project, branch_id)?.ok_or_else(gone)?;
        if branch.name != desired.name {
            api.rename_branch(ctx, project, branch_id, &desired.name)?;
            branch.name.clone_from(&desired.name);
        }
        let mut state = state(plugin, project, branch.clone(), Ownership::Ours)?;
        match (&state.outputs.endpoint_id, desired.compute) {
            (None, true) => api.make_endpoint(ctx, project, branch_id)?,
            (Some(endpoint), false) => api.delete_endpoint(ctx, project, endpoint)?,
            _ => return Ok(state.into()),
        }
        state = self::state(plugin, project, branch, Ownership::Ours)?;
        Ok(state.into())
    }

    fn delete(plugin: &Neon, ctx: Context, id: &str, _resume: Option<Value>) -> Result<Outcome<()>, Fault> {
        let (project, branch) =
            id.split_once('/').ok_or_else(|| Fault::internal(format!("`{id}` is not the id of a branch")))?;
        plugin.api.delete_branch(ctx, project, branch)?;
        Ok(Outcome::Done(()))
    }
}

fn id_of(project: &str, branch: &wire::Branch) -> String {
    format!("{project}/{}", branch.id)
}

fn state(
    plugin: &Neon,
    project: &str,
    branch: wire::Branch,
    ownership: Ownership,
) -> Result<State<Branch>, Fault> {
    let endpoint = plugin.api.endpoint(project, &branch.id)?;
    Ok(State {
        id: id_of(project, &branch),
        attributes: Desired {
            project: project.to_owned(),
            name: branch.name,
            parent: branch.parent_id,
            compute: endpoint.is_some(),
        },
        outputs: Outputs {
            branch_id: branch.id,
            pooled_host: endpoint.as_ref().and_then(wire::Endpoint::pooled_host),
            host: endpoint.as_ref().map(|endpoint| endpoint.host.clone()),
            endpoint_id: endpoint.map(|endpoint| endpoint.id),
        },
        ownership,
    })
}
