//! What Neon's API says, as far as honey needs it. Read leniently: recorded
//! replies lack fields that the vendor's own specification calls required, and
//! states are open sets.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A project.
#[derive(Clone, Debug, Deserialize)]
pub struct Project {
    /// The vendor's id.
    pub id: String,
    /// Not unique.
    #[serde(default)]
    pub name: String,
    /// `aws-us-east-1`
    #[serde(default)]
    pub region_id: String,
    /// Major version of PostgreSQL.
    #[serde(default)]
    pub pg_version: Option<u32>,
}

/// `{"project": …}`
#[derive(Clone, Debug, Deserialize)]
pub struct ProjectReply {
    /// It.
    pub project: Project,
}

/// A page of projects.
#[derive(Clone, Debug, Deserialize)]
pub struct ProjectsReply {
    /// The items.
    pub projects: Vec<Project>,
    /// Cursor, also on the last page.
    #[serde(default)]
    pub pagination: Option<Pagination>,
}

/// Where the next page begins.
#[derive(Clone, Debug, Deserialize)]
pub struct Pagination {
    /// For `cursor=`.
    #[serde(default)]
    pub cursor: Option<String>,
    /// The same, in lists of branches.
    #[serde(default)]
    pub next: Option<String>,
}

/// A branch.
#[derive(Clone, Debug, Deserialize)]
pub struct Branch {
    /// `br-…`
    pub id: String,
    /// Unique in its project.
    #[serde(default)]
    pub name: String,
    /// The branch it was made from.
    #[serde(default)]
    pub parent_id: Option<String>,
    /// Whether it is the project's default branch.
    #[serde(default)]
    pub default: bool,
    /// The same, in older replies.
    #[serde(default)]
    pub primary: bool,
    /// Its annotation, which replies hold beside it: the place for our marks.
    #[serde(skip)]
    pub marks: Value,
}

impl Branch {
    /// Whether it is the project's default branch.
    pub fn is_default(&self) -> bool {
        self.default || self.primary
    }
}

/// A page of branches.
#[derive(Clone, Debug, Deserialize)]
pub struct BranchesReply {
    /// The items.
    pub branches: Vec<Branch>,
    /// Annotations by the id of their branch.
    #[serde(default)]
    pub annotations: Value,
    /// Cursor, also on the last page.
    #[serde(default)]
    pub pagination: Option<Pagination>,
}

/// `{"branch": …}`
#[derive(Clone, Debug, Deserialize)]
pub struct BranchReply {
    /// It.
    pub branch: Branch,
    /// Its annotation.
    #[serde(default)]
    pub annotation: Value,
}

/// A compute.
#[derive(Clone, Debug, Deserialize)]
pub struct Endpoint {
    /// `ep-…`
    pub id: String,
    /// The direct host.
    #[serde(default)]
    pub host: String,
    /// `read_write` or `read_only`.
    #[serde(rename = "type", default)]
    pub endpoint_type: String,
    /// `init`, `active`, `idle`, …
    #[serde(default)]
    pub current_state: String,
    /// Whose compute it is.
    #[serde(default)]
    pub branch_id: String,
}

impl Endpoint {
    /// The host of its connection pooler: the id of the endpoint, and with it
    /// the first label of the host, ends in `-pooler`.
    pub fn pooled_host(&self) -> Option<String> {
        self.host.split_once('.').map(|(first, rest)| format!("{first}-pooler.{rest}"))
    }

    /// Whether it takes writes. A branch has at most one that does.
    pub fn writes(&self) -> bool {
        self.endpoint_type == "read_write"
    }
}

/// The computes of a branch.
#[derive(Clone, Debug, Deserialize)]
pub struct EndpointsReply {
    /// The items.
    pub endpoints: Vec<Endpoint>,
}

/// A role.
#[derive(Clone, Debug, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
}

/// The roles of a branch.
#[derive(Clone, Debug, Deserialize)]
pub struct RolesReply {
    /// The items.
    pub roles: Vec<Role>,
}

/// A database.
#[derive(Clone, Debug, Deserialize)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// Its owner.
    #[serde(default)]
    pub owner_name: String,
}

/// The databases of a branch.
#[derive(Clone, Debug, Deserialize)]
pub struct DatabasesReply {
    /// The items.
    pub databases: Vec<Database>,
}

/// Work that Neon does in the background.
#[derive(Clone, Debug, Deserialize)]
pub struct Operation {
    /// A UUID.
    pub id: String,
    /// `create_timeline`, `start_compute`, …
    #[serde(default)]
    pub action: String,
    /// `scheduling`, `running`, `finished`, …
    #[serde(default)]
    pub status: String,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
    /// When Neon tries a failed one again by itself.
    #[serde(default)]
    pub retry_at: Option<String>,
}

/// `{"operation": …}`
#[derive(Clone, Debug, Deserialize)]
pub struct OperationReply {
    /// It.
    pub operation: Operation,
}

/// The operations that a change started; absent with an empty 204 reply.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Started {
    /// The items.
    #[serde(default)]
    pub operations: Vec<Operation>,
}

/// The reply to making a project.
#[derive(Clone, Debug, Deserialize)]
pub struct ProjectMade {
    /// It.
    pub project: Project,
    /// Its default branch.
    pub branch: Branch,
    /// Its computes.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// What goes on.
    #[serde(default)]
    pub operations: Vec<Operation>,
}

/// The reply to making a branch.
#[derive(Clone, Debug, Deserialize)]
pub struct BranchMade {
    /// It.
    pub branch: Branch,
    /// Its computes.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// What goes on.
    #[serde(default)]
    pub operations: Vec<Operation>,
}

/// Body of `POST /projects`.
#[derive(Clone, Debug, Serialize)]
pub struct NewProject<'a> {
    /// Name, not unique.
    pub name: &'a str,
    /// Region.
    pub region_id: &'a str,
    /// Major version of PostgreSQL.
    pub pg_version: u32,
    /// Filled in from the plugin's settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org_id: Option<&'a str>,
    /// The default branch.
    pub branch: NewProjectBranch<'a>,
}

/// The default branch of a new project.
#[derive(Clone, Debug, Serialize)]
pub struct NewProjectBranch<'a> {
    /// Its name; Neon's choice where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// The role that owns the database.
    pub role_name: &'a str,
    /// The database.
    pub database_name: &'a str,
    /// Our marks.
    pub annotations: Value,
}
