//! Roles of a branch. Passwords are told at the making and at a reset.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Account, Answer, body, error, operations, projects, wrapped};
use crate::books::Event;
use crate::clock::Clock;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;

/// A role and its password.
pub(super) fn fresh(account: &Account, branch: &str, name: &str) -> (Value, String) {
    let now = Clock::rfc3339();
    let role = json!({
        "branch_id": branch,
        "name": name,
        "protected": false,
        "created_at": now,
        "updated_at": now,
    });
    (role, format!("npg_{}", account.random.token(12)))
}

/// The role as it is shown at its making.
pub(super) fn with_password(role: &(Value, String)) -> Value {
    let mut shown = role.0.clone();
    shown["password"] = json!(role.1);
    shown
}

/// `/projects/{project}/branches/{branch}/roles…`.
pub(super) fn route(
    account: &Arc<Account>,
    request: &Request,
    (id, branch): (&str, &str),
    rest: &[&str],
) -> Answer {
    let mut projects = account.projects();
    let project = projects::find(&mut projects, id)?;
    let state = project.branch(branch)?["current_state"].clone();
    let at = |name: &str| {
        project.roles.iter().position(|role| role.0["branch_id"] == branch && role.0["name"] == name)
    };
    match (request.method.as_str(), rest) {
        ("GET", []) => {
            let found: Vec<&Value> =
                project.roles.iter().map(|role| &role.0).filter(|role| role["branch_id"] == branch).collect();
            Ok(Reply::json(200, &json!({"roles": found})).doing("role.list"))
        }
        ("GET", [name]) => {
            let found = at(name).ok_or_else(|| error(404, "role not found"))?;
            let body = json!({"role": project.roles[found].0});
            Ok(Reply::json(200, &body).doing("role.read"))
        }
        ("GET", [name, "reveal_password"]) => {
            let found = at(name).ok_or_else(|| error(404, "role not found"))?;
            if project.about["store_passwords"] != true {
                return Err(error(412, "passwords are not stored for this project"));
            }
            let body = json!({"password": project.roles[found].1});
            Ok(Reply::json(200, &body).doing("role.reveal-password"))
        }
        ("POST", []) => {
            let body = body(account, request, "neon/role.create", || {
                let inner = json!({
                    "name": {"type": "string", "minLength": 1, "maxLength": 63},
                    "no_login": {"type": "boolean"},
                });
                wrapped("role", rules::object(&["name"], inner))
            })?;
            let name = body["role"]["name"].as_str().unwrap_or_default();
            if state != "ready" {
                return Err(error(422, "branch not ready yet"));
            }
            if at(name).is_some() {
                return Err(error(409, "role already exists"));
            }
            operations::free(project)?;
            let role = fresh(account, branch, name);
            project.roles.push(role.clone());
            account.world.note("neon", "role", &format!("{branch}/{name}"), name, Event::Created);
            let actions = [("apply_config", Some(branch), None)];
            let made = operations::schedule(account, project, request, &actions, operations::nothing());
            let body = json!({"role": with_password(&role), "operations": made});
            Ok(Reply::json(201, &body).doing("role.create"))
        }
        ("POST", [name, "reset_password"]) => {
            let found = at(name).ok_or_else(|| error(404, "role not found"))?;
            operations::free(project)?;
            let secret = fresh(account, branch, name).1;
            project.roles[found].1 = secret;
            project.roles[found].0["updated_at"] = json!(Clock::rfc3339());
            let shown = with_password(&project.roles[found]);
            account.world.note("neon", "role", &format!("{branch}/{name}"), name, Event::Changed);
            let actions = [("apply_config", Some(branch), None)];
            let made = operations::schedule(account, project, request, &actions, operations::nothing());
            let body = json!({"role": shown, "operations": made});
            Ok(Reply::json(200, &body).doing("role.reset-password"))
        }
        ("DELETE", [name]) => {
            let Some(found) = at(name) else {
                return Ok(Reply::empty(204).doing("role.delete"));
            };
            operations::free(project)?;
            let role = project.roles.remove(found);
            account.world.note("neon", "role", &format!("{branch}/{name}"), name, Event::Deleted);
            let actions = [("apply_config", Some(branch), None)];
            let made = operations::schedule(account, project, request, &actions, operations::nothing());
            let body = json!({"role": role.0, "operations": made});
            Ok(Reply::json(200, &body).doing("role.delete"))
        }
        _ => Err(error(405, "method not allowed")),
    }
}
