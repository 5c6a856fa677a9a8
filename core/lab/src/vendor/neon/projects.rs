//! Projects.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Account, Answer, REGIONS, body, branches, databases, endpoints, error, operations, paged, roles, wrapped,
};
use crate::books::Event;
use crate::clock::Clock;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;

/// A project and everything in it, in the vendor's JSON.
pub(crate) struct Project {
    pub(super) id: String,
    pub(super) about: Value,
    pub(super) branches: Vec<Value>,
    /// Annotations by the id of their branch.
    pub(super) annotations: BTreeMap<String, Value>,
    pub(super) endpoints: Vec<Value>,
    /// Roles with their passwords, which are shown at their making only.
    pub(super) roles: Vec<(Value, String)>,
    pub(super) databases: Vec<Value>,
    /// Newest first.
    pub(super) operations: Vec<Value>,
}

/// Finds a project.
pub(super) fn find<'a>(
    projects: &'a mut BTreeMap<String, Project>,
    id: &str,
) -> Result<&'a mut Project, Reply> {
    let good = (1..=60).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !good {
        return Err(error(400, "invalid project_id"));
    }
    projects.get_mut(id).ok_or_else(|| error(404, "project not found"))
}

impl Project {
    /// Finds a branch.
    pub(super) fn branch(&mut self, id: &str) -> Result<&mut Value, Reply> {
        self.branches
            .iter_mut()
            .find(|branch| branch["id"] == id)
            .ok_or_else(|| error(404, "branch not found"))
    }
}

