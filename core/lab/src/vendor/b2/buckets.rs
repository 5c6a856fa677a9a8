//! Buckets.

use serde_json::{Value, json};

use super::{Answer, B2, ask, error};
use crate::books::Event;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;

/// Buckets that one account may have.
const MOST: usize = 100;

fn lifecycle() -> Value {
    let days = || json!({"type": ["integer", "null"], "minimum": 1});
    rules::list(
        rules::object(
            &["fileNamePrefix"],
            json!({
                "fileNamePrefix": {"type": "string"},
                "daysFromHidingToDeleting": days(),
                "daysFromUploadingToHiding": days(),
                "daysFromStartingToCancelingUnfinishedLargeFiles": days(),
            }),
        ),
        100,
    )
}

fn cors() -> Value {
    let words = || rules::list(rules::text(), 100);
    rules::list(
        rules::object(
            &["corsRuleName", "allowedOrigins", "allowedOperations", "maxAgeSeconds"],
            json!({
                "corsRuleName": {"type": "string", "pattern": "^[A-Za-z0-9-]{6,50}$"},
                "allowedOrigins": words(),
                "allowedHeaders": words(),
                "allowedOperations": words(),
                "exposeHeaders": words(),
                "maxAgeSeconds": {"type": "integer", "minimum": 0, "maximum": 86_400},
            }),
        ),
        100,
    )
}

fn info() -> Value {
    json!({
        "type": "object",
        "maxProperties": 10,
        "propertyNames": {"pattern": "^[A-Za-z0-9._-]{1,50}$"},
        "additionalProperties": {"type": "string"},
    })
}

/// `b2_list_buckets`.
pub(super) fn list(vendor: &B2, request: &Request) -> Answer {
    let (wish, key) = ask(vendor, request, "listBuckets", "b2/bucket.list", || {
        let maybe = || json!({"type": ["string", "null"]});
        rules::object(
            &["accountId"],
            json!({
                "accountId": rules::text(),
                "bucketId": maybe(),
                "bucketName": maybe(),
                "bucketTypes": {"type": ["array", "null"], "items": {"type": "string"}},
            }),
        )
    })?;
    let mut found: Vec<Value> = vendor.state().buckets.values().cloned().collect();
    for field in ["bucketId", "bucketName"] {
        if let Some(wanted) = wish[field].as_str() {
            found.retain(|bucket| bucket[field] == wanted);
        }
    }
    if let Some(allowed) = key.about["bucketIds"].as_array() {
        let named = wish["bucketId"].is_string() || wish["bucketName"].is_string();
        let all = found.iter().all(|bucket| allowed.contains(&bucket["bucketId"]));
        if !named || !all || found.is_empty() {
            return Err(error(401, "unauthorized", "the key is restricted to other buckets"));
        }
    }
    Ok(Reply::json(200, &json!({"buckets": found})).doing("bucket.list"))
}

