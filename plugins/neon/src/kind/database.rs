//! `database`: project, branch, compute, role and database in one. Neon has no
//! labels of projects; our marks are the annotation of the branch that a project
//! is made with. Before one is made, the checkpoint says that there was none of
//! the name, so that one found after a crash or a lost answer is the one.

use honey_sdk::{
    Context, Fault, Findings, Kind, Outcome, Ownership, Schema, State, Value, log, read_or_default,
    schema::Field,
    secrets::{self, STORED},
};
use serde::{Deserialize, Serialize};

use crate::{
    Neon, api,
    wire::{self, NewProject, NewProjectBranch, Project},
};

/// Bytes of a name in PostgreSQL.
const LONGEST_IDENTIFIER: usize = 63;

/// Project, branch, compute, role and database in one.
pub struct Database;

/// What an operator asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Desired {
    /// The project's name.
    pub project: String,
    /// Neon's id of the region.
    pub region: String,
    /// Major version of PostgreSQL.
    pub pg_version: u32,
    /// The branch that the application uses.
    pub branch: Option<String>,
    /// Owner of the database.
    pub role: String,
    /// The database.
    pub database: String,
    /// Whether honey holds the role's password.
    pub credential: String,
    /// Start a suspended compute.
    pub wake: bool,
}

impl Default for Desired {
    fn default() -> Self {
        Self {
            project: String::new(),
            region: String::new(),
            pg_version: 17,
            branch: None,
            role: String::new(),
            database: String::new(),
            credential: STORED.to_owned(),
            wake: false,
        }
    }
}

/// What others may refer to.
#[derive(Clone, Debug, Serialize)]
pub struct Outputs {
    /// The project.
    pub project_id: String,
    /// `br-…`
    pub branch_id: String,
    /// `ep-…`
    pub endpoint_id: Option<String>,
    /// The direct host.
    pub host: Option<String>,
    /// The host of the connection pooler.
    pub pooled_host: Option<String>,
    /// The role.
    pub role: String,
    /// The database.
    pub database: String,
    /// Name of the secret that holds the role's password.
    pub password_secret: String,
}

/// What is left behind for the time after a crash.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress {
    /// Known from here on.
    project_id: Option<String>,
    /// The answer that held the password was received.
    password: bool,
}

/// One look at everything that belongs to a database.
struct Seen {
    project: Project,
    branch: wire::Branch,
    endpoint: Option<wire::Endpoint>,
    /// The database's owner; empty where there is no such database.
    role: String,
    database: String,
}

impl Kind for Database {
    type Plugin = Neon;
    type Desired = Desired;
    type Outputs = Outputs;

    const NAME: &'static str = "database";

    fn schema() -> Schema {
        Schema::new(Self::NAME, "A Neon project with one branch, its compute, one role and one database.")
            .field(Field::text("project", "The project's name.").required())
            .field(
                Field::text("region", "Neon's id of the region, e.g. aws-us-east-1.")
                    .required()
                    .immutable("Neon cannot move a project to another region"),
            )
            .field(
                Field::number("pg_version", "Major version of PostgreSQL, 14 to 18.")
                    .immutable("Neon cannot change the major version of a project"),
            )
            .field(
                Field::text("branch", "Branch that the application uses; the default branch where nothing is said.")
                    .vendor_default(),
            )
            .field(Field::text("role", "The role that owns the database.").required())
            .field(Field::text("database", "The database. Another name makes another database beside the old one.").required())
            .field(Field::one_of("credential", &[STORED], "`stored` where honey holds the role's password; where it is `lost`, applying fetches or resets it."))
            .field(Field::flag("wake", "Start a suspended compute when applying.").create_only())
            .output(Field::text("project_id", "The project."))
            .output(Field::text("branch_id", "The branch."))
            .optional_output(Field::text("endpoint_id", "The compute."))
            .optional_output(Field::text("host", "The direct host."))
            .optional_output(Field::text("pooled_host", "The host of the connection pooler."))
            .output(Field::text("role", "The role."))
            .output(Field::text("database", "The database."))
            .output(Field::text("password_secret", "Name of the secret that holds the role's password."))
            .holds_data()
    }

