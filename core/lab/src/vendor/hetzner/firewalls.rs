//! Firewalls and what they are applied to.

use std::sync::Arc;

use serde_json::{Value, json};

use super::state::{Project, State, find, labels_of, now, rename, used};
use super::{Answer, actions, body, error, invalid, labels, paging, ssh_keys, taken};
use crate::books::Event;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;

/// `/firewalls…`.
pub(super) fn route(project: &Arc<Project>, request: &Request, path: &[&str]) -> Answer {
    match (request.method.as_str(), &path[1..]) {
        ("GET", []) => {
            let firewalls = project.state().firewalls.values().cloned().collect();
            paging::list(request, "firewalls", firewalls)
        }
        ("POST", []) => create(project, request),
        ("GET", rest) if rest.contains(&"actions") => actions::of_kind(project, request, "firewall", rest),
        ("GET", [id]) => {
            let firewall = find(&mut project.state().firewalls, id, "firewall")?.clone();
            Ok(Reply::json(200, &json!({"firewall": firewall})).doing("firewall.read"))
        }
        ("PUT", [id]) => {
            let body = body(project, request, "hetzner/rename", ssh_keys::rename_rule)?;
            let firewall = rename(&mut project.state().firewalls, id, "firewall", &body)?;
            project.note("firewall", &firewall, Event::Changed);
            Ok(Reply::json(200, &json!({"firewall": firewall})).doing("firewall.update"))
        }
        ("DELETE", [id]) => {
            let mut state = project.state();
            let firewall = find(&mut state.firewalls, id, "firewall")?.clone();
            if firewall["applied_to"].as_array().is_some_and(|applied| !applied.is_empty()) {
                return Err(error(
                    422,
                    "resource_in_use",
                    &format!("firewall with ID '{id}' is still in use"),
                ));
            }
            state.firewalls.remove(&firewall["id"].as_u64().unwrap_or(0));
            project.note("firewall", &firewall, Event::Deleted);
            Ok(Reply::empty(204).doing("firewall.delete"))
        }
        ("POST", [id, "actions", "set_rules"]) => set_rules(project, request, id),
        ("POST", [id, "actions", "apply_to_resources"]) => apply(project, request, id, true),
        ("POST", [id, "actions", "remove_from_resources"]) => apply(project, request, id, false),
        _ => Err(error(405, "method_not_allowed", "method not allowed")),
    }
}

fn rules_rule() -> Value {
    rules::list(
        rules::object(
            &["direction", "protocol"],
            json!({
                "direction": rules::word(&["in", "out"]),
                "protocol": rules::word(&["tcp", "udp", "icmp", "esp", "gre"]),
                "port": {"type": ["string", "null"]},
                "source_ips": rules::list(rules::text(), 100),
                "destination_ips": rules::list(rules::text(), 100),
                "description": {"type": ["string", "null"], "maxLength": 255},
            }),
        ),
        50,
    )
}

fn resources_rule() -> Value {
    rules::list(
        rules::object(
            &["type"],
            json!({
                "type": rules::word(&["server", "label_selector"]),
                "server": rules::object(&["id"], json!({"id": {"type": "integer"}})),
                "label_selector": rules::object(&["selector"], json!({"selector": rules::text()})),
            }),
        ),
        100,
    )
}

