//! Servers: listing, making, naming, deleting.

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::state::{Project, State, find, labels_of, now, rename, used};
use super::{
    Answer, actions, body, catalog, error, firewalls, invalid, labels, networks, paging, placement_groups,
    primary_ips, server_actions, ssh_keys, taken,
};
use crate::books::Event;
use crate::vendor::reply::Reply;
use crate::vendor::request::{Request, TaskFault};
use crate::vendor::rules;
use crate::world::NewMachine;

/// `/servers…`.
pub(super) fn route(project: &Arc<Project>, request: &Request, path: &[&str]) -> Answer {
    match (request.method.as_str(), &path[1..]) {
        ("GET", []) => {
            let state = project.state();
            let found = state.servers.values().map(|server| view(&state, server)).collect();
            paging::list(request, "servers", found)
        }
        ("POST", []) => create(project, request),
        ("GET", rest) if rest.contains(&"actions") => actions::of_kind(project, request, "server", rest),
        ("GET", [id]) => {
            let mut state = project.state();
            let server = find(&mut state.servers, id, "server")?.clone();
            Ok(Reply::json(200, &json!({"server": view(&state, &server)})).doing("server.read"))
        }
        ("PUT", [id]) => {
            let body = body(project, request, "hetzner/rename", ssh_keys::rename_rule)?;
            let mut state = project.state();
            let server = rename(&mut state.servers, id, "server", &body)?;
            project.note("server", &server, Event::Changed);
            Ok(Reply::json(200, &json!({"server": view(&state, &server)})).doing("server.update"))
        }
        ("DELETE", [id]) => delete(project, request, id),
        ("POST", [id, "actions", verb]) => server_actions::route(project, request, id, verb),
        _ => Err(error(405, "method_not_allowed", "method not allowed")),
    }
}

/// A server with what is kept elsewhere filled in.
fn view(state: &State, server: &Value) -> Value {
    let mut server = server.clone();
    let id = server["id"].as_u64().unwrap_or(0);
    server["locked"] = json!(state.busy("server", id));
    let group = server["placement_group"].as_u64();
    server["placement_group"] =
        group.and_then(|group| state.placement_groups.get(&group)).cloned().unwrap_or_default();
    server
}

/// The machine's id in the world.
pub(super) fn machine_id(server: u64) -> String {
    format!("hetzner/{server}")
}

fn create_rule() -> Value {
    let names = || rules::list(json!({"type": ["string", "integer"]}), 50);
    let numbers = || rules::list(json!({"type": "integer"}), 25);
    rules::object(
        &["name", "server_type", "image"],
        json!({
            "name": {
                "type": "string",
                "pattern": "^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$",
                "maxLength": 253,
            },
            "server_type": rules::text(),
            "image": rules::text(),
            "location": rules::text(),
            "ssh_keys": names(),
            "firewalls": rules::list(
                rules::object(&["firewall"], json!({"firewall": {"type": "integer"}})),
                5,
            ),
            "networks": numbers(),
            "volumes": numbers(),
            "automount": {"type": "boolean"},
            "placement_group": {"type": "integer"},
            "public_net": rules::object(
                &[],
                json!({
                    "enable_ipv4": {"type": "boolean"},
                    "enable_ipv6": {"type": "boolean"},
                    "ipv4": {"type": ["integer", "null"]},
                    "ipv6": {"type": ["integer", "null"]},
                }),
            ),
            "user_data": {"type": "string", "maxLength": 32768},
            "labels": labels::rule(),
            "start_after_create": {"type": "boolean"},
        }),
    )
}

/// The item of a catalogue with this name or id.
fn named(items: Vec<Value>, wanted: &str) -> Option<Value> {
    items.into_iter().find(|item| item["name"] == wanted || item["id"].as_u64() == wanted.parse().ok())
}

/// The image of a name and architecture, or of an id.
pub(super) fn image_for(wanted: &str, architecture: &Value) -> Result<Value, Reply> {
    let images = catalog::images();
    let fits = |image: &&Value| {
        image["id"].as_u64() == wanted.parse().ok()
            || (image["name"] == wanted && image["architecture"] == *architecture)
    };
    if let Some(image) = images.iter().find(fits) {
        if image["architecture"] != *architecture {
            return Err(error(422, "invalid_input", "image and server type have different architectures"));
        }
        return Ok(image.clone());
    }
    Err(invalid("image", &format!("image '{wanted}' does not exist")))
}

/// The public keys that a list of ids and names stands for.
fn keys(state: &State, wanted: &Value) -> Result<Vec<String>, Reply> {
    let mut found = Vec::new();
    for item in wanted.as_array().into_iter().flatten() {
        let text = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
        let key = state
            .ssh_keys
            .values()
            .find(|key| key["id"].as_u64() == text.parse().ok() || key["name"] == text.as_str())
            .ok_or_else(|| invalid("ssh_keys", &format!("SSH key '{text}' does not exist")))?;
        found.push(key["public_key"].as_str().unwrap_or_default().to_owned());
    }
    Ok(found)
}

