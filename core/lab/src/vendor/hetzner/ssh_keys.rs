//! SSH keys of the project.

use std::sync::Arc;

use base64::Engine as _;
use serde_json::{Value, json};

use super::state::{Project, find, labels_of, now, rename, used};
use super::{Answer, body, error, invalid, labels, paging, taken};
use crate::books::Event;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;

/// `/ssh_keys…`.
pub(super) fn route(project: &Arc<Project>, request: &Request, path: &[&str]) -> Answer {
    match (request.method.as_str(), &path[1..]) {
        ("GET", []) => {
            let mut keys: Vec<Value> = project.state().ssh_keys.values().cloned().collect();
            if let Some(fingerprint) = request.query("fingerprint") {
                keys.retain(|key| key["fingerprint"] == fingerprint);
            }
            paging::list(request, "ssh_keys", keys)
        }
        ("POST", []) => create(project, request),
        ("GET", [id]) => {
            let key = find(&mut project.state().ssh_keys, id, "ssh_key")?.clone();
            Ok(Reply::json(200, &json!({"ssh_key": key})).doing("ssh-key.read"))
        }
        ("PUT", [id]) => {
            let body = body(project, request, "hetzner/rename", rename_rule)?;
            let key = rename(&mut project.state().ssh_keys, id, "SSH key", &body)?;
            project.note("ssh-key", &key, Event::Changed);
            Ok(Reply::json(200, &json!({"ssh_key": key})).doing("ssh-key.update"))
        }
        ("DELETE", [id]) => {
            let mut state = project.state();
            let key = find(&mut state.ssh_keys, id, "ssh_key")?.clone();
            state.ssh_keys.remove(&key["id"].as_u64().unwrap_or(0));
            project.note("ssh-key", &key, Event::Deleted);
            Ok(Reply::empty(204).doing("ssh-key.delete"))
        }
        _ => Err(error(405, "method_not_allowed", "method not allowed")),
    }
}

/// Rule of every PUT of `{name, labels}`.
pub(super) fn rename_rule() -> Value {
    rules::object(&[], json!({"name": rules::text(), "labels": labels::rule()}))
}

fn create(project: &Arc<Project>, request: &Request) -> Answer {
    let body = body(project, request, "hetzner/ssh-key.create", || {
        rules::object(
            &["name", "public_key"],
            json!({
                "name": rules::text(),
                "public_key": rules::text(),
                "labels": labels::rule(),
            }),
        )
    })?;
    let line = body["public_key"].as_str().unwrap_or_default().trim();
    let Some(fingerprint) = fingerprint(line) else {
        return Err(invalid("public_key", "is not a valid SSH public key"));
    };
    let mut state = project.state();
    if state.ssh_keys.values().any(|key| key["fingerprint"] == fingerprint) {
        return Err(taken("SSH key with the same fingerprint", "public_key"));
    }
    if used(&state.ssh_keys, body["name"].as_str().unwrap_or_default(), None) {
        return Err(taken("SSH key with the same name", "name"));
    }
    let id = state.id();
    let key = json!({
        "id": id,
        "name": body["name"],
        "fingerprint": fingerprint,
        "public_key": line,
        "labels": labels_of(&body),
        "created": now(),
    });
    state.ssh_keys.insert(id, key.clone());
    project.note("ssh-key", &key, Event::Created);
    Ok(Reply::json(201, &json!({"ssh_key": key})).doing("ssh-key.create"))
}

/// MD5 form of a public key's fingerprint.
fn fingerprint(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let kind = words.next()?;
    let blob = base64::engine::general_purpose::STANDARD.decode(words.next()?).ok()?;
    let length = u32::from_be_bytes(blob.get(..4)?.try_into().ok()?) as usize;
    if blob.get(4..4 + length)? != kind.as_bytes() {
        return None;
    }
    let digest = super::md5::digest(&blob);
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"))
}
