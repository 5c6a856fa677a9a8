//! Computes of branches, and connection strings.

use std::sync::Arc;

use serde_json::{Value, json};

use super::projects::{self, Project};
use super::{Account, Answer, body, error, operations, wrapped};
use crate::books::Event;
use crate::clock::Clock;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;

/// Rule for the wish of an endpoint.
pub(super) fn rule(required: &[&str]) -> Value {
    rules::object(
        required,
        json!({
            "branch_id": {"type": "string", "pattern": "^[a-z0-9-]{1,60}$"},
            "region_id": rules::text(),
            "type": rules::word(&["read_only", "read_write"]),
            "settings": {"type": "object"},
            "autoscaling_limit_min_cu": {"type": "number", "minimum": 0.25},
            "autoscaling_limit_max_cu": {"type": "number", "minimum": 0.25},
            "provisioner": rules::text(),
            "pooler_enabled": {"type": "boolean"},
            "pooler_mode": rules::word(&["transaction"]),
            "disabled": {"type": "boolean"},
            "passwordless_access": {"type": "boolean"},
            "suspend_timeout_seconds": {"type": "integer", "minimum": -1, "maximum": 604_800},
            "name": rules::text(),
        }),
    )
}

/// An endpoint that is just being made.
pub(super) fn fresh(account: &Account, project: &Project, branch: &str, kind: &str, wish: &Value) -> Value {
    let now = Clock::rfc3339();
    let id = format!("ep-{}", projects::words(account));
    let proxy = project.about["proxy_host"].as_str().unwrap_or_default();
    json!({
        "host": format!("{id}.{proxy}"),
        "id": id,
        "project_id": project.id,
        "branch_id": branch,
        "autoscaling_limit_min_cu": wish["autoscaling_limit_min_cu"].as_f64().unwrap_or(0.25),
        "autoscaling_limit_max_cu": wish["autoscaling_limit_max_cu"].as_f64().unwrap_or(2.0),
        "region_id": project.about["region_id"],
        "type": kind,
        "current_state": "init",
        "pending_state": "active",
        "settings": {},
        "pooler_enabled": false,
        "pooler_mode": "transaction",
        "disabled": false,
        "passwordless_access": true,
        "creation_source": "console",
        "created_at": now,
        "updated_at": now,
        "proxy_host": proxy,
        "suspend_timeout_seconds": wish["suspend_timeout_seconds"].as_i64().unwrap_or(0),
        "provisioner": "k8s-neonvm",
    })
}

/// Marks an endpoint as active.
pub(super) fn active(project: &mut Project, id: &str) {
    settle(project, id, "active");
}

fn settle(project: &mut Project, id: &str, state: &str) {
    if let Some(endpoint) = project.endpoints.iter_mut().find(|found| found["id"] == id) {
        endpoint["current_state"] = json!(state);
        if let Some(map) = endpoint.as_object_mut() {
            map.remove("pending_state");
        }
    }
}

fn pooled(host: &str) -> String {
    host.split_once('.').map_or_else(|| host.to_owned(), |(id, rest)| format!("{id}-pooler.{rest}"))
}

/// A connection string with its parts.
pub(super) fn uri(role: &(Value, String), database: &Value, endpoint: &Value) -> Value {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (host, name, user) = (text(&endpoint["host"]), text(&database["name"]), text(&role.0["name"]));
    json!({
        "connection_uri": format!("postgresql://{user}:{}@{host}/{name}?sslmode=require", role.1),
        "connection_parameters": {
            "database": name,
            "password": role.1,
            "role": user,
            "host": host,
            "pooler_host": pooled(&host),
        },
    })
}