    fn check(_plugin: &Neon, desired: &mut Desired, findings: &mut Findings) {
        if !(14..=18).contains(&desired.pg_version) {
            findings.error(
                "neon::pg-version",
                "/pg_version",
                format!("PostgreSQL {} is not offered: 14 to 18 are", desired.pg_version),
            );
        }
        let branch = desired.branch.as_deref().unwrap_or("main");
        for (field, value, most) in [
            ("project", desired.project.as_str(), api::LONGEST_NAME),
            ("branch", branch, api::LONGEST_NAME),
            ("role", &desired.role, LONGEST_IDENTIFIER),
            ("database", &desired.database, LONGEST_IDENTIFIER),
        ] {
            api::check_name(field, value, most, findings);
        }
    }

    fn read(
        plugin: &Neon,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        let named = desired.map(|desired| desired.project.as_str()).filter(|name| !name.is_empty());
        let project = match (id, named) {
            (Some(id), _) => plugin.api.project(id)?,
            (None, Some(name)) => plugin.api.project_named(ctx, name)?,
            (None, None) => return Ok(None),
        };
        let Some(project) = project else { return Ok(None) };
        let seen = look(plugin, project, desired)?;
        // One that was adopted has no marks: Neon takes them at the making only.
        let ownership = match api::ownership(ctx, &seen.branch) {
            Ownership::Unmarked if id.is_some() => Ownership::Ours,
            ownership => ownership,
        };
        Ok(Some(state(seen, desired, ownership)))
    }

    fn create(
        plugin: &Neon,
        ctx: Context,
        desired: &Desired,
        resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let made_before = match &resume {
            Some(progress) => {
                let progress: Progress = read_or_default(Some(progress));
                match &progress.project_id {
                    Some(id) => plugin.api.project(id)?.map(|project| (project, progress.password)),
                    None => plugin.api.project_named(ctx, &desired.project)?.map(|project| (project, false)),
                }
            }
            None => None,
        };
        if let Some((project, password_known)) = made_before {
            return ensure(plugin, ctx, project, desired, password_known);
        }
        ctx.checkpoint("", &Progress::default());
        let new = NewProject {
            name: &desired.project,
            region_id: &desired.region,
            pg_version: desired.pg_version,
            org_id: None,
            branch: NewProjectBranch {
                name: desired.branch.as_deref(),
                role_name: &desired.role,
                database_name: &desired.database,
                annotations: api::marks(ctx),
            },
        };
        let made = match plugin.api.make_project(ctx, &new, &secret_of(&desired.project, &desired.role)) {
            Ok(made) => made,
            Err(fault) if fault.is("transient") || fault.is("timeout") => {
                // Nobody knows whether it was made: there was none of the name before.
                let Some(project) = plugin.api.project_named(ctx, &desired.project)? else {
                    return Err(fault);
                };
                log::info("the answer was lost, but the project was made");
                return ensure(plugin, ctx, project, desired, false);
            }
            Err(fault) => return Err(fault),
        };
        let id = made.project.id.clone();
        ctx.checkpoint(&id, &Progress { project_id: Some(id.clone()), password: true });
        plugin.api.settle(ctx, &id, &made.operations)?;
        let seen = Seen {
            endpoint: made.endpoints.into_iter().find(wire::Endpoint::writes),
            branch: made.branch,
            project: made.project,
            role: desired.role.clone(),
            database: desired.database.clone(),
        };
        if seen.endpoint.is_none() {
            return ensure(plugin, ctx, seen.project, desired, true);
        }
        Ok(state(seen, Some(desired), Ownership::Ours).into())
    }

    fn update(
        plugin: &Neon,
        ctx: Context,
        id: &str,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let project = plugin
            .api
            .project(id)?
            .ok_or_else(|| Fault::not_found("neon::gone", format!("the project `{id}` is gone")))?;
        ensure(plugin, ctx, project, desired, true)
    }

    fn delete(plugin: &Neon, ctx: Context, id: &str, _resume: Option<Value>) -> Result<Outcome<()>, Fault> {
        let Some(project) = plugin.api.project(id)? else { return Ok(Outcome::Done(())) };
        let seen = look(plugin, project, None)?;
        plugin.api.delete_project(ctx, id)?;
        let secret = secret_of(&seen.project.name, &seen.role);
        if secrets::exists(&secret) {
            secrets::forget(&secret)?;
        }
        Ok(Outcome::Done(()))
    }
}

