//! Private networks with their subnets.

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::state::{Project, State, find, labels_of, now, rename, used};
use super::{Answer, actions, body, error, invalid, labels, paging, ssh_keys, taken};
use crate::books::Event;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;

/// `/networks…`.
pub(super) fn route(project: &Arc<Project>, request: &Request, path: &[&str]) -> Answer {
    match (request.method.as_str(), &path[1..]) {
        ("GET", []) => {
            let networks = project.state().networks.values().cloned().collect();
            paging::list(request, "networks", networks)
        }
        ("POST", []) => create(project, request),
        ("GET", rest) if rest.contains(&"actions") => actions::of_kind(project, request, "network", rest),
        ("GET", [id]) => {
            let network = find(&mut project.state().networks, id, "network")?.clone();
            Ok(Reply::json(200, &json!({"network": network})).doing("network.read"))
        }
        ("PUT", [id]) => {
            let body = body(project, request, "hetzner/rename", ssh_keys::rename_rule)?;
            let network = rename(&mut project.state().networks, id, "network", &body)?;
            project.note("network", &network, Event::Changed);
            Ok(Reply::json(200, &json!({"network": network})).doing("network.update"))
        }
        ("DELETE", [id]) => {
            let mut state = project.state();
            let network = find(&mut state.networks, id, "network")?.clone();
            let number = network["id"].as_u64().unwrap_or(0);
            let used = state.servers.values().any(|server| on(server, number));
            if used {
                return Err(error(422, "resource_in_use", "network still has servers"));
            }
            state.networks.remove(&number);
            project.note("network", &network, Event::Deleted);
            Ok(Reply::empty(204).doing("network.delete"))
        }
        ("POST", [id, "actions", "add_subnet"]) => add_subnet(project, request, id),
        _ => Err(error(405, "method_not_allowed", "method not allowed")),
    }
}

fn subnet_rule() -> Value {
    rules::object(
        &["type", "network_zone"],
        json!({
            "type": rules::word(&["cloud", "server", "vswitch"]),
            "network_zone": rules::text(),
            "ip_range": rules::text(),
            "vswitch_id": {"type": "integer"},
        }),
    )
}

fn create(project: &Arc<Project>, request: &Request) -> Answer {
    let body = body(project, request, "hetzner/network.create", || {
        rules::object(
            &["name", "ip_range"],
            json!({
                "name": rules::text(),
                "ip_range": rules::text(),
                "labels": labels::rule(),
                "subnets": rules::list(subnet_rule(), 50),
                "routes": rules::list(
                    rules::object(
                        &["destination", "gateway"],
                        json!({"destination": rules::text(), "gateway": rules::text()}),
                    ),
                    100,
                ),
                "expose_routes_to_vswitch": {"type": "boolean"},
            }),
        )
    })?;
    let range = body["ip_range"].as_str().unwrap_or_default();
    if base(range).is_none() {
        return Err(invalid("ip_range", "is not a private IPv4 network"));
    }
    let mut state = project.state();
    if used(&state.networks, body["name"].as_str().unwrap_or_default(), None) {
        return Err(taken("network with the same name", "name"));
    }
    let mut subnets = Vec::new();
    for (at, subnet) in body["subnets"].as_array().into_iter().flatten().enumerate() {
        let Some(filled) = fill(subnet, range) else {
            return Err(invalid(&format!("subnets.{at}.ip_range"), "is not a network"));
        };
        subnets.push(filled);
    }
    let id = state.id();
    let network = json!({
        "id": id,
        "name": body["name"],
        "ip_range": range,
        "subnets": subnets,
        "routes": body.get("routes").cloned().unwrap_or(json!([])),
        "servers": [],
        "load_balancers": [],
        "protection": {"delete": false},
        "labels": labels_of(&body),
        "created": now(),
        "expose_routes_to_vswitch": body["expose_routes_to_vswitch"] == true,
    });
    state.networks.insert(id, network.clone());
    project.note("network", &network, Event::Created);
    Ok(Reply::json(201, &json!({"network": network})).doing("network.create"))
}

