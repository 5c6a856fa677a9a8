//! Certificates of the origin authority. What stands for a certificate here
//! has its shape and no key: nothing in the lab terminates TLS for the edge.

use base64::Engine as _;
use serde_json::{Value, json};

use super::envelope::{failure, page};
use super::{Answer, Cloudflare, plain};
use crate::books::Event;
use crate::clock::Clock;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::serve::note_violation;

/// Days that the vendor offers.
const VALIDITIES: [u64; 7] = [7, 30, 90, 365, 730, 1095, 5475];

/// `/certificates…`: not part of the published file of the DNS routes, so that
/// only the rules here judge it.
pub(super) fn route(vendor: &Cloudflare, request: &Request, path: &[&str]) -> Answer {
    match (request.method.as_str(), &path[1..]) {
        ("GET", []) => {
            let zone = request.query("zone_id").unwrap_or_default().to_owned();
            if vendor.zones()[0].id != zone {
                return Err(failure(400, 1010, "Invalid zone_id"));
            }
            let found = vendor.zones()[0].certificates.clone();
            page(request, &found, 20, (5, 50), "certificate.list")
        }
        ("POST", []) => sign(vendor, request),
        ("GET", [id]) => match vendor.zones()[0].certificates.iter().find(|held| held["id"] == *id) {
            Some(found) => Ok(plain(found.clone(), "certificate.read")),
            None => Err(unknown()),
        },
        ("DELETE", [id]) => {
            let mut zones = vendor.zones();
            let held = &mut zones[0].certificates;
            let Some(at) = held.iter().position(|held| held["id"] == *id) else { return Err(unknown()) };
            held.remove(at);
            drop(zones);
            vendor.world.note("cloudflare", "certificate", id, id, Event::Deleted);
            Ok(plain(json!({"id": id, "revoked_at": Clock::rfc3339()}), "certificate.revoke"))
        }
        _ => Err(super::unroutable(request)),
    }
}

fn unknown() -> Reply {
    failure(404, 1101, "Failed to read certificate from Database")
}

fn sign(vendor: &Cloudflare, request: &Request) -> Answer {
    let refused = |code: u32, message: &str| {
        note_violation(&vendor.world, "cloudflare", request, "rules", message);
        failure(400, code, message)
    };
    let body = request.json().map_err(|_| failure(400, 9207, "Request body is not valid JSON"))?;
    let csr = body["csr"].as_str().unwrap_or_default();
    if !csr.starts_with("-----BEGIN CERTIFICATE REQUEST-----") {
        return Err(refused(1100, "Failed to parse the CSR"));
    }
    let zone = vendor.zone_name.clone();
    let names: Vec<&str> =
        body["hostnames"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let inside = |name: &&str| **name == zone || name.ends_with(&format!(".{zone}"));
    if names.is_empty() || !names.iter().all(inside) {
        return Err(refused(1010, "This zone is not part of your account, or hostnames are missing"));
    }
    let kind = body["request_type"].as_str().unwrap_or_default();
    let days = body["requested_validity"].as_u64().unwrap_or(5475);
    if !matches!(kind, "origin-rsa" | "origin-ecc" | "keyless-certificate") || !VALIDITIES.contains(&days) {
        return Err(refused(1004, "request_type or requested_validity is not offered"));
    }
    let number = vendor.random.between(1 << 40, 1 << 50);
    let id = format!("{number}");
    let text = base64::engine::general_purpose::STANDARD.encode(format!("lab certificate {id}"));
    let certificate = json!({
        "id": id,
        "certificate": format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"),
        "csr": csr,
        "hostnames": names,
        "expires_on": Clock::rfc3339_after(days * 86_400),
        "request_type": kind,
        "requested_validity": days,
    });
    vendor.zones()[0].certificates.push(certificate.clone());
    vendor.world.note("cloudflare", "certificate", &id, names[0], Event::Created);
    Ok(plain(certificate, "certificate.create"))
}