/// Part of ids: two words and a number.
pub(super) fn words(account: &Account) -> String {
    const FIRST: [&str; 8] = ["autumn", "bold", "calm", "dawn", "falling", "gentle", "late", "quiet"];
    const SECOND: [&str; 8] = ["bird", "cloud", "dust", "field", "leaf", "meadow", "river", "sun"];
    let pick = |words: &[&'static str; 8]| words[usize::try_from(account.random.between(0, 7)).unwrap_or(0)];
    format!("{}-{}-{}", pick(&FIRST), pick(&SECOND), account.random.text(8, b"0123456789"))
}

/// `/projects` and `/projects/{project}`.
pub(super) fn route(account: &Arc<Account>, request: &Request, path: &[&str]) -> Answer {
    match (request.method.as_str(), &path[1..]) {
        ("GET", []) => list(account, request),
        ("POST", []) => create(account, request),
        ("GET", [id]) => {
            let mut projects = account.projects();
            let project = find(&mut projects, id)?;
            Ok(Reply::json(200, &json!({"project": project.about})).doing("project.read"))
        }
        ("PATCH", [id]) => change(account, request, id),
        ("DELETE", [id]) => {
            let mut projects = account.projects();
            let project = find(&mut projects, id)?;
            operations::free(project)?;
            let about = project.about.clone();
            for branch in &project.branches {
                let text = |field: &str| branch[field].as_str().unwrap_or_default().to_owned();
                account.world.note("neon", "branch", &text("id"), &text("name"), Event::Deleted);
            }
            projects.remove(*id);
            let name = about["name"].as_str().unwrap_or_default();
            account.world.note("neon", "project", id, name, Event::Deleted);
            Ok(Reply::json(200, &json!({"project": about})).doing("project.delete"))
        }
        _ => Err(error(405, "method not allowed")),
    }
}

fn list(account: &Arc<Account>, request: &Request) -> Answer {
    let found: Vec<Value> = account
        .projects()
        .values()
        .map(|project| {
            let mut about = project.about.clone();
            for key in [
                "data_storage_bytes_hour",
                "data_transfer_bytes",
                "written_data_bytes",
                "compute_time_seconds",
                "active_time_seconds",
                "consumption_period_start",
                "consumption_period_end",
                "owner",
            ] {
                if let Some(map) = about.as_object_mut() {
                    map.remove(key);
                }
            }
            about["active_time"] = json!(0);
            about
        })
        .filter(|about| {
            request.query("search").is_none_or(|wanted| {
                [&about["name"], &about["id"]]
                    .iter()
                    .any(|text| text.as_str().is_some_and(|text| text.contains(wanted)))
            })
        })
        .collect();
    let (shown, pagination) = paged(request, found, (10, 400))?;
    let body = json!({
        "projects": shown,
        "pagination": pagination,
        "applications": {},
        "integrations": {},
    });
    Ok(Reply::json(200, &body).doing("project.list"))
}

fn settings_rule() -> Value {
    json!({"type": "object"})
}

fn limits() -> Value {
    json!({"type": "number", "minimum": 0.25, "maximum": 56})
}

fn create(account: &Arc<Account>, request: &Request) -> Answer {
    let body = body(account, request, "neon/project.create", || {
        let name = || json!({"type": "string", "minLength": 1, "maxLength": 256});
        let branch = rules::object(
            &[],
            json!({
                "name": name(),
                "role_name": {"type": "string", "minLength": 1, "maxLength": 63},
                "database_name": {"type": "string", "minLength": 1, "maxLength": 63},
                "annotations": settings_rule(),
            }),
        );
        let defaults = rules::object(
            &[],
            json!({
                "pg_settings": settings_rule(),
                "pgbouncer_settings": settings_rule(),
                "autoscaling_limit_min_cu": limits(),
                "autoscaling_limit_max_cu": limits(),
                "suspend_timeout_seconds": {"type": "integer", "minimum": -1, "maximum": 604_800},
            }),
        );
        wrapped(
            "project",
            rules::object(
                &[],
                json!({
                    "name": name(),
                    "region_id": rules::text(),
                    "pg_version": {"type": "integer", "minimum": 14, "maximum": 18},
                    "org_id": {"type": "string", "pattern": "^[a-z0-9-]{1,60}$"},
                    "branch": branch,
                    "settings": settings_rule(),
                    "default_endpoint_settings": defaults,
                    "autoscaling_limit_min_cu": limits(),
                    "autoscaling_limit_max_cu": limits(),
                    "history_retention_seconds": {"type": "integer", "minimum": 0, "maximum": 2_592_000},
                    "store_passwords": {"type": "boolean"},
                    "provisioner": rules::text(),
                }),
            ),
        )
    })?;
    let wish = &body["project"];
    let region = wish["region_id"].as_str().unwrap_or("aws-us-east-2");
    if !REGIONS.contains(&region) {
        return Err(error(400, &format!("unknown region {region}")));
    }
    let id = words(account);
    let name = wish["name"].as_str().unwrap_or(&id).to_owned();
    let now = Clock::rfc3339();
    let about = json!({
        "data_storage_bytes_hour": 0,
        "data_transfer_bytes": 0,
        "written_data_bytes": 0,
        "compute_time_seconds": 0,
        "active_time_seconds": 0,
        "cpu_used_sec": 0,
        "id": id,
        "platform_id": "aws",
        "region_id": region,
        "name": name,
        "provisioner": "k8s-neonvm",
        "default_endpoint_settings": wish.get("default_endpoint_settings").cloned().unwrap_or(json!({
            "autoscaling_limit_min_cu": 0.25,
            "autoscaling_limit_max_cu": 2,
            "suspend_timeout_seconds": 0,
        })),
        "settings": wish.get("settings").cloned().unwrap_or(json!({})),
        "pg_version": wish["pg_version"].as_u64().unwrap_or(17),
        "proxy_host": proxy(region),
        "branch_logical_size_limit": 3072,
        "branch_logical_size_limit_bytes": 3_221_225_472_u64,
        "store_passwords": wish["store_passwords"] != false,
        "creation_source": "console",
        "history_retention_seconds": wish["history_retention_seconds"].as_u64().unwrap_or(86_400),
        "created_at": now,
        "updated_at": now,
        "synthetic_storage_size": 0,
        "consumption_period_start": "0001-01-01T00:00:00Z",
        "consumption_period_end": "0001-01-01T00:00:00Z",
        "owner_id": account.owner,
    });
    let mut project = Project {
        id: id.clone(),
        about: about.clone(),
        branches: Vec::new(),
        annotations: BTreeMap::new(),
        endpoints: Vec::new(),
        roles: Vec::new(),
        databases: Vec::new(),
        operations: Vec::new(),
    };
    let asked = |key: &str, usual: &str| wish["branch"][key].as_str().unwrap_or(usual).to_owned();
    let mut branch = branches::fresh(account, &id, &asked("name", "main"), None, true);
    branch["current_state"] = json!("init");
    branch["pending_state"] = json!("ready");
    let branch_id = branch["id"].as_str().unwrap_or_default().to_owned();
    let endpoint = endpoints::fresh(account, &project, &branch_id, "read_write", wish);
    let endpoint_id = endpoint["id"].as_str().unwrap_or_default().to_owned();
    let role = roles::fresh(account, &branch_id, &asked("role_name", "neondb_owner"));
    let database = databases::fresh(
        account,
        &branch_id,
        &asked("database_name", "neondb"),
        role.0["name"].as_str().unwrap_or_default(),
    );
    project.branches.push(branch.clone());
    branches::annotate(&mut project, &branch_id, &wish["branch"]["annotations"]);
    project.endpoints.push(endpoint.clone());
    project.roles.push(role.clone());
    project.databases.push(database.clone());
    let actions = [
        ("create_timeline", Some(branch_id.as_str()), None),
        ("start_compute", Some(branch_id.as_str()), Some(endpoint_id.as_str())),
    ];
    let (on_branch, on_endpoint) = (branch_id.clone(), endpoint_id.clone());
    let operations = operations::schedule(
        account,
        &mut project,
        request,
        &actions,
        Box::new(move |project| {
            branches::ready(project, &on_branch);
            endpoints::active(project, &on_endpoint);
        }),
    );
    let uri = endpoints::uri(&role, &database, &endpoint);
    account.projects().insert(id.clone(), project);
    account.world.note("neon", "project", &id, &name, Event::Created);
    account.world.note(
        "neon",
        "branch",
        &branch_id,
        branch["name"].as_str().unwrap_or_default(),
        Event::Created,
    );
    let body = json!({
        "project": about,
        "connection_uris": [uri],
        "roles": [roles::with_password(&role)],
        "databases": [database],
        "operations": operations,
        "branch": branch,
        "endpoints": [endpoint],
    });
    Ok(Reply::json(201, &body).doing("project.create"))
}

/// Host of a region's proxy.
pub(super) fn proxy(region: &str) -> String {
    format!("{}.aws.neon.tech", region.trim_start_matches("aws-"))
}

fn change(account: &Arc<Account>, request: &Request, id: &str) -> Answer {
    let body = body(account, request, "neon/project.change", || {
        wrapped(
            "project",
            rules::object(
                &[],
                json!({
                    "name": {"type": "string", "minLength": 1, "maxLength": 256},
                    "settings": settings_rule(),
                    "default_endpoint_settings": settings_rule(),
                    "history_retention_seconds": {"type": "integer", "minimum": 0, "maximum": 2_592_000},
                }),
            ),
        )
    })?;
    let mut projects = account.projects();
    let project = find(&mut projects, id)?;
    operations::free(project)?;
    for (key, value) in body["project"].as_object().into_iter().flatten() {
        project.about[key] = value.clone();
    }
    project.about["updated_at"] = json!(Clock::rfc3339());
    let name = project.about["name"].as_str().unwrap_or_default();
    account.world.note("neon", "project", id, name, Event::Changed);
    let body = json!({"project": project.about, "operations": []});
    Ok(Reply::json(200, &body).doing("project.update"))
}
