//! Branches of a project.

use std::sync::Arc;

use serde_json::{Value, json};

use super::projects::{self, Project};
use super::{Account, Answer, body, endpoints, error, operations, wrapped};
use crate::books::Event;
use crate::clock::Clock;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;

/// A branch that is just being made.
pub(super) fn fresh(
    account: &Account,
    project: &str,
    name: &str,
    parent: Option<&str>,
    default: bool,
) -> Value {
    let now = Clock::rfc3339();
    let mut branch = json!({
        "id": format!("br-{}", projects::words(account)),
        "project_id": project,
        "name": name,
        "current_state": "init",
        "pending_state": "ready",
        "state_changed_at": now,
        "creation_source": "console",
        "primary": default,
        "default": default,
        "protected": false,
        "cpu_used_sec": 0,
        "compute_time_seconds": 0,
        "active_time_seconds": 0,
        "written_data_bytes": 0,
        "data_transfer_bytes": 0,
        "created_at": now,
        "updated_at": now,
        "init_source": "parent-data",
    });
    if let Some(parent) = parent {
        branch["parent_id"] = json!(parent);
    }
    branch
}

/// Keeps what a branch is annotated with.
pub(super) fn annotate(project: &mut Project, id: &str, texts: &Value) {
    if texts.as_object().is_some_and(|texts| !texts.is_empty()) {
        let now = Clock::rfc3339();
        let annotation = json!({
            "object": {"type": "console/branch", "id": id},
            "value": texts,
            "created_at": now,
            "updated_at": now,
        });
        project.annotations.insert(id.to_owned(), annotation);
    }
}

/// Marks a branch as ready.
pub(super) fn ready(project: &mut Project, id: &str) {
    if let Some(branch) = project.branches.iter_mut().find(|branch| branch["id"] == id) {
        branch["current_state"] = json!("ready");
        if let Some(map) = branch.as_object_mut() {
            map.remove("pending_state");
        }
    }
}

/// `/projects/{project}/branches…`.
pub(super) fn route(account: &Arc<Account>, request: &Request, id: &str, rest: &[&str]) -> Answer {
    let mut projects = account.projects();
    let project = projects::find(&mut projects, id)?;
    match (request.method.as_str(), rest) {
        ("GET", []) => {
            let found: Vec<&Value> = project
                .branches
                .iter()
                .filter(|branch| {
                    request.query("search").is_none_or(|wanted| branch.to_string().contains(wanted))
                })
                .collect();
            let body = json!({
                "branches": found,
                "annotations": project.annotations,
                "pagination": {"sort_by": "updated_at", "sort_order": "DESC"},
            });
            Ok(Reply::json(200, &body).doing("branch.list"))
        }
        ("GET", ["count"]) => {
            let body = json!({"count": project.branches.len()});
            Ok(Reply::json(200, &body).doing("branch.count"))
        }
        ("GET", [branch]) => {
            let annotation =
                project.annotations.get(*branch).cloned().unwrap_or_else(
                    || json!({"object": {"type": "console/branch", "id": branch}, "value": {}}),
                );
            let body = json!({"branch": project.branch(branch)?, "annotation": annotation});
            Ok(Reply::json(200, &body).doing("branch.read"))
        }
        ("GET", [branch, "endpoints"]) => {
            project.branch(branch)?;
            let found: Vec<&Value> =
                project.endpoints.iter().filter(|found| found["branch_id"] == *branch).collect();
            Ok(Reply::json(200, &json!({"endpoints": found})).doing("endpoint.list"))
        }
        ("POST", []) => create(account, request, project),
        ("PATCH", [branch]) => {
            let body = body(account, request, "neon/branch.change", || {
                let inner = json!({
                    "name": {"type": "string", "minLength": 1, "maxLength": 256},
                    "protected": {"type": "boolean"},
                    "expires_at": {"type": ["string", "null"]},
                });
                wrapped("branch", rules::object(&[], inner))
            })?;
            operations::free(project)?;
            let found = project.branch(branch)?;
            for (key, value) in body["branch"].as_object().into_iter().flatten() {
                found[key] = value.clone();
            }
            let body = json!({"branch": found, "operations": []});
            Ok(Reply::json(200, &body).doing("branch.update"))
        }
        ("DELETE", [branch]) => {
            let Ok(found) = project.branch(branch).cloned() else {
                return Ok(Reply::empty(204).doing("branch.delete"));
            };
            if found["default"] == true {
                return Err(error(422, "cannot delete the default branch"));
            }
            operations::free(project)?;
            project.branches.retain(|other| other["id"] != *branch);
            project.annotations.remove(*branch);
            project.endpoints.retain(|endpoint| endpoint["branch_id"] != *branch);
            project.roles.retain(|role| role.0["branch_id"] != *branch);
            project.databases.retain(|database| database["branch_id"] != *branch);
            let made = operations::schedule(
                account,
                project,
                request,
                &[("delete_timeline", Some(branch), None)],
                operations::nothing(),
            );
            let name = found["name"].as_str().unwrap_or_default();
            account.world.note("neon", "branch", branch, name, Event::Deleted);
            let body = json!({"branch": found, "operations": made});
            Ok(Reply::json(200, &body).doing("branch.delete"))
        }
        _ => Err(error(405, "method not allowed")),
    }
}