/// `/projects/{project}/connection_uri`.
pub(super) fn connection_uri(account: &Arc<Account>, request: &Request, id: &str) -> Answer {
    let mut projects = account.projects();
    let project = projects::find(&mut projects, id)?;
    let (Some(database), Some(role)) = (request.query("database_name"), request.query("role_name")) else {
        return Err(error(400, "database_name and role_name are required"));
    };
    let default = project.branches.iter().find(|branch| branch["default"] == true);
    let branch = request
        .query("branch_id")
        .map(str::to_owned)
        .or_else(|| default.and_then(|branch| branch["id"].as_str()).map(str::to_owned))
        .unwrap_or_default();
    let of_branch = |value: &Value| value["branch_id"] == branch.as_str();
    let role = project.roles.iter().find(|found| of_branch(&found.0) && found.0["name"] == role);
    let role = role.ok_or_else(|| error(404, "role not found"))?;
    let database = project.databases.iter().find(|found| of_branch(found) && found["name"] == database);
    let database = database.ok_or_else(|| error(404, "database not found"))?;
    let endpoint = project
        .endpoints
        .iter()
        .find(|found| of_branch(found) && request.query("endpoint_id").is_none_or(|id| found["id"] == id));
    let endpoint = endpoint.ok_or_else(|| error(404, "endpoint not found"))?;
    let mut text = uri(role, database, endpoint)["connection_uri"].as_str().unwrap_or_default().to_owned();
    if request.query("pooled") == Some("true") {
        let host = endpoint["host"].as_str().unwrap_or_default();
        text = text.replace(host, &pooled(host));
    }
    Ok(Reply::json(200, &json!({"uri": text})).doing("connection-uri.read"))
}

/// `/projects/{project}/endpoints…`.
pub(super) fn route(account: &Arc<Account>, request: &Request, id: &str, rest: &[&str]) -> Answer {
    let mut projects = account.projects();
    let project = projects::find(&mut projects, id)?;
    let one = |project: &Project, id: &str| {
        project
            .endpoints
            .iter()
            .find(|found| found["id"] == id)
            .cloned()
            .ok_or_else(|| error(404, "endpoint not found"))
    };
    match (request.method.as_str(), rest) {
        ("GET", []) => {
            let body = json!({"endpoints": project.endpoints});
            Ok(Reply::json(200, &body).doing("endpoint.list"))
        }
        ("GET", [endpoint]) => {
            let found = one(project, endpoint)?;
            Ok(Reply::json(200, &json!({"endpoint": found})).doing("endpoint.read"))
        }
        ("POST", []) => {
            let body = body(account, request, "neon/endpoint.create", || {
                wrapped("endpoint", rule(&["branch_id", "type"]))
            })?;
            let wish = &body["endpoint"];
            let branch = wish["branch_id"].as_str().unwrap_or_default().to_owned();
            project.branch(&branch)?;
            let kind = wish["type"].as_str().unwrap_or_default();
            let twin = project
                .endpoints
                .iter()
                .any(|found| found["branch_id"] == branch.as_str() && found["type"] == "read_write");
            if kind == "read_write" && twin {
                return Err(error(422, "read-write endpoint already exists on this branch"));
            }
            operations::free(project)?;
            let endpoint = fresh(account, project, &branch, kind, wish);
            let made = endpoint["id"].as_str().unwrap_or_default().to_owned();
            project.endpoints.push(endpoint.clone());
            account.world.note("neon", "endpoint", &made, &made, Event::Created);
            let on = made.clone();
            let operations = operations::schedule(
                account,
                project,
                request,
                &[("start_compute", Some(&branch), Some(&made))],
                Box::new(move |project| active(project, &on)),
            );
            let body = json!({"endpoint": endpoint, "operations": operations});
            Ok(Reply::json(201, &body).doing("endpoint.create"))
        }
        ("DELETE", [endpoint]) => {
            let Ok(found) = one(project, endpoint) else {
                return Ok(Reply::empty(204).doing("endpoint.delete"));
            };
            operations::free(project)?;
            project.endpoints.retain(|other| other["id"] != *endpoint);
            account.world.note("neon", "endpoint", endpoint, endpoint, Event::Deleted);
            let branch = found["branch_id"].as_str();
            let actions = [("suspend_compute", branch, Some(*endpoint))];
            let operations = operations::schedule(account, project, request, &actions, operations::nothing());
            let body = json!({"endpoint": found, "operations": operations});
            Ok(Reply::json(200, &body).doing("endpoint.delete"))
        }
        ("POST", [endpoint, verb @ ("start" | "suspend" | "restart")]) => {
            let found = one(project, endpoint)?;
            operations::free(project)?;
            let (action, state) = match *verb {
                "suspend" => ("suspend_compute", "idle"),
                _ => ("start_compute", "active"),
            };
            let (branch, on) = (found["branch_id"].as_str(), (*endpoint).to_owned());
            let operations = operations::schedule(
                account,
                project,
                request,
                &[(action, branch, Some(endpoint))],
                Box::new(move |project| settle(project, &on, state)),
            );
            let body = json!({"endpoint": found, "operations": operations});
            Ok(Reply::json(200, &body).doing(&format!("endpoint.{verb}")))
        }
        _ => Err(error(405, "method not allowed")),
    }
}