/// `b2_create_bucket`.
pub(super) fn create(vendor: &B2, request: &Request) -> Answer {
    let (wish, key) = ask(vendor, request, "writeBuckets", "b2/bucket.create", || {
        rules::object(
            &["accountId", "bucketName", "bucketType"],
            json!({
                "accountId": rules::text(),
                "bucketName": {"type": "string"},
                "bucketType": rules::word(&["allPublic", "allPrivate"]),
                "bucketInfo": info(),
                "corsRules": cors(),
                "lifecycleRules": lifecycle(),
                "defaultServerSideEncryption": {"type": "object"},
                "fileLockEnabled": {"type": "boolean"},
                "replicationConfiguration": {"type": ["object", "null"]},
            }),
        )
    })?;
    let name = wish["bucketName"].as_str().unwrap_or_default();
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(6..=63).contains(&name.len()) || !name.bytes().all(letters) || name.starts_with("b2-") {
        return Err(error(400, "bad_json", &format!("illegal bucket name: {name}")));
    }
    if key.about["bucketIds"].is_array() {
        return Err(error(401, "unauthorized", "a restricted key cannot make buckets"));
    }
    let mut state = vendor.state();
    let taken = state.foreign.iter().any(|foreign| foreign == name)
        || state.buckets.values().any(|bucket| bucket["bucketName"] == name);
    if taken {
        return Err(error(400, "duplicate_bucket_name", "Bucket name is already in use."));
    }
    if state.buckets.len() >= MOST {
        return Err(error(400, "too_many_buckets", "maximum number of buckets reached"));
    }
    let id = vendor.random.hex(24);
    let or = |key: &str, empty: Value| wish.get(key).cloned().unwrap_or(empty);
    let encryption = or("defaultServerSideEncryption", json!({"mode": null, "algorithm": null}));
    let bucket = json!({
        "accountId": vendor.account,
        "bucketId": id,
        "bucketName": name,
        "bucketType": wish["bucketType"],
        "bucketInfo": or("bucketInfo", json!({})),
        "corsRules": or("corsRules", json!([])),
        "lifecycleRules": or("lifecycleRules", json!([])),
        "options": ["s3"],
        "revision": 2,
        "defaultServerSideEncryption": {"isClientAuthorizedToRead": true, "value": encryption},
        "fileLockConfiguration": {
            "isClientAuthorizedToRead": true,
            "value": {
                "defaultRetention": {"mode": null, "period": null},
                "isFileLockEnabled": wish["fileLockEnabled"] == true,
            },
        },
        "replicationConfiguration": {"isClientAuthorizedToRead": true, "value": null},
    });
    state.buckets.insert(id.clone(), bucket.clone());
    vendor.world.note("b2", "bucket", &id, name, Event::Created);
    Ok(Reply::json(200, &bucket).doing("bucket.create"))
}

fn missing(id: &Value) -> Reply {
    let message = format!("Bucket does not exist: {}", id.as_str().unwrap_or_default());
    error(400, "bad_bucket_id", &message)
}

/// `b2_update_bucket`.
pub(super) fn update(vendor: &B2, request: &Request) -> Answer {
    let (wish, _) = ask(vendor, request, "writeBuckets", "b2/bucket.update", || {
        rules::object(
            &["accountId", "bucketId"],
            json!({
                "accountId": rules::text(),
                "bucketId": rules::text(),
                "bucketType": rules::word(&["allPublic", "allPrivate"]),
                "bucketInfo": info(),
                "corsRules": cors(),
                "lifecycleRules": lifecycle(),
                "ifRevisionIs": {"type": "integer"},
                "defaultServerSideEncryption": {"type": "object"},
                "defaultRetention": {"type": "object"},
                "fileLockEnabled": {"type": "boolean"},
                "replicationConfiguration": {"type": ["object", "null"]},
            }),
        )
    })?;
    let mut state = vendor.state();
    let id = wish["bucketId"].as_str().unwrap_or_default();
    let bucket = state.buckets.get_mut(id).ok_or_else(|| missing(&wish["bucketId"]))?;
    if wish.get("ifRevisionIs").is_some_and(|revision| *revision != bucket["revision"]) {
        return Err(error(409, "conflict", "the bucket has another revision"));
    }
    for key in ["bucketType", "bucketInfo", "corsRules", "lifecycleRules"] {
        if let Some(value) = wish.get(key) {
            bucket[key] = value.clone();
        }
    }
    if let Some(value) = wish.get("defaultServerSideEncryption") {
        bucket["defaultServerSideEncryption"]["value"] = value.clone();
    }
    bucket["revision"] = json!(bucket["revision"].as_u64().unwrap_or(0) + 1);
    let name = bucket["bucketName"].as_str().unwrap_or_default();
    vendor.world.note("b2", "bucket", id, name, Event::Changed);
    Ok(Reply::json(200, bucket).doing("bucket.update"))
}

/// `b2_delete_bucket`.
pub(super) fn delete(vendor: &B2, request: &Request) -> Answer {
    let (wish, _) = ask(vendor, request, "deleteBuckets", "b2/bucket.delete", || {
        let fields = json!({"accountId": rules::text(), "bucketId": rules::text()});
        rules::object(&["accountId", "bucketId"], fields)
    })?;
    let id = wish["bucketId"].as_str().unwrap_or_default();
    let bucket = vendor.state().buckets.remove(id).ok_or_else(|| missing(&wish["bucketId"]))?;
    let name = bucket["bucketName"].as_str().unwrap_or_default();
    vendor.world.note("b2", "bucket", id, name, Event::Deleted);
    Ok(Reply::json(200, &bucket).doing("bucket.delete"))
}
