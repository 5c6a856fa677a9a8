//! Placement groups of type spread.

use std::sync::Arc;

use serde_json::{Value, json};

use super::state::{Project, find, labels_of, now, rename, used};
use super::{Answer, body, error, labels, paging, ssh_keys, taken};
use crate::books::Event;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;

/// Servers that one group may hold.
pub(super) const MOST: usize = 10;

/// `/placement_groups…`.
pub(super) fn route(project: &Arc<Project>, request: &Request, path: &[&str]) -> Answer {
    match (request.method.as_str(), &path[1..]) {
        ("GET", []) => {
            let groups = project.state().placement_groups.values().cloned().collect();
            paging::list(request, "placement_groups", groups)
        }
        ("POST", []) => create(project, request),
        ("GET", [id]) => {
            let group = find(&mut project.state().placement_groups, id, "placement group")?.clone();
            Ok(Reply::json(200, &json!({"placement_group": group})).doing("placement-group.read"))
        }
        ("PUT", [id]) => {
            let body = body(project, request, "hetzner/rename", ssh_keys::rename_rule)?;
            let groups = &mut project.state().placement_groups;
            let group = rename(groups, id, "placement group", &body)?;
            project.note("placement-group", &group, Event::Changed);
            Ok(Reply::json(200, &json!({"placement_group": group})).doing("placement-group.update"))
        }
        ("DELETE", [id]) => {
            let mut state = project.state();
            let group = find(&mut state.placement_groups, id, "placement group")?.clone();
            if group["servers"].as_array().is_some_and(|servers| !servers.is_empty()) {
                return Err(error(422, "resource_in_use", "placement group still has servers"));
            }
            state.placement_groups.remove(&group["id"].as_u64().unwrap_or(0));
            project.note("placement-group", &group, Event::Deleted);
            Ok(Reply::empty(204).doing("placement-group.delete"))
        }
        _ => Err(error(405, "method_not_allowed", "method not allowed")),
    }
}

fn create(project: &Arc<Project>, request: &Request) -> Answer {
    let body = body(project, request, "hetzner/placement-group.create", || {
        rules::object(
            &["name", "type"],
            json!({
                "name": rules::text(),
                "type": rules::word(&["spread"]),
                "labels": labels::rule(),
            }),
        )
    })?;
    let mut state = project.state();
    if used(&state.placement_groups, body["name"].as_str().unwrap_or_default(), None) {
        return Err(taken("placement group with the same name", "name"));
    }
    let id = state.id();
    let group: Value = json!({
        "id": id,
        "name": body["name"],
        "labels": labels_of(&body),
        "type": body["type"],
        "created": now(),
        "servers": [],
    });
    state.placement_groups.insert(id, group.clone());
    project.note("placement-group", &group, Event::Created);
    Ok(Reply::json(201, &json!({"placement_group": group, "action": null})).doing("placement-group.create"))
}
