//! A server as the vendor tells it.

use honey_sdk::{Context, State, Value, set};

use super::machine::{Desired, Machine, Outputs};
use crate::api::{Collection, Found};

/// All servers of the project.
pub(crate) const SERVERS: Collection = Collection { path: "/servers", many: "servers", one: "server" };

/// Ids of the firewalls in front of it.
pub(super) fn firewalls(server: &Found) -> Vec<u64> {
    numbers(&server.0["public_net"]["firewalls"], "id")
}

/// Ids of the networks it is in.
pub(super) fn networks(server: &Found) -> Vec<u64> {
    numbers(&server.0["private_net"], "network")
}

fn numbers(list: &Value, field: &str) -> Vec<u64> {
    list.as_array().into_iter().flatten().filter_map(|entry| entry[field].as_u64()).collect()
}

/// Whether the vendor is done with it.
pub(super) fn is_settled(server: &Found) -> bool {
    server.0["locked"] != true && matches!(server.0["status"].as_str(), Some("running" | "off"))
}

/// Where it is: `location`, and before July 2026 within a datacenter.
pub(super) fn region(object: &Value) -> Option<String> {
    let places = [&object["location"]["name"], &object["datacenter"]["location"]["name"]];
    places.into_iter().find_map(Value::as_str).map(str::to_owned)
}

/// In the shapes of the kind. `desired` decides only how the same thing is
/// called: an image has a name and an id, and deleted ones have neither.
pub(super) fn state(ctx: Context, found: &Found, desired: Option<&Desired>) -> State<Machine> {
    let server = &found.0;
    let asked = desired.map(|desired| desired.image.as_str()).unwrap_or_default();
    let image = &server["image"];
    let image = match (image["id"].as_u64(), image["name"].as_str()) {
        (Some(id), _) if id.to_string() == asked => asked.to_owned(),
        (_, Some(name)) => name.to_owned(),
        (Some(id), None) => id.to_string(),
        (None, None) => asked.to_owned(),
    };
    let address = |version: &str| server["public_net"][version]["ip"].as_str();
    let own = |version: &str| server["public_net"][version]["id"].as_u64().map(|id| id.to_string());
    let nets = server["private_net"].as_array();
    let private_ipv4 =
        nets.and_then(|nets| nets.iter().find_map(|net| net["ip"].as_str())).map(str::to_owned);
    let firewalls = set::normal(firewalls(found).iter().map(u64::to_string).collect());
    State {
        id: found.id(),
        ownership: found.ownership(ctx),
        outputs: Outputs {
            id: found.id(),
            name: found.text("name"),
            ipv4: address("ipv4").map(str::to_owned),
            ipv6: address("ipv6").map(first_of),
            private_network: private_ipv4.is_some(),
            private_ipv4,
            user: "root".to_owned(),
            ssh_port: None,
            host_keys: Vec::new(),
            vendor_firewall: !firewalls.is_empty(),
        },
        attributes: Desired {
            name: found.text("name"),
            size: server["server_type"]["name"].as_str().unwrap_or_default().to_owned(),
            image,
            region: region(server),
            firewalls: Some(firewalls),
            placement_group: server["placement_group"]["id"].as_u64().map(|id| id.to_string()),
            network: networks(found).first().map(u64::to_string),
            labels: Some(found.other_labels()),
            ipv4: Some(address("ipv4").is_some()),
            ipv6: Some(address("ipv6").is_some()),
            primary_ipv4: own("ipv4"),
            primary_ipv6: own("ipv6"),
            ssh_keys: desired.and_then(|desired| desired.ssh_keys.clone()),
            user_data: desired.and_then(|desired| desired.user_data.clone()),
        },
    }
}

/// The vendor's images take the first address of the network.
fn first_of(network: &str) -> String {
    let start = network.split('/').next().unwrap_or(network);
    if start.ends_with("::") { format!("{start}1") } else { start.to_owned() }
}