fn create(project: &Arc<Project>, request: &Request) -> Answer {
    let body = body(project, request, "hetzner/server.create", create_rule)?;
    let name = body["name"].as_str().unwrap_or_default();
    let wanted = body["server_type"].as_str().unwrap_or_default();
    let server_type = named(catalog::types(), wanted)
        .ok_or_else(|| invalid("server_type", &format!("server type '{wanted}' does not exist")))?;
    let wanted = body["location"].as_str().unwrap_or("fsn1");
    let location = named(catalog::locations(), wanted)
        .ok_or_else(|| invalid("location", &format!("location '{wanted}' does not exist")))?;
    let place = location["name"].as_str().unwrap_or_default();
    if !catalog::available(server_type["name"].as_str().unwrap_or_default(), place) {
        return Err(error(
            412,
            "resource_unavailable",
            &format!("server type is not available at location {place}"),
        ));
    }
    let image = image_for(body["image"].as_str().unwrap_or_default(), &server_type["architecture"])?;
    if body["volumes"].as_array().is_some_and(|volumes| !volumes.is_empty()) {
        return Err(invalid("volumes", "volume does not exist"));
    }
    let mut state = project.state();
    if used(&state.servers, name, None) {
        return Err(taken("server with the same name", "name"));
    }
    let keys = keys(&state, &body["ssh_keys"])?;
    for entry in body["firewalls"].as_array().into_iter().flatten() {
        find(&mut state.firewalls, &entry["firewall"].to_string(), "firewall")?;
    }
    for network in body["networks"].as_array().into_iter().flatten() {
        find(&mut state.networks, &network.to_string(), "network")?;
    }
    if let Some(group) = body["placement_group"].as_u64() {
        let group = find(&mut state.placement_groups, &group.to_string(), "placement group")?;
        if group["servers"].as_array().is_some_and(|held| held.len() >= placement_groups::MOST) {
            return Err(error(422, "placement_error", "the placement group is full"));
        }
    }
    let with_ipv4 = body["public_net"]["enable_ipv4"] != false;
    let with_ipv6 = body["public_net"]["enable_ipv6"] != false;
    if !with_ipv4 && !with_ipv6 && body["networks"].as_array().is_none_or(Vec::is_empty) {
        return Err(invalid("public_net", "a server needs a public or a private network"));
    }
    let own = [
        primary_ips::wanted(&mut state, &body["public_net"]["ipv4"], "ipv4", &location)?,
        primary_ips::wanted(&mut state, &body["public_net"]["ipv6"], "ipv6", &location)?,
    ];
    let own_ipv4 = own[0].as_ref().and_then(|address| address["ip"].as_str()?.parse::<Ipv4Addr>().ok());
    let ipv4 = match own_ipv4 {
        Some(address) => address,
        None => project
            .world
            .reserve_address()
            .map_err(|problem| error(412, "resource_unavailable", &problem.to_string()))?,
    };
    let id = state.id();
    let mut shown = Vec::new();
    for ((version, enabled), own) in [("ipv4", with_ipv4), ("ipv6", with_ipv6)].into_iter().zip(own) {
        let address = match own {
            Some(own) => {
                let held = find(&mut state.primary_ips, &own["id"].to_string(), "primary IP")?;
                held["assignee_id"] = json!(id);
                Some(own)
            }
            None => enabled.then(|| {
                let made = primary_ips::New {
                    name: String::new(),
                    version,
                    ipv4,
                    location: location.clone(),
                    server: Some(id),
                    labels: json!({}),
                    auto_delete: true,
                };
                made.into(&mut state)
            }),
        };
        shown.push(address.as_ref().map(primary_ips::of_server));
    }
    let server = json!({
        "id": id,
        "name": name,
        "status": "initializing",
        "created": now(),
        "public_net": {
            "ipv4": shown[0],
            "ipv6": shown[1],
            "floating_ips": [],
            "firewalls": [],
        },
        "private_net": [],
        "server_type": server_type,
        "location": location,
        "image": image,
        "iso": null,
        "rescue_enabled": false,
        "locked": true,
        "backup_window": null,
        "outgoing_traffic": 0,
        "ingoing_traffic": 0,
        "included_traffic": 21_990_232_555_520_u64,
        "protection": {"delete": false, "rebuild": false},
        "labels": labels_of(&body),
        "volumes": [],
        "load_balancers": [],
        "primary_disk_size": server_type["disk"],
        "placement_group": body.get("placement_group").cloned().unwrap_or_default(),
    });
    state.servers.insert(id, server.clone());
    project.note("server", &server, Event::Created);
    for entry in body["firewalls"].as_array().into_iter().flatten() {
        firewalls::attach(&mut state, entry["firewall"].as_u64().unwrap_or(0), id);
    }
    for network in body["networks"].as_array().into_iter().flatten() {
        networks::attach(project, &mut state, network.as_u64().unwrap_or(0), id, None)?;
    }
    if let Some(group) = body["placement_group"].as_u64()
        && let Some(list) =
            state.placement_groups.get_mut(&group).and_then(|group| group["servers"].as_array_mut())
    {
        list.push(json!(id));
    }
    let starts = body["start_after_create"] != false;
    let password = keys.is_empty().then(|| project.random.token(20));
    let machine = NewMachine {
        vendor: "hetzner".into(),
        id: id.to_string(),
        name: name.to_owned(),
        service: None,
        user: "root".into(),
        authorized_keys: keys,
        image: image["name"].as_str().unwrap_or_default().to_owned(),
        power: starts,
    };
    let (first, next) = boot(project, &mut state, request.task, id, machine, ipv4);
    let next: Vec<Value> =
        next.iter().filter_map(|id| state.actions.get(id)).map(actions::Action::json).collect();
    let action = state.actions.get(&first).map(actions::Action::json);
    let server = state.servers.get(&id).cloned().unwrap_or_default();
    let body = json!({
        "server": view(&state, &server),
        "action": action,
        "next_actions": next,
        "root_password": password,
    });
    Ok(Reply::json(201, &body).doing("server.create"))
}

