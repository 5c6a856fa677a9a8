//! Databases of a branch.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Account, Answer, body, error, operations, projects, wrapped};
use crate::books::Event;
use crate::clock::Clock;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;

/// A database.
pub(super) fn fresh(account: &Account, branch: &str, name: &str, owner: &str) -> Value {
    let now = Clock::rfc3339();
    json!({
        "id": account.random.between(1_000_000, 90_000_000),
        "branch_id": branch,
        "name": name,
        "owner_name": owner,
        "created_at": now,
        "updated_at": now,
    })
}

/// `/projects/{project}/branches/{branch}/databases…`.
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
        project.databases.iter().position(|found| found["branch_id"] == branch && found["name"] == name)
    };
    let owner_exists = |owner: &Value| {
        project.roles.iter().any(|role| role.0["branch_id"] == branch && role.0["name"] == *owner)
    };
    let apply = [("apply_config", Some(branch), None)];
    match (request.method.as_str(), rest) {
        ("GET", []) => {
            let found: Vec<&Value> =
                project.databases.iter().filter(|found| found["branch_id"] == branch).collect();
            Ok(Reply::json(200, &json!({"databases": found})).doing("database.list"))
        }
        ("GET", [name]) => {
            let found = at(name).ok_or_else(|| error(404, "database not found"))?;
            let body = json!({"database": project.databases[found]});
            Ok(Reply::json(200, &body).doing("database.read"))
        }
        ("POST", []) => {
            let body = body(account, request, "neon/database.create", || {
                let name = || json!({"type": "string", "minLength": 1, "maxLength": 63});
                let inner = json!({"name": name(), "owner_name": name()});
                wrapped("database", rules::object(&["name", "owner_name"], inner))
            })?;
            let wish = &body["database"];
            let name = wish["name"].as_str().unwrap_or_default();
            if state != "ready" {
                return Err(error(422, "branch not ready yet"));
            }
            if at(name).is_some() {
                return Err(error(409, "database already exists"));
            }
            if !owner_exists(&wish["owner_name"]) {
                return Err(error(404, "role not found"));
            }
            operations::free(project)?;
            let owner = wish["owner_name"].as_str().unwrap_or_default();
            let database = fresh(account, branch, name, owner);
            project.databases.push(database.clone());
            account.world.note("neon", "database", &format!("{branch}/{name}"), name, Event::Created);
            let made = operations::schedule(account, project, request, &apply, operations::nothing());
            let body = json!({"database": database, "operations": made});
            Ok(Reply::json(201, &body).doing("database.create"))
        }
        ("PATCH", [name]) => {
            let body = body(account, request, "neon/database.change", || {
                let inner = json!({"name": rules::text(), "owner_name": rules::text()});
                wrapped("database", rules::object(&[], inner))
            })?;
            let found = at(name).ok_or_else(|| error(404, "database not found"))?;
            let owner = &body["database"]["owner_name"];
            if owner.is_string() && !owner_exists(owner) {
                return Err(error(404, "role not found"));
            }
            operations::free(project)?;
            for (key, value) in body["database"].as_object().into_iter().flatten() {
                project.databases[found][key] = value.clone();
            }
            account.world.note("neon", "database", &format!("{branch}/{name}"), name, Event::Changed);
            let shown = project.databases[found].clone();
            let made = operations::schedule(account, project, request, &apply, operations::nothing());
            let body = json!({"database": shown, "operations": made});
            Ok(Reply::json(200, &body).doing("database.update"))
        }
        ("DELETE", [name]) => {
            let Some(found) = at(name) else {
                return Ok(Reply::empty(204).doing("database.delete"));
            };
            operations::free(project)?;
            let database = project.databases.remove(found);
            account.world.note("neon", "database", &format!("{branch}/{name}"), name, Event::Deleted);
            let made = operations::schedule(account, project, request, &apply, operations::nothing());
            let body = json!({"database": database, "operations": made});
            Ok(Reply::json(200, &body).doing("database.delete"))
        }
        _ => Err(error(405, "method not allowed")),
    }
}
