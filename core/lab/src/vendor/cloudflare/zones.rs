//! Zones, their settings, and the ranges of the edge.

use serde_json::{Value, json};

use super::envelope::{failure, page, success};
use super::{Answer, Cloudflare, Zone, plain, unroutable};
use crate::books::Event;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::serve::note_violation;

/// `/zones…` except records.
pub(super) fn route(vendor: &Cloudflare, request: &Request, path: &[&str]) -> Answer {
    match (request.method.as_str(), &path[1..]) {
        ("GET", []) => {
            let zones = vendor.zones();
            let mut found = vec![view(vendor, &zones[0])];
            drop(zones);
            if let Some(name) = request.query("name") {
                found.retain(|zone| zone["name"] == name.to_lowercase());
            }
            if let Some(status) = request.query("status") {
                found.retain(|zone| zone["status"] == status);
            }
            if let Some(account) = request.query("account.id") {
                found.retain(|zone| zone["account"]["id"] == account);
            }
            page(request, &found, 20, (5, 50), "zone.list")
        }
        ("GET", [_]) => Ok(plain(view(vendor, &vendor.zones()[0]), "zone.read")),
        ("GET", [_, "settings"]) => {
            let settings: Vec<Value> =
                vendor.zones()[0].settings.iter().map(|(id, value)| setting(id, value)).collect();
            Ok(plain(json!(settings), "zone-setting.list"))
        }
        ("GET", [_, "settings", id]) => match vendor.zones()[0].settings.get(*id) {
            Some(value) => Ok(plain(setting(id, value), "zone-setting.read")),
            None => Err(failure(404, 1003, "Undefined zone setting")),
        },
        ("PATCH", [_, "settings", id]) => change(vendor, request, id),
        ("GET", [_, "dnssec"]) => Ok(plain(json!({"status": "disabled"}), "dnssec.read")),
        ("POST", [zone, "purge_cache"]) => Ok(plain(json!({"id": zone}), "cache.purge")),
        _ => Err(unroutable(request)),
    }
}

fn setting(id: &str, value: &Value) -> Value {
    json!({"id": id, "value": value, "editable": true, "modified_on": "2024-01-01T00:00:00Z"})
}

fn change(vendor: &Cloudflare, request: &Request, id: &str) -> Answer {
    let body = request.json().map_err(|_| failure(400, 9207, "Request body is not valid JSON"))?;
    let allowed: &[&str] = match id {
        "ssl" => &["off", "flexible", "full", "strict"],
        "always_use_https" | "automatic_https_rewrites" | "websockets" => &["on", "off"],
        "min_tls_version" => &["1.0", "1.1", "1.2", "1.3"],
        "tls_1_3" => &["on", "off", "zrt"],
        _ => return Err(failure(404, 1003, "Undefined zone setting")),
    };
    let fields = body.as_object().map_or(0, serde_json::Map::len);
    let value = body["value"].as_str().filter(|value| allowed.contains(value) && fields == 1);
    let Some(value) = value else {
        note_violation(&vendor.world, "cloudflare", request, "rules", "value of a zone setting");
        return Err(failure(400, 1007, &format!("Invalid value for zone setting {id}")));
    };
    let mut zones = vendor.zones();
    zones[0].settings.insert(id.to_owned(), json!(value));
    vendor.world.note("cloudflare", "zone-setting", id, id, Event::Changed);
    Ok(plain(setting(id, &json!(value)), "zone-setting.update"))
}

fn view(vendor: &Cloudflare, zone: &Zone) -> Value {
    json!({
        "id": zone.id,
        "name": zone.name,
        "status": "active",
        "paused": false,
        "type": "full",
        "development_mode": 0,
        "name_servers": ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"],
        "original_name_servers": [],
        "original_registrar": null,
        "original_dnshost": null,
        "created_on": "2024-01-01T00:00:00.000000Z",
        "modified_on": "2024-01-01T00:00:00.000000Z",
        "activated_on": "2024-01-01T00:00:00.000000Z",
        "vanity_name_servers": [],
        "meta": {
            "step": 2,
            "custom_certificate_quota": 0,
            "page_rule_quota": 3,
            "phishing_detected": false,
        },
        "owner": {"id": vendor.account, "name": "The lab", "type": "user"},
        "account": {"id": vendor.account, "name": "The lab's account"},
        "permissions": ["#dns_records:edit", "#dns_records:read", "#zone:read"],
        "plan": {
            "id": "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
            "name": "Free Website",
            "price": 0,
            "currency": "USD",
            "frequency": "",
            "is_subscribed": false,
            "can_subscribe": false,
            "legacy_id": "free",
            "legacy_discount": false,
            "externally_managed": false,
        },
    })
}

/// Ranges of the edge.
pub(super) fn ips(request: &Request) -> Reply {
    let mut result = json!({
        "ipv4_cidrs": [
            "173.245.48.0/20", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22",
            "141.101.64.0/18", "108.162.192.0/18", "190.93.240.0/20", "188.114.96.0/20",
            "197.234.240.0/22", "198.41.128.0/17", "162.158.0.0/15", "104.16.0.0/13",
            "104.24.0.0/14", "172.64.0.0/13", "131.0.72.0/22",
        ],
        "ipv6_cidrs": [
            "2400:cb00::/32", "2606:4700::/32", "2803:f800::/32", "2405:b500::/32",
            "2405:8100::/32", "2a06:98c0::/29", "2c0f:f248::/32",
        ],
        "etag": "38f79d050aa027e3be3865e495dcc9bc",
    });
    if request.query("networks") == Some("jdcloud") {
        result["jdcloud_cidrs"] = json!([]);
    }
    success(result, None).doing("ips.read")
}
