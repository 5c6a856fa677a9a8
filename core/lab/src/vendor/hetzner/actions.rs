//! Actions: work in progress, and asking after it.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::state::{Project, State, now};
use super::{Answer, error, paging};
use crate::vendor::reply::Reply;
use crate::vendor::request::{Request, TaskFault};

/// One action.
#[derive(Debug, Clone)]
pub(crate) struct Action {
    id: u64,
    command: &'static str,
    status: &'static str,
    started: String,
    finished: Option<String>,
    resources: Vec<(u64, &'static str)>,
    error: Option<(String, String)>,
    begun: Instant,
    ms: u64,
}

impl Action {
    /// Whether it still runs and concerns this resource.
    pub(crate) fn runs_on(&self, kind: &str, id: u64) -> bool {
        self.status == "running" && self.resources.iter().any(|(of, resource)| *of == id && *resource == kind)
    }

    fn concerns(&self, kind: &str, id: u64) -> bool {
        self.resources.iter().any(|(of, resource)| *of == id && *resource == kind)
    }

    /// As the vendor writes it.
    pub(crate) fn json(&self) -> Value {
        let progress = if self.status == "running" {
            let done = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            (done.saturating_mul(100) / self.ms.max(1)).min(99)
        } else {
            100
        };
        let resources: Vec<Value> =
            self.resources.iter().map(|(id, kind)| json!({"id": id, "type": kind})).collect();
        json!({
            "id": self.id,
            "command": self.command,
            "status": self.status,
            "progress": progress,
            "started": self.started,
            "finished": self.finished,
            "resources": resources,
            "error": self
                .error
                .as_ref()
                .map(|(code, message)| json!({"code": code, "message": message})),
        })
    }
}

/// Opens an action; somebody must [`close`] it.
pub(super) fn open(
    project: &Project,
    state: &mut State,
    command: &'static str,
    resources: Vec<(u64, &'static str)>,
    ms: u64,
) -> u64 {
    let id = state.id();
    let span = project.world.clock.span(ms).as_millis();
    state.actions.insert(
        id,
        Action {
            id,
            command,
            status: "running",
            started: now(),
            finished: None,
            resources,
            error: None,
            begun: Instant::now(),
            ms: u64::try_from(span).unwrap_or(u64::MAX),
        },
    );
    id
}

/// Ends an action.
pub(super) fn close(project: &Project, id: u64, outcome: Result<(), (String, String)>) {
    if let Some(action) = project.state().actions.get_mut(&id) {
        action.finished = Some(now());
        action.status = if outcome.is_ok() { "success" } else { "error" };
        action.error = outcome.err();
    }
}

/// Runs `work` after `ms` and closes the action with its outcome; a fault may
/// keep it from ever ending or make it fail.
pub(super) fn run<F>(project: &Arc<Project>, id: u64, ms: u64, fault: TaskFault, work: F)
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let project = project.clone();
    tokio::spawn(async move {
        project.world.clock.sleep(ms).await;
        let outcome = match fault {
            TaskFault::Stuck => return,
            TaskFault::Fail => Err(("action_failed".into(), "Action failed".into())),
            TaskFault::None => work.await.map_err(|error| ("action_failed".into(), error.to_string())),
        };
        close(&project, id, outcome);
    });
}

/// Opens an action that succeeds after a while without further effect.
pub(super) fn simple(
    project: &Arc<Project>,
    state: &mut State,
    request: &Request,
    command: &'static str,
    resources: Vec<(u64, &'static str)>,
) -> u64 {
    let ms = project.random.between(20, 40);
    let id = open(project, state, command, resources, ms);
    run(project, id, ms, request.task, async { Ok(()) });
    id
}

/// Answers `{"action": …}`.
pub(super) fn answer(state: &State, id: u64, status: u16, operation: &str) -> Reply {
    let action = state.actions.get(&id).map_or(Value::Null, Action::json);
    Reply::json(status, &json!({"action": action})).doing(operation)
}

/// Answers `{"actions": […]}`.
pub(super) fn answer_all(state: &State, ids: &[u64], operation: &str) -> Reply {
    let found: Vec<Value> = ids.iter().filter_map(|id| state.actions.get(id)).map(Action::json).collect();
    Reply::json(201, &json!({"actions": found})).doing(operation)
}

/// `/actions…`.
pub(super) fn route(project: &Arc<Project>, request: &Request, path: &[&str]) -> Answer {
    let state = project.state();
    match (request.method.as_str(), path) {
        ("GET", ["actions"]) => {
            let ids: Vec<u64> = request.queries("id").filter_map(|id| id.parse().ok()).collect();
            if ids.is_empty() {
                return Err(error(
                    410,
                    "deprecated_api_endpoint",
                    "listing actions requires the id parameter",
                ));
            }
            let found: Vec<Value> =
                ids.iter().filter_map(|id| state.actions.get(id)).map(Action::json).collect();
            Ok(Reply::json(200, &json!({"actions": found})).doing("action.list"))
        }
        ("GET", ["actions", id]) => one(&state, id),
        ("GET", _) => Err(error(404, "not_found", "api route not found")),
        _ => Err(error(405, "method_not_allowed", "method not allowed")),
    }
}

fn one(state: &State, id: &str) -> Answer {
    match id.parse().ok().and_then(|id: u64| state.actions.get(&id)) {
        Some(action) => Ok(Reply::json(200, &json!({"action": action.json()})).doing("action.read")),
        None => Err(error(404, "not_found", &format!("action with ID '{id}' not found"))),
    }
}

/// `/<kind>/…actions…` that only read.
pub(super) fn of_kind(
    project: &Arc<Project>,
    request: &Request,
    kind: &'static str,
    rest: &[&str],
) -> Answer {
    let state = project.state();
    match rest {
        ["actions"] => {
            let ids: Vec<u64> = request.queries("id").filter_map(|id| id.parse().ok()).collect();
            let found = state
                .actions
                .values()
                .filter(|action| action.resources.iter().any(|(_, of)| *of == kind))
                .filter(|action| ids.is_empty() || ids.contains(&action.id))
                .map(Action::json)
                .collect();
            paging::list(request, "actions", found)
        }
        ["actions", action] | [_, "actions", action] => one(&state, action),
        [id, "actions"] => {
            let id = id.parse().unwrap_or(0);
            let found =
                state.actions.values().filter(|action| action.concerns(kind, id)).map(Action::json).collect();
            paging::list(request, "actions", found)
        }
        _ => Err(error(404, "not_found", "api route not found")),
    }
}
