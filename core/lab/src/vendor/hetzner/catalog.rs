//! What can be had and for how much: locations, server types, images, prices.

use std::sync::Arc;

use serde_json::{Value, json};

use super::state::Project;
use super::{Answer, error, paging};
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;

/// Name, city, country, zone and place of each location.
const LOCATIONS: [(u64, &str, &str, &str, &str, f64, f64); 6] = [
    (1, "fsn1", "Falkenstein", "DE", "eu-central", 50.47612, 12.370_071),
    (2, "nbg1", "Nuremberg", "DE", "eu-central", 49.452_102, 11.076_665),
    (3, "hel1", "Helsinki", "FI", "eu-central", 60.169_855, 24.938_379),
    (4, "ash", "Ashburn, VA", "US", "us-east", 39.045_821, -77.487_073),
    (5, "hil", "Hillsboro, OR", "US", "us-west", 45.54222, -122.951_924),
    (6, "sin", "Singapore", "SG", "ap-southeast", 1.283_333, 103.833_333),
];

/// Id, name, cores, memory, disk, architecture, hourly and monthly net price.
type Type = (u64, &'static str, u64, u64, u64, &'static str, &'static str, &'static str);

/// Server types on sale.
const TYPES: [Type; 8] = [
    (104, "cx22", 2, 4, 40, "x86", "0.0060000000", "3.7900000000"),
    (105, "cx32", 4, 8, 80, "x86", "0.0110000000", "6.8000000000"),
    (106, "cx42", 8, 16, 160, "x86", "0.0260000000", "16.4000000000"),
    (22, "cpx11", 2, 2, 40, "x86", "0.0070000000", "4.3500000000"),
    (23, "cpx21", 3, 4, 80, "x86", "0.0120000000", "7.5500000000"),
    (24, "cpx31", 4, 8, 160, "x86", "0.0210000000", "13.1000000000"),
    (45, "cax11", 2, 4, 40, "arm", "0.0060000000", "3.7900000000"),
    (93, "cax21", 4, 8, 80, "arm", "0.0100000000", "6.4900000000"),
];

/// Id, name, flavour, version, architecture.
const IMAGES: [(u64, &str, &str, &str, &str); 6] = [
    (161_547_269, "ubuntu-24.04", "ubuntu", "24.04", "x86"),
    (161_547_270, "ubuntu-24.04", "ubuntu", "24.04", "arm"),
    (67_794_396, "ubuntu-22.04", "ubuntu", "22.04", "x86"),
    (103_908_130, "ubuntu-22.04", "ubuntu", "22.04", "arm"),
    (114_690_387, "debian-12", "debian", "12", "x86"),
    (114_690_389, "debian-12", "debian", "12", "arm"),
];

/// Catalogue routes.
pub(super) fn route(_project: &Arc<Project>, request: &Request, path: &[&str]) -> Answer {
    if request.method != "GET" {
        return Err(error(405, "method_not_allowed", "method not allowed"));
    }
    match path {
        ["datacenters", ..] => {
            Err(error(410, "deprecated_api_endpoint", "the datacenters endpoint was removed, use locations"))
        }
        ["pricing"] => Ok(Reply::json(200, &json!({"pricing": pricing()})).doing("pricing.read")),
        ["locations"] => paging::list(request, "locations", locations()),
        ["locations", id] => one(&locations(), id, "location"),
        ["server_types"] => paging::list(request, "server_types", types()),
        ["server_types", id] => one(&types(), id, "server_type"),
        ["images"] => {
            let mut found = images();
            for key in ["architecture", "type"] {
                let wanted: Vec<&str> = request.queries(key).collect();
                if !wanted.is_empty() {
                    found.retain(|image| wanted.iter().any(|word| image[key] == *word));
                }
            }
            paging::list(request, "images", found)
        }
        ["images", id] => one(&images(), id, "image"),
        _ => Err(error(404, "not_found", "api route not found")),
    }
}

fn one(items: &[Value], id: &str, key: &str) -> Answer {
    match items.iter().find(|item| item["id"].as_u64() == id.parse().ok()) {
        Some(item) => Ok(Reply::json(200, &json!({key: item})).doing(&format!("{key}.read"))),
        None => Err(error(404, "not_found", &format!("{key} with ID '{id}' not found"))),
    }
}

