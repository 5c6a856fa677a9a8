//! Primary IPs: those made for a server, and those that stand by themselves.

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::state::{Project, State, find, labels_of, now, rename, used};
use super::{Answer, actions, body, catalog, error, invalid, labels, paging, taken};
use crate::books::Event;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;

/// `/primary_ips…`.
pub(super) fn route(project: &Arc<Project>, request: &Request, path: &[&str]) -> Answer {
    match (request.method.as_str(), &path[1..]) {
        ("GET", []) => {
            let mut found: Vec<Value> = project.state().primary_ips.values().cloned().collect();
            if let Some(ip) = request.query("ip") {
                found.retain(|address| address["ip"] == ip);
            }
            paging::list(request, "primary_ips", found)
        }
        ("POST", []) => create(project, request),
        ("GET", rest) if rest.contains(&"actions") => actions::of_kind(project, request, "primary_ip", rest),
        ("GET", [id]) => {
            let address = find(&mut project.state().primary_ips, id, "primary IP")?.clone();
            Ok(Reply::json(200, &json!({"primary_ip": address})).doing("primary-ip.read"))
        }
        ("PUT", [id]) => {
            let body = body(project, request, "hetzner/primary-ip.update", || {
                rules::object(
                    &[],
                    json!({
                        "name": rules::text(),
                        "labels": labels::rule(),
                        "auto_delete": {"type": "boolean"},
                    }),
                )
            })?;
            let mut state = project.state();
            rename(&mut state.primary_ips, id, "primary IP", &body)?;
            let address = find(&mut state.primary_ips, id, "primary IP")?;
            if let Some(auto_delete) = body.get("auto_delete") {
                address["auto_delete"] = auto_delete.clone();
            }
            let address = address.clone();
            project.note("primary-ip", &address, Event::Changed);
            Ok(Reply::json(200, &json!({"primary_ip": address})).doing("primary-ip.update"))
        }
        ("DELETE", [id]) => {
            let mut state = project.state();
            let address = find(&mut state.primary_ips, id, "primary IP")?.clone();
            if address["protection"]["delete"] == true {
                return Err(error(423, "protected", "primary IP is protected from deletion"));
            }
            if !address["assignee_id"].is_null() {
                return Err(error(422, "must_be_unassigned", "the primary IP is still assigned"));
            }
            state.primary_ips.remove(&address["id"].as_u64().unwrap_or(0));
            project.note("primary-ip", &address, Event::Deleted);
            Ok(Reply::empty(204).doing("primary-ip.delete"))
        }
        ("POST", [id, "actions", "change_dns_ptr"]) => change_dns_ptr(project, request, id),
        _ => Err(error(405, "method_not_allowed", "method not allowed")),
    }
}

fn create(project: &Arc<Project>, request: &Request) -> Answer {
    let body = body(project, request, "hetzner/primary-ip.create", || {
        rules::object(
            &["name", "type"],
            json!({
                "name": rules::text(),
                "type": rules::word(&["ipv4", "ipv6"]),
                "labels": labels::rule(),
                "location": rules::text(),
                "assignee_type": rules::word(&["server", "unassigned"]),
                "assignee_id": {"type": ["integer", "null"]},
                "auto_delete": {"type": "boolean"},
            }),
        )
    })?;
    if !body["assignee_id"].is_null() {
        return Err(error(422, "server_not_stopped", "the server must be off for this"));
    }
    let wanted = body["location"].as_str().unwrap_or_default();
    let Some(location) = catalog::locations().into_iter().find(|location| location["name"] == wanted) else {
        return Err(invalid("location", &format!("location '{wanted}' does not exist")));
    };
    let ipv4 = project
        .world
        .reserve_address()
        .map_err(|problem| error(412, "resource_unavailable", &problem.to_string()))?;
    let mut state = project.state();
    if used(&state.primary_ips, body["name"].as_str().unwrap_or_default(), None) {
        return Err(taken("primary IP with the same name", "name"));
    }
    let made = New {
        name: body["name"].as_str().unwrap_or_default().to_owned(),
        version: body["type"].as_str().unwrap_or_default(),
        ipv4,
        location,
        server: None,
        labels: labels_of(&body),
        auto_delete: body["auto_delete"] == true,
    };
    let address = made.into(&mut state);
    project.note("primary-ip", &address, Event::Created);
    Ok(Reply::json(201, &json!({"primary_ip": address})).doing("primary-ip.create"))
}

