//! What a record must be like, by itself and beside the others of its zone.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::envelope::{failure, failure_chain};
use crate::vendor::reply::Reply;
use crate::vendor::rules::{self, Problem};

/// Fields that a client may set.
fn fields() -> Value {
    json!({
        "type": rules::word(&[
            "A", "AAAA", "CAA", "CERT", "CNAME", "DNSKEY", "DS", "HTTPS", "LOC", "MX", "NAPTR",
            "NS", "OPENPGPKEY", "PTR", "SMIMEA", "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "URI",
        ]),
        "name": {"type": "string", "minLength": 1, "maxLength": 255},
        "content": {"type": "string", "minLength": 1, "maxLength": 4096},
        "data": {"type": "object"},
        "priority": {"type": "integer", "minimum": 0, "maximum": 65535},
        "ttl": {"anyOf": [
            {"type": "integer", "enum": [1]},
            {"type": "integer", "minimum": 60, "maximum": 86400},
        ]},
        "proxied": {"type": "boolean"},
        "comment": {"type": ["string", "null"], "maxLength": 100},
        "tags": {"type": "array", "maxItems": 0},
        "settings": {"type": "object"},
        "id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    })
}

/// Judges the fields of a whole record or of a part of one.
pub(super) fn shape(body: &Value, whole: bool) -> Vec<Problem> {
    if whole {
        rules::judge("cloudflare/record", || rules::object(&["type", "name"], fields()), body)
    } else {
        rules::judge("cloudflare/record-part", || rules::object(&[], fields()), body)
    }
}

/// A refusal of a record for its own sake.
pub(super) fn invalid(code: u32, message: &str) -> Reply {
    failure_chain(400, 1004, "DNS Validation Error", code, message)
}

/// The record with defaults filled in and derived fields set, without id.
pub(super) fn normal(body: &Value, zone: &str) -> Value {
    let mut record = body.clone();
    let kind = body["type"].as_str().unwrap_or_default();
    let name = body["name"].as_str().unwrap_or_default().trim_end_matches('.').to_lowercase();
    record["name"] = json!(if name == "@" { zone.to_owned() } else { name });
    let proxiable = matches!(kind, "A" | "AAAA" | "CNAME");
    record["proxiable"] = json!(proxiable);
    let proxied = body["proxied"] == true;
    record["proxied"] = json!(proxied);
    record["ttl"] = if proxied { json!(1) } else { body.get("ttl").cloned().unwrap_or(json!(1)) };
    for (key, empty) in
        [("comment", Value::Null), ("tags", json!([])), ("settings", json!({})), ("meta", json!({}))]
    {
        if body.get(key).is_none() {
            record[key] = empty;
        }
    }
    if kind == "CNAME"
        && let Some(content) = body["content"].as_str()
    {
        record["content"] = json!(content.trim_end_matches('.').to_lowercase());
    }
    record
}

/// Judges a normal record by itself.
pub(super) fn alone(record: &Value, zone: &str) -> Result<(), Reply> {
    let kind = record["type"].as_str().unwrap_or_default();
    let name = record["name"].as_str().unwrap_or_default();
    let content = record["content"].as_str();
    if name != zone && !name.ends_with(&format!(".{zone}")) {
        return Err(invalid(9000, "DNS name is invalid."));
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && (label == "*"
                || label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)))
    };
    if !name.split('.').all(label) {
        return Err(invalid(9000, "DNS name is invalid."));
    }
    if record["proxied"] == true && record["proxiable"] != true {
        return Err(failure(400, 9004, "This record type cannot be proxied."));
    }
    match kind {
        "A" => {
            let parsed = content.and_then(|content| content.parse::<Ipv4Addr>().ok());
            if parsed.is_none() {
                return Err(invalid(9005, "Content for A record must be a valid IPv4 address."));
            }
        }
        "AAAA" => {
            let parsed = content.and_then(|content| content.parse::<Ipv6Addr>().ok());
            if parsed.is_none() {
                return Err(invalid(9006, "Content for AAAA record must be a valid IPv6 address."));
            }
        }
        "CNAME" => {
            let good = content.is_some_and(|content| content.contains('.') && content.split('.').all(label));
            if !good {
                return Err(invalid(9007, "Content for CNAME record is invalid."));
            }
            if content == Some(name) {
                return Err(invalid(9039, "CNAME content cannot reference itself."));
            }
        }
        "MX" if record["priority"].as_u64().is_none() => {
            return Err(invalid(9100, "priority is a required field for MX."));
        }
        "SRV" | "CAA" | "HTTPS" | "SVCB" | "TLSA" | "SSHFP" | "URI" | "LOC" | "NAPTR" | "CERT" | "DNSKEY"
        | "DS" | "SMIMEA"
            if !record["data"].is_object() =>
        {
            return Err(invalid(9101, "data is a required data field."));
        }
        _ => {}
    }
    if content.is_none() && record.get("data").is_none() {
        return Err(invalid(9101, "content is a required data field."));
    }
    Ok(())
}

/// Judges a record beside the others; `except` is the record it replaces.
pub(super) fn beside(record: &Value, others: &[Value], except: Option<&Value>) -> Result<(), Reply> {
    let kind = record["type"].as_str().unwrap_or_default();
    for other in others {
        if other["name"] != record["name"] || except == Some(&other["id"]) {
            continue;
        }
        let there = other["type"].as_str().unwrap_or_default();
        let same_content = match (other["content"].as_str(), record["content"].as_str()) {
            (Some(one), Some(two)) => one.eq_ignore_ascii_case(two),
            _ => other["data"] == record["data"],
        };
        if there == kind && same_content && other["priority"] == record["priority"] {
            return Err(failure(400, 81_058, "An identical record already exists."));
        }
        if kind == "CNAME" && matches!(there, "A" | "AAAA" | "CNAME") {
            return Err(failure(400, 81_053, "An A, AAAA, or CNAME record with that host already exists."));
        }
        if there == "CNAME" && matches!(kind, "A" | "AAAA") {
            return Err(failure(400, 81_054, "A CNAME record with that host already exists."));
        }
        if (kind == "NS") != (there == "NS") {
            return Err(failure(400, 81_055, "An NS record excludes other records of its host."));
        }
    }
    Ok(())
}