fn create(account: &Arc<Account>, request: &Request, project: &mut Project) -> Answer {
    let body = body(account, request, "neon/branch.create", || {
        let branch = json!({
            "parent_id": {"type": "string", "pattern": "^[a-z0-9-]{1,60}$"},
            "name": {"type": "string", "minLength": 1, "maxLength": 256},
            "parent_lsn": rules::text(),
            "parent_timestamp": rules::text(),
            "protected": {"type": "boolean"},
            "archived": {"type": "boolean"},
            "init_source": rules::word(&["parent-data", "schema-only"]),
            "expires_at": {"type": ["string", "null"]},
        });
        let fields = json!({
            "branch": rules::object(&[], branch),
            "endpoints": rules::list(endpoints::rule(&["type"]), 5),
            "annotation_value": {"type": "object"},
        });
        rules::object(&[], fields)
    })?;
    operations::free(project)?;
    let default = project.branches.iter().find(|branch| branch["default"] == true);
    let default = default.map(|branch| branch["id"].as_str().unwrap_or_default().to_owned());
    let parent = body["branch"]["parent_id"].as_str().map(str::to_owned).or(default);
    let parent = parent.unwrap_or_default();
    if project.branch(&parent)?["current_state"] != "ready" {
        return Err(error(422, "branch not ready yet"));
    }
    let name = body["branch"]["name"].as_str().map_or_else(|| projects::words(account), str::to_owned);
    if project.branches.iter().any(|branch| branch["name"] == name.as_str()) {
        return Err(error(409, "branch with the provided name already exists"));
    }
    let mut branch = fresh(account, &project.id, &name, Some(&parent), false);
    branch["protected"] = json!(body["branch"]["protected"] == true);
    let id = branch["id"].as_str().unwrap_or_default().to_owned();
    let copies = |role: &&(Value, String)| role.0["branch_id"] == parent.as_str();
    let roles: Vec<(Value, String)> = project
        .roles
        .iter()
        .filter(copies)
        .map(|(role, password)| {
            let mut role = role.clone();
            role["branch_id"] = json!(id);
            (role, password.clone())
        })
        .collect();
    let databases: Vec<Value> = project
        .databases
        .iter()
        .filter(|database| database["branch_id"] == parent.as_str())
        .map(|database| {
            let mut database = database.clone();
            database["branch_id"] = json!(id);
            database["id"] = json!(account.random.between(1_000_000, 90_000_000));
            database
        })
        .collect();
    let wanted: Vec<Value> = body["endpoints"].as_array().cloned().unwrap_or_default();
    let made: Vec<Value> = wanted
        .iter()
        .map(|wish| {
            let kind = wish["type"].as_str().unwrap_or("read_write");
            endpoints::fresh(account, project, &id, kind, wish)
        })
        .collect();
    project.branches.push(branch.clone());
    annotate(project, &id, &body["annotation_value"]);
    project.roles.extend(roles.clone());
    project.databases.extend(databases.clone());
    project.endpoints.extend(made.clone());
    let on = id.clone();
    let started: Vec<String> =
        made.iter().map(|endpoint| endpoint["id"].as_str().unwrap_or_default().to_owned()).collect();
    let mut actions = vec![("create_branch", Some(id.as_str()), None)];
    actions
        .extend(started.iter().map(|endpoint| ("start_compute", Some(id.as_str()), Some(endpoint.as_str()))));
    let endpoints_started = started.clone();
    let operations = operations::schedule(
        account,
        project,
        request,
        &actions,
        Box::new(move |project| {
            ready(project, &on);
            for endpoint in &endpoints_started {
                endpoints::active(project, endpoint);
            }
        }),
    );
    account.world.note("neon", "branch", &id, &name, Event::Created);
    let shown: Vec<&Value> = roles.iter().map(|role| &role.0).collect();
    let body = json!({
        "branch": branch,
        "endpoints": made,
        "operations": operations,
        "roles": shown,
        "databases": databases,
    });
    Ok(Reply::json(201, &body).doing("branch.create"))
}
