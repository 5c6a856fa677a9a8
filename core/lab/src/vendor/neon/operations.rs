//! Operations: what a project is busy with. While any runs, no other may be
//! scheduled.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Account, Answer, error, paged, projects};
use crate::clock::Clock;
use crate::vendor::reply::Reply;
use crate::vendor::request::{Request, TaskFault};

/// What a set of operations changes once it has finished.
type Effect = Box<dyn FnOnce(&mut projects::Project) + Send>;

/// Statuses of operations that still hold the project.
const OPEN: [&str; 3] = ["scheduling", "running", "cancelling"];

/// Refuses when the project is busy.
pub(super) fn free(project: &projects::Project) -> Result<(), Reply> {
    let busy =
        project.operations.iter().any(|operation| OPEN.iter().any(|status| operation["status"] == *status));
    if busy {
        return Err(error(
            423,
            "project already has running conflicting operations, scheduling of new ones is prohibited",
        ));
    }
    Ok(())
}

/// Schedules operations (action, branch, endpoint), one after the other, and
/// applies `effect` when all have finished. Gives them as scheduled.
pub(super) fn schedule(
    account: &Arc<Account>,
    project: &mut projects::Project,
    request: &Request,
    actions: &[(&str, Option<&str>, Option<&str>)],
    effect: Effect,
) -> Vec<Value> {
    let now = Clock::rfc3339();
    let made: Vec<Value> = actions
        .iter()
        .enumerate()
        .map(|(at, (action, branch, endpoint))| {
            let mut operation = json!({
                "id": account.random.uuid(),
                "project_id": project.id,
                "action": action,
                "status": if at == 0 { "running" } else { "scheduling" },
                "failures_count": 0,
                "created_at": now,
                "updated_at": now,
                "total_duration_ms": 0,
            });
            if let Some(branch) = branch {
                operation["branch_id"] = json!(branch);
            }
            if let Some(endpoint) = endpoint {
                operation["endpoint_id"] = json!(endpoint);
            }
            operation
        })
        .collect();
    for operation in &made {
        project.operations.insert(0, operation.clone());
    }
    let ids: Vec<Value> = made.iter().map(|operation| operation["id"].clone()).collect();
    let spans: Vec<u64> = ids.iter().map(|_| account.random.between(30, 70)).collect();
    let (account, id, fault) = (account.clone(), project.id.clone(), request.task);
    tokio::spawn(async move {
        let set = |operation: &Value, status: &str, spent: u64| {
            let mut projects = account.projects();
            let Some(project) = projects.get_mut(&id) else { return };
            if let Some(found) = project.operations.iter_mut().find(|found| found["id"] == *operation) {
                found["status"] = json!(status);
                found["updated_at"] = json!(Clock::rfc3339());
                found["total_duration_ms"] = json!(spent);
                if status == "failed" {
                    found["failures_count"] = json!(1);
                    found["error"] = json!("the operation failed");
                }
            }
        };
        for (operation, span) in ids.iter().zip(&spans) {
            set(operation, "running", 0);
            account.world.clock.sleep(*span).await;
            match fault {
                TaskFault::Stuck => return,
                TaskFault::Fail => {
                    for operation in &ids {
                        set(operation, "failed", *span);
                    }
                    return;
                }
                TaskFault::None => set(operation, "finished", *span),
            }
        }
        if let Some(project) = account.projects().get_mut(&id) {
            effect(project);
        }
    });
    made
}

/// Nothing to change at the end.
pub(super) fn nothing() -> Effect {
    Box::new(|_| {})
}

/// `/projects/{project}/operations…`.
pub(super) fn route(account: &Arc<Account>, request: &Request, id: &str, rest: &[&str]) -> Answer {
    let mut projects = account.projects();
    let project = projects::find(&mut projects, id)?;
    match (request.method.as_str(), rest) {
        ("GET", []) => {
            let (shown, pagination) = paged(request, project.operations.clone(), (1000, 1000))?;
            let body = json!({"operations": shown, "pagination": pagination});
            Ok(Reply::json(200, &body).doing("operation.list"))
        }
        ("GET", [operation]) => match project.operations.iter().find(|found| found["id"] == *operation) {
            Some(found) => Ok(Reply::json(200, &json!({"operation": found})).doing("operation.read")),
            None => Err(error(404, "operation not found")),
        },
        _ => Err(error(405, "method not allowed")),
    }
}