fn fill(subnet: &Value, range: &str) -> Option<Value> {
    let range = subnet["ip_range"].as_str().unwrap_or(range);
    let base = base(range)?;
    let gateway = Ipv4Addr::from(u32::from(base) + 1);
    Some(json!({
        "type": subnet["type"],
        "ip_range": range,
        "network_zone": subnet["network_zone"],
        "gateway": gateway.to_string(),
        "vswitch_id": subnet.get("vswitch_id").cloned().unwrap_or(Value::Null),
    }))
}

fn base(range: &str) -> Option<Ipv4Addr> {
    let (address, length) = range.split_once('/')?;
    let address: Ipv4Addr = address.parse().ok()?;
    let length: u8 = length.parse().ok()?;
    (address.is_private() && (8..=30).contains(&length)).then_some(address)
}

fn add_subnet(project: &Arc<Project>, request: &Request, id: &str) -> Answer {
    let body = body(project, request, "hetzner/network.subnet", subnet_rule)?;
    let mut state = project.state();
    let network = find(&mut state.networks, id, "network")?;
    let range = network["ip_range"].as_str().unwrap_or_default().to_owned();
    let filled = fill(&body, &range).ok_or_else(|| invalid("ip_range", "is not a network"))?;
    if let Some(list) = network["subnets"].as_array_mut() {
        list.push(filled);
    }
    let number = network["id"].as_u64().unwrap_or(0);
    let started = actions::simple(project, &mut state, request, "add_subnet", vec![(number, "network")]);
    Ok(actions::answer(&state, started, 201, "network.add-subnet"))
}

/// Whether a server is on a network.
fn on(server: &Value, network: u64) -> bool {
    let nets = server["private_net"].as_array();
    nets.into_iter().flatten().any(|net| net["network"] == network)
}

/// Attaches a server and gives it the next address; the reason when it cannot.
pub(super) fn attach(
    project: &Project,
    state: &mut State,
    network: u64,
    server: u64,
    wanted: Option<&str>,
) -> Result<(), Reply> {
    let found = find(&mut state.networks, &network.to_string(), "network")?.clone();
    if state.servers.get(&server).is_some_and(|found| on(found, network)) {
        return Err(error(422, "server_already_attached", "server is already attached"));
    }
    let Some(range) = found["subnets"][0]["ip_range"].as_str() else {
        return Err(error(422, "no_subnet_available", "network has no subnet"));
    };
    let first = base(range).map_or(0, u32::from);
    let held = found["servers"].as_array().map_or(0, Vec::len);
    let offset = u32::try_from(held).unwrap_or(0) + 2;
    let ip = wanted.map_or_else(|| Ipv4Addr::from(first + offset).to_string(), str::to_owned);
    if let Some(list) = state.networks.get_mut(&network).and_then(|found| found["servers"].as_array_mut()) {
        list.push(json!(server));
    }
    if let Some(list) = state.servers.get_mut(&server).and_then(|found| found["private_net"].as_array_mut()) {
        list.push(json!({
            "network": network,
            "ip": ip,
            "alias_ips": [],
            "mac_address": format!("86:00:00:{}:{}:{}", project.random.hex(2), project.random.hex(2), project.random.hex(2)),
        }));
    }
    Ok(())
}

/// Takes a server off a network.
pub(super) fn detach(state: &mut State, network: u64, server: u64) {
    if let Some(list) = state.networks.get_mut(&network).and_then(|found| found["servers"].as_array_mut()) {
        list.retain(|id| *id != server);
    }
    if let Some(list) = state.servers.get_mut(&server).and_then(|found| found["private_net"].as_array_mut()) {
        list.retain(|net| net["network"] != network);
    }
}