/// Starts `create_server` and, where wanted, `start_server` after it.
fn boot(
    project: &Arc<Project>,
    state: &mut State,
    fault: TaskFault,
    id: u64,
    machine: NewMachine,
    ipv4: Ipv4Addr,
) -> (u64, Vec<u64>) {
    let resources = vec![(id, "server")];
    let making = project.random.between(90, 130);
    let starting = project.random.between(20, 40);
    let starts = machine.power;
    let private = state
        .servers
        .get(&id)
        .and_then(|server| server["private_net"].as_array())
        .is_some_and(|nets| !nets.is_empty());
    let first = actions::open(project, state, "create_server", resources.clone(), making);
    let second = starts.then(|| actions::open(project, state, "start_server", resources, making + starting));
    let project = project.clone();
    tokio::spawn(async move {
        project.world.clock.sleep(making).await;
        if fault == TaskFault::Stuck {
            return;
        }
        let set = |status: &str| {
            if let Some(server) = project.state().servers.get_mut(&id) {
                server["status"] = json!(status);
            }
        };
        if fault == TaskFault::Fail {
            set("off");
            let failed = || Err(("action_failed".to_owned(), "Action failed".to_owned()));
            actions::close(&project, first, failed());
            if let Some(second) = second {
                actions::close(&project, second, failed());
            }
            return;
        }
        set(if starts { "starting" } else { "off" });
        let made = project.world.create_machine(machine, ipv4).await;
        project.world.amend(&machine_id(id), |machine| machine.private_network = private);
        let outcome = made.map(|_| ()).map_err(|problem| ("action_failed".to_owned(), problem.to_string()));
        actions::close(&project, first, outcome.clone());
        if let Some(second) = second {
            project.world.clock.sleep(starting).await;
            if outcome.is_ok() {
                set("running");
            }
            actions::close(&project, second, outcome);
        }
    });
    (first, second.into_iter().collect())
}

fn delete(project: &Arc<Project>, request: &Request, id: &str) -> Answer {
    let mut state = project.state();
    let server = find(&mut state.servers, id, "server")?.clone();
    let number = server["id"].as_u64().unwrap_or(0);
    if server["protection"]["delete"] == true {
        return Err(error(423, "protected", "server is protected from deletion"));
    }
    if state.busy("server", number) {
        return Err(error(423, "locked", "an action is already running on this server"));
    }
    if let Some(server) = state.servers.get_mut(&number) {
        server["status"] = json!("deleting");
    }
    let ms = project.random.between(40, 80);
    let action = actions::open(project, &mut state, "delete_server", vec![(number, "server")], ms);
    let reply = actions::answer(&state, action, 200, "server.delete");
    drop(state);
    let inner = project.clone();
    actions::run(project, action, ms, request.task, async move {
        inner.world.destroy_machine(&machine_id(number)).await;
        let mut state = inner.state();
        let State { firewalls, networks, placement_groups, .. } = &mut *state;
        for firewall in firewalls.values_mut() {
            if let Some(list) = firewall["applied_to"].as_array_mut() {
                list.retain(|entry| entry["server"]["id"] != number);
            }
        }
        for holder in networks.values_mut().chain(placement_groups.values_mut()) {
            if let Some(list) = holder["servers"].as_array_mut() {
                list.retain(|held| *held != number);
            }
        }
        primary_ips::release(&mut state, number);
        state.servers.remove(&number);
        inner.note("server", &server, Event::Deleted);
        Ok(())
    });
    Ok(reply)
}