fn create(project: &Arc<Project>, request: &Request) -> Answer {
    let body = body(project, request, "hetzner/firewall.create", || {
        rules::object(
            &["name"],
            json!({
                "name": {"type": "string", "minLength": 1, "maxLength": 128},
                "labels": labels::rule(),
                "rules": rules_rule(),
                "apply_to": resources_rule(),
            }),
        )
    })?;
    let filled = fill(&body["rules"])?;
    let mut state = project.state();
    if used(&state.firewalls, body["name"].as_str().unwrap_or_default(), None) {
        return Err(taken("firewall with the same name", "name"));
    }
    let targets = targets(&mut state, &body["apply_to"])?;
    let id = state.id();
    let firewall = json!({
        "id": id,
        "name": body["name"],
        "labels": labels_of(&body),
        "created": now(),
        "rules": filled,
        "applied_to": [],
    });
    state.firewalls.insert(id, firewall.clone());
    project.note("firewall", &firewall, Event::Created);
    let mut started =
        vec![actions::simple(project, &mut state, request, "set_firewall_rules", vec![(id, "firewall")])];
    for server in targets {
        attach(&mut state, id, server);
        started.push(actions::simple(
            project,
            &mut state,
            request,
            "apply_firewall",
            vec![(server, "server"), (id, "firewall")],
        ));
    }
    let firewall = state.firewalls.get(&id).cloned().unwrap_or_default();
    let reply = actions::answer_all(&state, &started, "firewall.create");
    let mut whole: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    whole["firewall"] = firewall;
    Ok(Reply::json(201, &whole).doing("firewall.create"))
}

fn set_rules(project: &Arc<Project>, request: &Request, id: &str) -> Answer {
    let body = body(project, request, "hetzner/firewall.rules", || {
        rules::object(&["rules"], json!({"rules": rules_rule()}))
    })?;
    let filled = fill(&body["rules"])?;
    let mut state = project.state();
    let firewall = find(&mut state.firewalls, id, "firewall")?;
    firewall["rules"] = filled;
    let firewall = firewall.clone();
    project.note("firewall", &firewall, Event::Changed);
    let number = firewall["id"].as_u64().unwrap_or(0);
    let mut started =
        vec![actions::simple(project, &mut state, request, "set_firewall_rules", vec![(number, "firewall")])];
    for server in applied(&firewall) {
        started.push(actions::simple(
            project,
            &mut state,
            request,
            "apply_firewall",
            vec![(server, "server"), (number, "firewall")],
        ));
    }
    Ok(actions::answer_all(&state, &started, "firewall.rules"))
}

fn apply(project: &Arc<Project>, request: &Request, id: &str, put: bool) -> Answer {
    let (key, rule) =
        if put { ("apply_to", "hetzner/firewall.apply") } else { ("remove_from", "hetzner/firewall.remove") };
    let body = body(project, request, rule, || rules::object(&[key], json!({key: resources_rule()})))?;
    let mut state = project.state();
    let firewall = find(&mut state.firewalls, id, "firewall")?.clone();
    let number = firewall["id"].as_u64().unwrap_or(0);
    let servers = targets(&mut state, &body[key])?;
    let mut started = Vec::new();
    for server in servers {
        let here = applied(&firewall).contains(&server);
        if put && here {
            return Err(error(422, "firewall_already_applied", "firewall is already applied"));
        }
        if !put && !here {
            return Err(error(422, "firewall_already_removed", "firewall is already removed"));
        }
        let command = if put {
            attach(&mut state, number, server);
            "apply_firewall"
        } else {
            detach(&mut state, number, server);
            "remove_firewall"
        };
        let resources = vec![(server, "server"), (number, "firewall")];
        started.push(actions::simple(project, &mut state, request, command, resources));
    }
    Ok(actions::answer_all(&state, &started, if put { "firewall.apply" } else { "firewall.remove" }))
}

/// Servers named in a list of resources.
fn targets(state: &mut State, resources: &Value) -> Result<Vec<u64>, Reply> {
    let mut found = Vec::new();
    for resource in resources.as_array().into_iter().flatten() {
        if let Some(id) = resource["server"]["id"].as_u64() {
            find(&mut state.servers, &id.to_string(), "server")?;
            found.push(id);
        } else if let Some(selector) = resource["label_selector"]["selector"].as_str() {
            for (id, server) in &state.servers {
                let fits = labels::select(selector, &server["labels"])
                    .map_err(|message| invalid("apply_to.label_selector", &message))?;
                if fits {
                    found.push(*id);
                }
            }
        } else {
            return Err(invalid("apply_to", "names no resource"));
        }
    }
    Ok(found)
}

