//! Application keys. A secret is told once, at the making.

use serde_json::{Value, json};

use super::{Answer, B2, CAPABILITIES, Key, ask, error};
use crate::books::Event;
use crate::clock::Clock;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;

/// `b2_create_key`.
pub(super) fn create(vendor: &B2, request: &Request) -> Answer {
    let (wish, key) = ask(vendor, request, "writeKeys", "b2/key.create", || {
        rules::object(
            &["accountId", "capabilities", "keyName"],
            json!({
                "accountId": rules::text(),
                "capabilities": {
                    "type": "array", "minItems": 1, "uniqueItems": true,
                    "items": rules::word(&CAPABILITIES),
                },
                "keyName": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,100}$"},
                "validDurationInSeconds": {"type": ["integer", "null"], "minimum": 1, "maximum": 86_399_999},
                "bucketIds": {"type": ["array", "null"], "items": {"type": "string"}, "minItems": 1},
                "namePrefix": {"type": ["string", "null"]},
            }),
        )
    })?;
    let own = key.about["capabilities"].as_array().cloned().unwrap_or_default();
    let more = wish["capabilities"].as_array().into_iter().flatten().find(|item| !own.contains(item));
    if let Some(more) = more {
        return Err(error(401, "unauthorized", &format!("the key itself lacks {more}")));
    }
    let mut state = vendor.state();
    for id in wish["bucketIds"].as_array().into_iter().flatten() {
        if !state.buckets.contains_key(id.as_str().unwrap_or_default()) {
            return Err(error(400, "bad_bucket_id", &format!("Bucket does not exist: {id}")));
        }
    }
    if wish["namePrefix"].is_string() && !wish["bucketIds"].is_array() {
        return Err(error(400, "bad_request", "namePrefix needs bucketIds"));
    }
    state.keys_made += 1;
    let id = format!("004{}0000000{:03}", &vendor.account, state.keys_made);
    let expires = wish["validDurationInSeconds"].as_u64();
    let about = json!({
        "accountId": vendor.account,
        "applicationKeyId": id,
        "keyName": wish["keyName"],
        "capabilities": wish["capabilities"],
        "expirationTimestamp": expires.map(|seconds| Clock::unix_ms() + seconds * 1000),
        "bucketIds": wish.get("bucketIds").cloned().unwrap_or(Value::Null),
        "namePrefix": wish.get("namePrefix").cloned().unwrap_or(Value::Null),
        "options": ["s3"],
    });
    let secret = format!("K004{}", vendor.random.token(27));
    state.keys.insert(id.clone(), Key { about: about.clone(), secret: secret.clone() });
    drop(state);
    let name = wish["keyName"].as_str().unwrap_or_default();
    vendor.world.note("b2", "key", &id, name, Event::Created);
    let mut shown = about;
    shown["applicationKey"] = json!(secret);
    Ok(Reply::json(200, &shown).doing("key.create"))
}

/// `b2_list_keys`.
pub(super) fn list(vendor: &B2, request: &Request) -> Answer {
    let (wish, _) = ask(vendor, request, "listKeys", "b2/key.list", || {
        rules::object(
            &["accountId"],
            json!({
                "accountId": rules::text(),
                "maxKeyCount": {"type": ["integer", "null"], "minimum": 1, "maximum": 10_000},
                "startApplicationKeyId": {"type": ["string", "null"]},
            }),
        )
    })?;
    let most = wish["maxKeyCount"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(100);
    let start = wish["startApplicationKeyId"].as_str().unwrap_or_default();
    let state = vendor.state();
    let mut rest = state
        .keys
        .values()
        .map(|key| &key.about)
        .filter(|about| about["applicationKeyId"] != vendor.master.0.as_str())
        .filter(|about| about["applicationKeyId"].as_str().is_some_and(|id| id >= start));
    let shown: Vec<&Value> = rest.by_ref().take(most).collect();
    let next = rest.next().map(|about| about["applicationKeyId"].clone());
    let body = json!({"keys": shown, "nextApplicationKeyId": next});
    Ok(Reply::json(200, &body).doing("key.list"))
}

/// `b2_delete_key`.
pub(super) fn delete(vendor: &B2, request: &Request) -> Answer {
    let (wish, _) = ask(vendor, request, "deleteKeys", "b2/key.delete", || {
        rules::object(&["applicationKeyId"], json!({"applicationKeyId": rules::text()}))
    })?;
    let id = wish["applicationKeyId"].as_str().unwrap_or_default();
    if id == vendor.master.0 {
        return Err(error(400, "bad_request", "the master key cannot be deleted"));
    }
    let mut state = vendor.state();
    let key = state.keys.remove(id).ok_or_else(|| error(400, "bad_request", "application key not found"))?;
    state.sessions.retain(|_, session| session.key != id);
    let name = key.about["keyName"].as_str().unwrap_or_default();
    vendor.world.note("b2", "key", id, name, Event::Deleted);
    Ok(Reply::json(200, &key.about).doing("key.delete"))
}
