//! Neon's API v2: calls, refusals, waiting for what runs in the background.

use honey_sdk::{
    Context, Fault, Findings, Ownership, Value, clock,
    http::{Client, Refusal, Reply, Request, percent},
    json,
    marks::{self, Marks},
    paging::{self, Page},
    poll::{self, Look, Pace},
    secrets,
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::wire::{
    Branch, BranchMade, BranchReply, BranchesReply, Database, DatabasesReply, Endpoint, EndpointsReply,
    NewProject, Operation, OperationReply, Project, ProjectMade, ProjectReply, ProjectsReply, RolesReply,
    Started,
};

const ENDPOINT: &str = "https://console.neon.tech/api/v2";

/// Projects on a page, the most that Neon gives.
const PROJECTS_PAGE: usize = 400;

/// Neon tells no limit; others have this one.
const MARK_LIMIT: usize = 63;

/// Characters of the name of a project or branch.
pub(crate) const LONGEST_NAME: usize = 256;

/// Between two tries at a project that is busy.
const BUSY_PAUSE_MS: u32 = 2_000;

/// Places of a reply that hold a password and are of no use go here, and are forgotten at once.
const DISCARDED: [&str; 2] = ["discard.uri", "discard.password"];

/// The vendor.
pub(crate) struct Api {
    client: Client,
    org_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refused {
    request_id: Option<String>,
    code: String,
    message: String,
}

/// A finding where a field is no name: empty, or longer than what may be.
pub(crate) fn check_name(field: &str, value: &str, most: usize, findings: &mut Findings) {
    if findings.is_unknown(field) {
        return;
    }
    let pointer = format!("/{field}");
    if value.trim().is_empty() {
        findings.error("neon::empty", &pointer, format!("`{field}` is empty"));
    } else if value.len() > most {
        findings.error("neon::name-too-long", &pointer, format!("`{field}` has more than {most} characters"));
    }
}

impl Api {
    pub(crate) fn new(endpoint: Option<&str>, org_id: Option<String>) -> Self {
        let client = Client::new("neon", endpoint.unwrap_or(ENDPOINT)).bearer("token").refusals(read_refusal);
        Self { client, org_id }
    }

    /// A project by its id.
    pub(crate) fn project(&self, id: &str) -> Result<Option<Project>, Fault> {
        let reply: Option<ProjectReply> =
            self.client.get(&format!("/projects/{}", percent(id))).optional()?;
        Ok(reply.map(|reply| reply.project))
    }

    /// The project of exactly this name. Names are not unique: of several, the
    /// one with our marks, and without any it is a fault.
    pub(crate) fn project_named(&self, ctx: Context, name: &str) -> Result<Option<Project>, Fault> {
        let mut found = paging::all(|cursor: Option<&String>| {
            let mut request =
                self.client.get("/projects").query("limit", PROJECTS_PAGE.to_string()).query("search", name);
            if let Some(org_id) = &self.org_id {
                request = request.query("org_id", org_id);
            }
            if let Some(cursor) = cursor {
                request = request.query("cursor", cursor);
            }
            let page: ProjectsReply = request.json()?;
            // The cursor comes back on the last page, too.
            let full = page.projects.len() >= PROJECTS_PAGE;
            let next = page.pagination.and_then(|pagination| pagination.cursor).filter(|_| full);
            Ok(Page { items: page.projects, next })
        })?;
        found.retain(|project| project.name == name);
        if found.len() > 1 {
            let mut ours = Vec::new();
            for project in &found {
                let default = self.branch(&project.id, None)?;
                if default.is_some_and(|branch| ownership(ctx, &branch) == Ownership::Ours) {
                    ours.push(project.clone());
                }
            }
            if let [_] = ours.as_slice() {
                return Ok(ours.pop());
            }
            let ids: Vec<&str> = found.iter().map(|project| project.id.as_str()).collect();
            return Err(Fault::conflict(
                "neon::ambiguous-name",
                format!("{} projects are called `{name}`: {}", found.len(), ids.join(", ")),
            )
            .with_help("rename all but one of them in Neon's console, or choose another name"));
        }
        Ok(found.pop())
    }

    /// Makes a project with branch, compute, role and database. Its password becomes the secret.
    pub(crate) fn make_project(
        &self,
        ctx: Context,
        project: &NewProject<'_>,
        secret: &str,
    ) -> Result<ProjectMade, Fault> {
        let project = NewProject { org_id: self.org_id.as_deref(), ..project.clone() };
        let body = json!({ "project": project });
        let made = self.unless_busy(ctx, || {
            self.client
                .post("/projects")
                .body(&body)
                .capture("/connection_uris/0/connection_uri", DISCARDED[0])
                .capture("/roles/0/password", DISCARDED[1])
                .capture("/connection_uris/0/connection_parameters/password", secret)
        });
        forget_discarded()?;
        made
    }

    /// Gives a project another name.
    pub(crate) fn rename_project(&self, ctx: Context, id: &str, name: &str) -> Result<(), Fault> {
        let path = format!("/projects/{}", percent(id));
        let started: Started =
            self.unless_busy(ctx, || self.client.patch(&path).body(&json!({"project": {"name": name}})))?;
        self.settle(ctx, id, &started.operations)
    }

    /// Deletes a project and everything in it.
    pub(crate) fn delete_project(&self, ctx: Context, id: &str) -> Result<(), Fault> {
        self.delete(ctx, &format!("/projects/{}", percent(id))).map(|_| ())
    }

    /// The branch of exactly this name, or the default one.
    pub(crate) fn branch(&self, project: &str, name: Option<&str>) -> Result<Option<Branch>, Fault> {
        let path = format!("/projects/{}/branches", percent(project));
        paging::find(
            |cursor: Option<&String>| {
                let mut request = self.client.get(&path);
                if let Some(name) = name {
                    request = request.query("search", name);
                }
                if let Some(cursor) = cursor {
                    request = request.query("cursor", cursor);
                }
                let mut page: BranchesReply = request.json()?;
                for branch in &mut page.branches {
                    branch.marks = page.annotations[&branch.id]["value"].clone();
                }
                let next = page.pagination.and_then(|pagination| pagination.next.or(pagination.cursor));
                Ok(Page { next: next.filter(|_| !page.branches.is_empty()), items: page.branches })
            },
            |branch| match name {
                Some(name) => branch.name == name,
                None => branch.is_default(),
            },
        )
    }

    /// A branch by its id.
    pub(crate) fn branch_by_id(&self, project: &str, id: &str) -> Result<Option<Branch>, Fault> {
        let path = format!("/projects/{}/branches/{}", percent(project), percent(id));
        let reply: Option<BranchReply> = self.client.get(&path).optional()?;
        Ok(reply.map(|reply| Branch { marks: reply.annotation["value"].clone(), ..reply.branch }))
    }

    /// Makes a branch, with a compute where asked. Passwords of its roles are those of the parent.
    pub(crate) fn make_branch(
        &self,
        ctx: Context,
        project: &str,
        name: &str,
        parent: Option<&str>,
        compute: bool,
    ) -> Result<BranchMade, Fault> {
        let path = format!("/projects/{}/branches", percent(project));
        let mut body = json!({"branch": {"name": name}, "annotation_value": marks(ctx)});
        if let Some(parent) = parent {
            body["branch"]["parent_id"] = json!(parent);
        }
        if compute {
            body["endpoints"] = json!([{"type": "read_write"}]);
        }
        self.unless_busy(ctx, || self.client.post(&path).body(&body))
    }

    /// Gives a branch another name.
    pub(crate) fn rename_branch(
        &self,
        ctx: Context,
        project: &str,
        id: &str,
        name: &str,
    ) -> Result<(), Fault> {
        let path = format!("/projects/{}/branches/{}", percent(project), percent(id));
        let started: Started =
            self.unless_busy(ctx, || self.client.patch(&path).body(&json!({"branch": {"name": name}})))?;
        self.settle(ctx, project, &started.operations)
    }

    /// Deletes a branch with its computes.
    pub(crate) fn delete_branch(&self, ctx: Context, project: &str, id: &str) -> Result<(), Fault> {
        let started =
            self.delete(ctx, &format!("/projects/{}/branches/{}", percent(project), percent(id)))?;
        self.settle(ctx, project, &started.operations)
    }

    /// The compute of a branch that takes writes.
    pub(crate) fn endpoint(&self, project: &str, branch: &str) -> Result<Option<Endpoint>, Fault> {
        let path = format!("/projects/{}/branches/{}/endpoints", percent(project), percent(branch));
        let reply: EndpointsReply = self.client.get(&path).json()?;
        Ok(reply.endpoints.into_iter().find(Endpoint::writes))
    }

    /// Gives a branch a compute that takes writes.
    pub(crate) fn make_endpoint(&self, ctx: Context, project: &str, branch: &str) -> Result<(), Fault> {
        let path = format!("/projects/{}/endpoints", percent(project));
        let body = json!({"endpoint": {"branch_id": branch, "type": "read_write"}});
        let started: Started = self.unless_busy(ctx, || self.client.post(&path).body(&body))?;
        self.settle(ctx, project, &started.operations)
    }

    /// Takes a compute away from its branch.
    pub(crate) fn delete_endpoint(&self, ctx: Context, project: &str, endpoint: &str) -> Result<(), Fault> {
        let started =
            self.delete(ctx, &format!("/projects/{}/endpoints/{}", percent(project), percent(endpoint)))?;
        self.settle(ctx, project, &started.operations)
    }

    /// Wakes a suspended compute.
    pub(crate) fn start_endpoint(&self, ctx: Context, project: &str, endpoint: &str) -> Result<(), Fault> {
        let path = format!("/projects/{}/endpoints/{}/start", percent(project), percent(endpoint));
        let started: Started = self.unless_busy(ctx, || self.client.post(&path))?;
        self.settle(ctx, project, &started.operations)
    }

    /// The databases of a branch.
    pub(crate) fn databases(&self, project: &str, branch: &str) -> Result<Vec<Database>, Fault> {
        let path = format!("/projects/{}/branches/{}/databases", percent(project), percent(branch));
        let reply: DatabasesReply = self.client.get(&path).json()?;
        Ok(reply.databases)
    }

    /// Makes a database, or gives an existing one its owner.
    pub(crate) fn put_database(
        &self,
        ctx: Context,
        project: &str,
        branch: &str,
        name: &str,
        owner: &str,
        exists: bool,
    ) -> Result<(), Fault> {
        let path = format!("/projects/{}/branches/{}/databases", percent(project), percent(branch));
        let started: Started = if exists {
            let path = format!("{path}/{}", percent(name));
            self.unless_busy(ctx, || {
                self.client.patch(&path).body(&json!({"database": {"owner_name": owner}}))
            })?
        } else {
            let body = json!({"database": {"name": name, "owner_name": owner}});
            self.unless_busy(ctx, || self.client.post(&path).body(&body))?
        };
        self.settle(ctx, project, &started.operations)
    }

    /// Whether a branch has a role.
    pub(crate) fn has_role(&self, project: &str, branch: &str, role: &str) -> Result<bool, Fault> {
        let path = format!("/projects/{}/branches/{}/roles", percent(project), percent(branch));
        let reply: RolesReply = self.client.get(&path).json()?;
        Ok(reply.roles.iter().any(|found| found.name == role))
    }

    /// Makes a role. Its password becomes the secret.
    pub(crate) fn make_role(
        &self,
        ctx: Context,
        project: &str,
        branch: &str,
        role: &str,
        secret: &str,
    ) -> Result<(), Fault> {
        let path = format!("/projects/{}/branches/{}/roles", percent(project), percent(branch));
        let body = json!({"role": {"name": role}});
        let started: Started =
            self.unless_busy(ctx, || self.client.post(&path).body(&body).capture("/role/password", secret))?;
        self.settle(ctx, project, &started.operations)
    }

    /// Makes the password of an existing role the secret: as it is, where Neon
    /// stores it, so that whoever uses it goes on; else a new one.
    pub(crate) fn fetch_password(
        &self,
        ctx: Context,
        project: &str,
        branch: &str,
        role: &str,
        secret: &str,
    ) -> Result<(), Fault> {
        let path =
            format!("/projects/{}/branches/{}/roles/{}", percent(project), percent(branch), percent(role));
        let revealed =
            self.client.get(&format!("{path}/reveal_password")).capture("/password", secret).send();
        match revealed {
            Ok(_) => return Ok(()),
            // 412: passwords are not stored in this project.
            Err(fault) if fault.is("conflict") || fault.is("not-found") || fault.is("unsupported") => {}
            Err(fault) => return Err(fault),
        }
        ctx.progress(&format!("a new password for the role {role}"));
        let path = format!("{path}/reset_password");
        let started: Started =
            self.unless_busy(ctx, || self.client.post(&path).capture("/role/password", secret))?;
        self.settle(ctx, project, &started.operations)
    }

    /// Waits until everything that a change started has ended.
    pub(crate) fn settle(&self, ctx: Context, project: &str, operations: &[Operation]) -> Result<(), Fault> {
        for operation in operations {
            let mut latest = operation.clone();
            let pace = Pace { first_ms: 500, longest_ms: 3_000, ..Pace::default() };
            let mut known = true;
            poll::wait(ctx, pace, &format!("Neon's operation {}", operation.action), || {
                if !known {
                    let path =
                        format!("/projects/{}/operations/{}", percent(project), percent(&operation.id));
                    latest = self.client.get(&path).json::<OperationReply>()?.operation;
                }
                known = false;
                judge(&latest)
            })?;
        }
        Ok(())
    }

    fn delete(&self, ctx: Context, path: &str) -> Result<Started, Fault> {
        let reply = self.patient(ctx, || match self.client.delete(path).send() {
            Ok(reply) => Ok(Some(reply)),
            Err(fault) if fault.is("not-found") => Ok(None),
            Err(fault) => Err(fault),
        })?;
        match reply {
            Some(reply) if reply.status != 204 && !reply.bytes().is_empty() => reply.json(),
            _ => Ok(Started::default()),
        }
    }

    fn unless_busy<'a, T: DeserializeOwned>(
        &self,
        ctx: Context,
        mut request: impl FnMut() -> Request<'a>,
    ) -> Result<T, Fault> {
        self.patient(ctx, || request().json())
    }

    /// A project does one thing at a time: 423 says that nothing was done, and
    /// is always safe to repeat. So is 422 while a branch is being made.
    #[expect(clippy::unused_self, reason = "it is a way to call this API")]
    fn patient<T>(&self, ctx: Context, mut attempt: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
        const RESERVE_MS: u64 = 15_000;
        loop {
            match attempt() {
                Err(fault) if fault.is("locked") && ctx.remaining_ms() > RESERVE_MS => {
                    ctx.progress("the project is busy; waiting");
                    clock::sleep(ctx, BUSY_PAUSE_MS)?;
                }
                result => return result,
            }
        }
    }
}

/// Our marks as an annotation.
pub(crate) fn marks(ctx: Context) -> Value {
    let marks = Marks::of(ctx, MARK_LIMIT);
    json!({marks::OWNER: marks.owner, marks::ADDRESS: marks.address})
}

/// Whose a branch is.
pub(crate) fn ownership(ctx: Context, branch: &Branch) -> Ownership {
    Marks::of(ctx, MARK_LIMIT).ownership(branch.marks[marks::OWNER].as_str())
}

fn forget_discarded() -> Result<(), Fault> {
    DISCARDED.iter().try_for_each(|name| secrets::forget(name))
}

fn judge(operation: &Operation) -> Result<Look<()>, Fault> {
    let words = format!("{}: {}", operation.action, operation.status);
    match operation.status.as_str() {
        "finished" | "skipped" | "cancelled" => Ok(Look::Ready(())),
        "error" => Err(failed(operation)),
        // Neon tries some failed operations again by itself and says when.
        "failed" if operation.retry_at.is_none() => Err(failed(operation)),
        // scheduling, running, cancelling, and whatever may come.
        _ => Ok(Look::Waiting(words, None)),
    }
}

fn failed(operation: &Operation) -> Fault {
    let why = operation.error.as_deref().unwrap_or("no reason given");
    Fault::new(
        "transient",
        "neon::operation-failed",
        format!("Neon's operation {} ended as {}: {why}", operation.action, operation.status),
    )
    .with_help(format!("operation {}; applying again goes on from here", operation.id))
}

fn read_refusal(reply: &Reply) -> Refusal {
    let refused: Refused = reply.json().unwrap_or_default();
    let busy = reply.status == 423 || (reply.status == 422 && refused.message.contains("not ready"));
    let quota =
        reply.status != 429 && (refused.code.contains("LIMIT") || refused.message.contains("limit reached"));
    let help = match reply.status {
        401 => Some("check the API key"),
        400 if refused.message.contains("org_id") => {
            Some("a key of an organization needs the setting org_id")
        }
        _ => None,
    };
    Refusal {
        code: refused.code,
        message: refused.message,
        request_id: refused.request_id.or_else(|| reply.header("x-neon-ret-request-id").map(str::to_owned)),
        class: if busy { Some("locked") } else { quota.then_some("quota") },
        help: help.map(str::to_owned),
    }
}