/// Servers a firewall is applied to.
fn applied(firewall: &Value) -> Vec<u64> {
    let list = firewall["applied_to"].as_array();
    list.into_iter().flatten().filter_map(|entry| entry["server"]["id"].as_u64()).collect()
}

/// Applies a firewall to a server, on both sides.
pub(super) fn attach(state: &mut State, firewall: u64, server: u64) {
    if let Some(Value::Array(list)) = state.firewalls.get_mut(&firewall).map(|found| &mut found["applied_to"])
    {
        list.push(json!({"type": "server", "server": {"id": server}}));
    }
    if let Some(Value::Array(list)) =
        state.servers.get_mut(&server).map(|found| &mut found["public_net"]["firewalls"])
    {
        list.push(json!({"id": firewall, "status": "applied"}));
    }
}

/// Takes a firewall off a server, on both sides.
pub(super) fn detach(state: &mut State, firewall: u64, server: u64) {
    if let Some(Value::Array(list)) = state.firewalls.get_mut(&firewall).map(|found| &mut found["applied_to"])
    {
        list.retain(|entry| entry["server"]["id"] != server);
    }
    if let Some(Value::Array(list)) =
        state.servers.get_mut(&server).map(|found| &mut found["public_net"]["firewalls"])
    {
        list.retain(|entry| entry["id"] != firewall);
    }
}

/// Rules with every field present, or what is wrong with them.
fn fill(given: &Value) -> Result<Value, Reply> {
    let mut filled = Vec::new();
    for (at, rule) in given.as_array().into_iter().flatten().enumerate() {
        let field = |name: &str| format!("rules.{at}.{name}");
        let ported = matches!(rule["protocol"].as_str(), Some("tcp" | "udp"));
        let port = rule["port"].as_str();
        match port {
            None if ported => return Err(invalid(&field("port"), "is required for tcp and udp")),
            Some(_) if !ported => {
                return Err(invalid(&field("port"), "is only allowed for tcp and udp"));
            }
            Some(port) if !is_port(port) => {
                return Err(invalid(&field("port"), "is not a port or a range of ports"));
            }
            _ => {}
        }
        let inward = rule["direction"] == "in";
        let (used, other) =
            if inward { ("source_ips", "destination_ips") } else { ("destination_ips", "source_ips") };
        let networks = rule[used].as_array().cloned().unwrap_or_default();
        if networks.is_empty() {
            return Err(invalid(&field(used), "must have at least one network"));
        }
        if rule[other].as_array().is_some_and(|list| !list.is_empty()) {
            return Err(invalid(&field(other), "is not allowed in this direction"));
        }
        if let Some(bad) = networks.iter().find(|network| !is_network(network)) {
            return Err(invalid(&field(used), &format!("{bad} is not a network")));
        }
        filled.push(json!({
            "description": rule.get("description").cloned().unwrap_or(Value::Null),
            "direction": rule["direction"],
            "source_ips": rule.get("source_ips").cloned().unwrap_or(json!([])),
            "destination_ips": rule.get("destination_ips").cloned().unwrap_or(json!([])),
            "protocol": rule["protocol"],
            "port": port,
        }));
    }
    Ok(Value::Array(filled))
}

fn is_port(text: &str) -> bool {
    if text == "any" {
        return true;
    }
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    match (low.parse::<u16>(), high.parse::<u16>()) {
        (Ok(low), Ok(high)) => low >= 1 && low <= high,
        _ => false,
    }
}

fn is_network(value: &Value) -> bool {
    let Some((address, length)) = value.as_str().and_then(|text| text.split_once('/')) else {
        return false;
    };
    match (address.parse::<std::net::IpAddr>(), length.parse::<u8>()) {
        (Ok(std::net::IpAddr::V4(_)), Ok(length)) => length <= 32,
        (Ok(std::net::IpAddr::V6(_)), Ok(length)) => length <= 128,
        _ => false,
    }
}
