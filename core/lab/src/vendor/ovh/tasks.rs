//! Tasks of a service.

use std::future::Future;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Account, Answer, error, not_found};
use crate::clock::Clock;
use crate::vendor::reply::Reply;
use crate::vendor::request::{Request, TaskFault};

/// One task.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    id: u64,
    kind: &'static str,
    state: &'static str,
    progress: u8,
    date: String,
}

impl Task {
    /// Whether it may still change something.
    pub(super) fn open(&self) -> bool {
        matches!(self.state, "todo" | "doing" | "paused" | "waitingAck" | "blocked")
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "date": self.date,
            "progress": self.progress,
            "state": self.state,
            "type": self.kind,
        })
    }
}

/// Starts a task: `todo` for a moment, `doing` for `ms`, then `work`, then
/// `done` or `error`. While it is `doing`, the service shows `meanwhile`.
pub(super) fn start<F>(
    account: &Arc<Account>,
    request: &Request,
    service: &str,
    kind: &'static str,
    meanwhile: &'static str,
    (ms, afterwards): (u64, &'static str),
    work: F,
) -> Answer
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let mut state = account.state();
    let id = state.id();
    let Some(found) = state.services.get_mut(service) else { return Err(not_found("service")) };
    if found.tasks.iter().any(Task::open) {
        return Err(error(
            409,
            "Client::Conflict",
            "An action is already running on this service, please wait for its end",
        ));
    }
    let task = Task { id, kind, state: "todo", progress: 0, date: Clock::rfc3339_offset() };
    found.tasks.push(task.clone());
    drop(state);
    let (inner, name, fault) = (account.clone(), service.to_owned(), request.task);
    tokio::spawn(async move {
        let set = |state: &'static str, progress: u8, shown: Option<&'static str>| {
            if let Some(service) = inner.state().services.get_mut(&name) {
                if let Some(task) = service.tasks.iter_mut().find(|task| task.id == id) {
                    task.state = state;
                    task.progress = progress;
                }
                if let Some(shown) = shown {
                    service.state = shown;
                }
            }
        };
        inner.world.clock.sleep(ms / 5).await;
        set("doing", 30, Some(meanwhile));
        inner.world.clock.sleep(ms - ms / 5).await;
        match fault {
            TaskFault::Stuck => {}
            TaskFault::Fail => set("error", 30, Some("running")),
            TaskFault::None => match work.await {
                Ok(()) => set("done", 100, Some(afterwards)),
                Err(_) => set("error", 90, Some("running")),
            },
        }
    });
    Ok(Reply::json(200, &task.json()).doing(&format!("vps.{kind}")))
}

/// `/vps/{service}/tasks…`.
pub(super) fn route(account: &Account, request: &Request, service: &str, rest: &[&str]) -> Answer {
    let state = account.state();
    let Some(found) = state.services.get(service) else { return Err(not_found("service")) };
    match rest {
        [] => {
            let ids: Vec<u64> = found
                .tasks
                .iter()
                .filter(|task| request.query("state").is_none_or(|state| task.state == state))
                .filter(|task| request.query("type").is_none_or(|kind| task.kind == kind))
                .map(|task| task.id)
                .collect();
            Ok(Reply::json(200, &json!(ids)).doing("task.list"))
        }
        [id] => match found.tasks.iter().find(|task| task.id.to_string() == *id) {
            Some(task) => Ok(Reply::json(200, &task.json()).doing("task.read")),
            None => Err(not_found("task")),
        },
        _ => Err(not_found("task")),
    }
}
