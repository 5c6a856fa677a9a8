//! What can be done to a server that exists.

use std::sync::Arc;

use serde_json::{Value, json};

use super::servers::{image_for, machine_id};
use super::state::{Project, find};
use super::{Answer, actions, body, error, networks};
use crate::books::Event;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;

/// `/servers/{id}/actions/{verb}`.
pub(super) fn route(project: &Arc<Project>, request: &Request, id: &str, verb: &str) -> Answer {
    let server = find(&mut project.state().servers, id, "server")?.clone();
    let number = server["id"].as_u64().unwrap_or(0);
    if project.state().busy("server", number) {
        return Err(error(423, "locked", "an action is already running on this server"));
    }
    match verb {
        "poweron" => power(project, request, number, "start_server", Some(true)),
        "poweroff" => power(project, request, number, "stop_server", Some(false)),
        "shutdown" => power(project, request, number, "shutdown_server", Some(false)),
        "reboot" => power(project, request, number, "reboot_server", None),
        "reset" => power(project, request, number, "reset_server", None),
        "rebuild" => rebuild(project, request, &server),
        "change_protection" => protect(project, request, number),
        "attach_to_network" => network(project, request, number, true),
        "detach_from_network" => network(project, request, number, false),
        "add_to_placement_group" => group(project, request, number, true),
        "remove_from_placement_group" => group(project, request, number, false),
        _ => Err(error(404, "not_found", "api route not found")),
    }
}

/// Switches on (`Some(true)`), off, or off and on (`None`).
fn power(
    project: &Arc<Project>,
    request: &Request,
    number: u64,
    command: &'static str,
    on: Option<bool>,
) -> Answer {
    body(project, request, "hetzner/nothing", || rules::object(&[], json!({})))?;
    let ms = project.random.between(20, 50);
    let mut state = project.state();
    let action = actions::open(project, &mut state, command, vec![(number, "server")], ms);
    let reply = actions::answer(&state, action, 201, &format!("server.{command}"));
    drop(state);
    let inner = project.clone();
    actions::run(project, action, ms, request.task, async move {
        let machine = machine_id(number);
        if on != Some(true) {
            inner.world.power_machine(&machine, false).await?;
        }
        if on != Some(false) {
            inner.world.power_machine(&machine, true).await?;
        }
        if let Some(server) = inner.state().servers.get_mut(&number) {
            server["status"] = json!(if on == Some(false) { "off" } else { "running" });
        }
        Ok(())
    });
    Ok(reply)
}

fn rebuild(project: &Arc<Project>, request: &Request, server: &Value) -> Answer {
    let body = body(project, request, "hetzner/server.rebuild", || {
        rules::object(
            &["image"],
            json!({"image": rules::text(), "user_data": {"type": "string", "maxLength": 32768}}),
        )
    })?;
    if server["protection"]["rebuild"] == true {
        return Err(error(423, "protected", "server is protected from rebuild"));
    }
    let wanted = body["image"].as_str().unwrap_or_default();
    let image = image_for(wanted, &server["server_type"]["architecture"])?;
    let number = server["id"].as_u64().unwrap_or(0);
    let ms = project.random.between(90, 140);
    let mut state = project.state();
    if let Some(server) = state.servers.get_mut(&number) {
        server["status"] = json!("rebuilding");
        server["image"] = image.clone();
        project.note("server", server, Event::Changed);
    }
    let action = actions::open(project, &mut state, "rebuild_server", vec![(number, "server")], ms);
    let reply = actions::answer(&state, action, 201, "server.rebuild");
    drop(state);
    let machine = project.world.machine(&machine_id(number));
    let keys = machine.map(|machine| machine.authorized_keys).unwrap_or_default();
    let password = keys.is_empty().then(|| project.random.token(20));
    let inner = project.clone();
    actions::run(project, action, ms, request.task, async move {
        let name = image["name"].as_str().unwrap_or_default();
        inner.world.reinstall_machine(&machine_id(number), name, keys).await?;
        if let Some(server) = inner.state().servers.get_mut(&number) {
            server["status"] = json!("running");
        }
        Ok(())
    });
    let mut whole: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    whole["root_password"] = json!(password);
    Ok(Reply::json(201, &whole).doing("server.rebuild"))
}

fn protect(project: &Arc<Project>, request: &Request, number: u64) -> Answer {
    let body = body(project, request, "hetzner/server.protect", || {
        rules::object(&[], json!({"delete": {"type": "boolean"}, "rebuild": {"type": "boolean"}}))
    })?;
    let mut state = project.state();
    if let Some(server) = state.servers.get_mut(&number) {
        for key in ["delete", "rebuild"] {
            if let Some(value) = body.get(key) {
                server["protection"][key] = value.clone();
            }
        }
        project.note("server", server, Event::Changed);
    }
    let resources = vec![(number, "server")];
    let action = actions::simple(project, &mut state, request, "change_protection", resources);
    Ok(actions::answer(&state, action, 201, "server.protect"))
}

fn network(project: &Arc<Project>, request: &Request, number: u64, put: bool) -> Answer {
    let body = body(project, request, "hetzner/server.network", || {
        rules::object(
            &["network"],
            json!({
                "network": {"type": "integer"},
                "ip": rules::text(),
                "ip_range": rules::text(),
                "alias_ips": rules::list(rules::text(), 5),
            }),
        )
    })?;
    let network = body["network"].as_u64().unwrap_or(0);
    let mut state = project.state();
    let command = if put {
        networks::attach(project, &mut state, network, number, body["ip"].as_str())?;
        "attach_to_network"
    } else {
        networks::detach(&mut state, network, number);
        "detach_from_network"
    };
    project.world.amend(&machine_id(number), |machine| machine.private_network = put);
    let resources = vec![(number, "server"), (network, "network")];
    let action = actions::simple(project, &mut state, request, command, resources);
    Ok(actions::answer(&state, action, 201, &format!("server.{command}")))
}

fn group(project: &Arc<Project>, request: &Request, number: u64, put: bool) -> Answer {
    let rule = if put { "hetzner/server.group" } else { "hetzner/nothing" };
    let body = body(project, request, rule, || {
        if put {
            rules::object(&["placement_group"], json!({"placement_group": {"type": "integer"}}))
        } else {
            rules::object(&[], json!({}))
        }
    })?;
    let mut state = project.state();
    if put {
        let id = body["placement_group"].to_string();
        find(&mut state.placement_groups, &id, "placement group")?;
    }
    if state.servers.get(&number).is_some_and(|server| server["status"] != "off") && put {
        return Err(error(422, "server_not_stopped", "server must be off"));
    }
    for group in state.placement_groups.values_mut() {
        if let Some(list) = group["servers"].as_array_mut() {
            list.retain(|held| *held != number);
        }
    }
    let wanted = body["placement_group"].as_u64();
    if let Some(list) = wanted
        .and_then(|id| state.placement_groups.get_mut(&id))
        .and_then(|group| group["servers"].as_array_mut())
    {
        list.push(json!(number));
    }
    if let Some(server) = state.servers.get_mut(&number) {
        server["placement_group"] = json!(wanted);
    }
    let command = if put { "add_to_placement_group" } else { "remove_from_placement_group" };
    let resources = vec![(number, "server")];
    let action = actions::simple(project, &mut state, request, command, resources);
    Ok(actions::answer(&state, action, 201, &format!("server.{command}")))
}