/// Every location.
pub(super) fn locations() -> Vec<Value> {
    LOCATIONS
        .iter()
        .map(|(id, name, city, country, zone, latitude, longitude)| {
            json!({
                "id": id,
                "name": name,
                "description": format!("{city} DC Park 1"),
                "country": country,
                "city": city,
                "latitude": latitude,
                "longitude": longitude,
                "network_zone": zone,
            })
        })
        .collect()
}

/// Whether a type is sold at a location.
pub(super) fn available(server_type: &str, location: &str) -> bool {
    match location {
        "fsn1" | "nbg1" | "hel1" => true,
        _ => server_type.starts_with("cpx"),
    }
}

fn money(net: &str) -> Value {
    let value: f64 = net.parse().unwrap_or(0.0);
    json!({"net": net, "gross": format!("{:.16}", value * 1.19)})
}

fn prices(hourly: &str, monthly: &str, server_type: &str) -> Vec<Value> {
    LOCATIONS
        .iter()
        .filter(|place| available(server_type, place.1))
        .map(|place| {
            json!({
                "location": place.1,
                "price_hourly": money(hourly),
                "price_monthly": money(monthly),
                "included_traffic": 21_990_232_555_520_u64,
                "price_per_tb_traffic": money("1.0000000000"),
            })
        })
        .collect()
}

/// Every server type.
pub(super) fn types() -> Vec<Value> {
    TYPES
        .iter()
        .map(|(id, name, cores, memory, disk, architecture, hourly, monthly)| {
            let places: Vec<Value> = LOCATIONS
                .iter()
                .map(|place| {
                    let available = available(name, place.1);
                    json!({
                        "id": place.0,
                        "name": place.1,
                        "deprecation": null,
                        "available": available,
                        "recommended": available,
                    })
                })
                .collect();
            json!({
                "id": id,
                "name": name,
                "description": name.to_uppercase(),
                "cores": cores,
                "memory": memory,
                "disk": disk,
                "deprecated": false,
                "deprecation": null,
                "prices": prices(hourly, monthly, name),
                "storage_type": "local",
                "cpu_type": "shared",
                "category": "cost_optimized",
                "architecture": architecture,
                "locations": places,
            })
        })
        .collect()
}

/// Every image.
pub(super) fn images() -> Vec<Value> {
    IMAGES
        .iter()
        .map(|(id, name, flavor, version, architecture)| {
            json!({
                "id": id,
                "type": "system",
                "status": "available",
                "name": name,
                "description": format!("{flavor} {version}"),
                "image_size": null,
                "disk_size": 5,
                "created": "2024-04-25T13:26:27Z",
                "created_from": null,
                "bound_to": null,
                "os_flavor": flavor,
                "os_version": version,
                "rapid_deploy": true,
                "protection": {"delete": false},
                "deprecated": null,
                "deleted": null,
                "labels": {},
                "architecture": architecture,
            })
        })
        .collect()
}

fn pricing() -> Value {
    let both = |price: &str| -> Vec<Value> {
        ["ipv4", "ipv6"]
            .iter()
            .map(|kind| {
                let net = if *kind == "ipv4" { price } else { "0.0000000000" };
                let places: Vec<Value> = LOCATIONS
                    .iter()
                    .map(|place| {
                        json!({
                            "location": place.1,
                            "price_hourly": money("0.0008000000"),
                            "price_monthly": money(net),
                        })
                    })
                    .collect();
                json!({"type": kind, "prices": places})
            })
            .collect()
    };
    let server_types: Vec<Value> = TYPES
        .iter()
        .map(|kind| json!({"id": kind.0, "name": kind.1, "prices": prices(kind.6, kind.7, kind.1)}))
        .collect();
    json!({
        "currency": "EUR",
        "vat_rate": "19.000000",
        "primary_ips": both("0.5000000000"),
        "floating_ips": both("3.0000000000"),
        "image": {"price_per_gb_month": money("0.0110000000")},
        "volume": {"price_per_gb_month": money("0.0440000000")},
        "server_backup": {"percentage": "20.0000000000"},
        "server_types": server_types,
        "load_balancer_types": [],
        "floating_ip": {"price_monthly": money("3.0000000000")},
    })
}