/// An address that is made.
pub(super) struct New<'a> {
    pub(super) name: String,
    pub(super) version: &'a str,
    /// The address itself, or what the network is derived from.
    pub(super) ipv4: Ipv4Addr,
    pub(super) location: Value,
    pub(super) server: Option<u64>,
    pub(super) labels: Value,
    pub(super) auto_delete: bool,
}

impl New<'_> {
    pub(super) fn into(self, state: &mut State) -> Value {
        let octets = self.ipv4.octets();
        let ip = if self.version == "ipv4" {
            self.ipv4.to_string()
        } else {
            let third = u16::from(octets[1]) << 8 | u16::from(octets[2]);
            format!("2001:db8:{third:x}:{:x}::/64", octets[3])
        };
        let dashed = ip.replace('.', "-");
        let names = if self.version == "ipv4" {
            json!([{"ip": ip, "dns_ptr": format!("static.{dashed}.clients.your-server.de")}])
        } else {
            json!([])
        };
        let id = state.id();
        let address = json!({
            "id": id,
            "name": if self.name.is_empty() { format!("primary_ip-{id}") } else { self.name },
            "ip": ip,
            "type": self.version,
            "location": self.location,
            "labels": self.labels,
            "created": now(),
            "blocked": false,
            "dns_ptr": names,
            "protection": {"delete": false},
            "assignee_id": self.server,
            "assignee_type": "server",
            "auto_delete": self.auto_delete,
        });
        state.primary_ips.insert(id, address.clone());
        address
    }
}

/// An address of one's own that a new server is to have.
pub(super) fn wanted(
    state: &mut State,
    id: &Value,
    version: &str,
    location: &Value,
) -> Result<Option<Value>, Reply> {
    if id.is_null() {
        return Ok(None);
    }
    let field = format!("public_net.{version}");
    let address = find(&mut state.primary_ips, &id.to_string(), "primary IP")?.clone();
    if address["type"] != version {
        return Err(invalid(&field, "the primary IP is of the other type"));
    }
    if address["location"]["name"] != location["name"] {
        return Err(invalid(&field, "the primary IP is in another location"));
    }
    if !address["assignee_id"].is_null() {
        return Err(error(422, "primary_ip_assigned", "the primary IP is assigned already"));
    }
    Ok(Some(address))
}

/// What a server shows of its address.
pub(super) fn of_server(address: &Value) -> Value {
    let names = &address["dns_ptr"];
    let shown = if address["type"] == "ipv4" { names[0]["dns_ptr"].clone() } else { names.clone() };
    json!({"id": address["id"], "ip": address["ip"], "blocked": false, "dns_ptr": shown})
}

/// Gives addresses back when their server is gone.
pub(super) fn release(state: &mut State, server: u64) {
    state.primary_ips.retain(|_, address| address["assignee_id"] != server || address["auto_delete"] != true);
    for address in state.primary_ips.values_mut().filter(|address| address["assignee_id"] == server) {
        address["assignee_id"] = Value::Null;
    }
}

fn change_dns_ptr(project: &Arc<Project>, request: &Request, id: &str) -> Answer {
    let body = body(project, request, "hetzner/primary-ip.dns", || {
        rules::object(
            &["ip", "dns_ptr"],
            json!({"ip": rules::text(), "dns_ptr": {"type": ["string", "null"]}}),
        )
    })?;
    let mut state = project.state();
    let address = find(&mut state.primary_ips, id, "primary IP")?;
    if address["type"] == "ipv4" && address["ip"] != body["ip"] {
        return Err(invalid("ip", "is not an address of this primary IP"));
    }
    let number = address["id"].as_u64().unwrap_or(0);
    if let Some(names) = address["dns_ptr"].as_array_mut() {
        names.retain(|name| name["ip"] != body["ip"]);
        names.push(json!({"ip": body["ip"], "dns_ptr": body["dns_ptr"]}));
    }
    let address = address.clone();
    project.note("primary-ip", &address, Event::Changed);
    let resources = vec![(number, "primary_ip")];
    let action = actions::simple(project, &mut state, request, "change_dns_ptr", resources);
    Ok(actions::answer(&state, action, 201, "primary-ip.dns"))
}