/// Makes what is missing. `password_known`: a stored password is that of this project.
fn ensure(
    plugin: &Neon,
    ctx: Context,
    mut project: Project,
    desired: &Desired,
    password_known: bool,
) -> Result<Outcome<State<Database>>, Fault> {
    let api = &plugin.api;
    let id = project.id.clone();
    if project.name != desired.project {
        api.rename_project(ctx, &id, &desired.project)?;
        project.name.clone_from(&desired.project);
    }
    if let Some(name) = &desired.branch
        && api.branch(&id, Some(name))?.is_none()
    {
        let made = api.make_branch(ctx, &id, name, None, true)?;
        api.settle(ctx, &id, &made.operations)?;
    }
    let mut seen = look(plugin, project, Some(desired))?;
    if seen.endpoint.is_none() {
        api.make_endpoint(ctx, &id, &seen.branch.id)?;
        seen.endpoint = api.endpoint(&id, &seen.branch.id)?;
    }
    let secret = secret_of(&desired.project, &desired.role);
    let mut password_known = password_known && secrets::exists(&secret);
    if seen.role != desired.role || seen.database != desired.database {
        if !api.has_role(&id, &seen.branch.id, &desired.role)? {
            api.make_role(ctx, &id, &seen.branch.id, &desired.role, &secret)?;
            password_known = true;
        }
        let exists = seen.database == desired.database;
        api.put_database(ctx, &id, &seen.branch.id, &desired.database, &desired.role, exists)?;
        seen.role.clone_from(&desired.role);
        seen.database.clone_from(&desired.database);
    }
    if !password_known {
        api.fetch_password(ctx, &id, &seen.branch.id, &desired.role, &secret)?;
    }
    match &seen.endpoint {
        Some(endpoint) if desired.wake && endpoint.current_state == "idle" => {
            api.start_endpoint(ctx, &id, &endpoint.id)?;
        }
        _ => {}
    }
    Ok(state(seen, Some(desired), Ownership::Ours).into())
}

/// The wanted branch and database of a project; where there is no such branch,
/// the default one, and where nothing is wanted, the first database.
fn look(plugin: &Neon, project: Project, desired: Option<&Desired>) -> Result<Seen, Fault> {
    let api = &plugin.api;
    let wanted = desired.and_then(|desired| desired.branch.as_deref());
    let named = match wanted {
        Some(name) => api.branch(&project.id, Some(name))?,
        None => None,
    };
    let branch = match named {
        Some(branch) => branch,
        None => api
            .branch(&project.id, None)?
            .ok_or_else(|| Fault::malformed(format!("the project `{}` has no default branch", project.id)))?,
    };
    let endpoint = api.endpoint(&project.id, &branch.id)?;
    let databases = api.databases(&project.id, &branch.id)?;
    let name = desired.map(|desired| desired.database.as_str()).filter(|name| !name.is_empty());
    let found = databases.into_iter().find(|database| name.is_none_or(|name| database.name == name));
    let (role, database) = found.map(|database| (database.owner_name, database.name)).unwrap_or_default();
    Ok(Seen { project, branch, endpoint, role, database })
}

fn state(seen: Seen, desired: Option<&Desired>, ownership: Ownership) -> State<Database> {
    let project = desired.map_or(&seen.project.name, |desired| &desired.project);
    let role = desired.map_or(&seen.role, |desired| &desired.role);
    let secret = secret_of(project, role);
    let outputs = Outputs {
        project_id: seen.project.id.clone(),
        branch_id: seen.branch.id,
        pooled_host: seen.endpoint.as_ref().and_then(wire::Endpoint::pooled_host),
        host: seen.endpoint.as_ref().map(|endpoint| endpoint.host.clone()),
        endpoint_id: seen.endpoint.map(|endpoint| endpoint.id),
        role: role.clone(),
        database: seen.database.clone(),
        password_secret: format!("neon.{secret}"),
    };
    State {
        id: seen.project.id,
        attributes: Desired {
            project: seen.project.name,
            region: seen.project.region_id,
            pg_version: seen
                .project
                .pg_version
                .unwrap_or_else(|| desired.map_or(17, |desired| desired.pg_version)),
            branch: Some(seen.branch.name),
            role: seen.role,
            database: seen.database,
            credential: secrets::credential(&secret),
            wake: desired.is_some_and(|desired| desired.wake),
        },
        outputs,
        ownership,
    }
}

/// `<project>.<role>.password` in the alphabet of secrets' names.
fn secret_of(project: &str, role: &str) -> String {
    let plain = |text: &str| -> String { secrets::name_of(text).chars().take(50).collect() };
    format!("{}.{}.password", plain(project), plain(role))
}
