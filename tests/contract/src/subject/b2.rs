//! Backblaze B2.

use serde_json::{Value, json};

use super::{Said, Subject, no_failure, no_task, plain, text};
use crate::scenario::{Act, Expect, Scenario, Secrets, Step, few, few_but, life};

/// See the module.
pub(super) const SUBJECT: Subject = Subject {
    plugin: "b2",
    vendor: "b2",
    folders: &["backblaze", "b2"],
    base: "",
    base_in_endpoint: true,
    settings: &[],
    secrets: &["key-id", "application-key"],
    lab: plain,
    scenarios,
    refusal,
    failure: no_failure,
    task: no_task,
    only_reads: |path| path.contains("/b2_list_") || path.ends_with("/b2_authorize_account"),
    absorbs,
    locked: (409, "conflict"),
    limited: (
        &[("retry-after", "2")],
        r#"{"status": 429, "code": "too_many_requests", "message": "too many requests"}"#,
    ),
    arrives: &[("GET", "/b2_authorize_account", "/apiInfo/storageApi/s3ApiUrl", "/outputs/endpoint")],
};

fn refusal(body: &Value) -> Option<Said> {
    body.get("code")?.as_str()?;
    Some(Said::new(text(body, "/code"), text(body, "/message")))
}

/// What is not there is not found, and deleted already.
fn absorbs(_method: &str, path: &str, status: u16, code: &str) -> bool {
    let looks = path.contains("/b2_list_buckets") || path.contains("/b2_delete_");
    looks && (status == 404 || matches!(code, "bad_bucket_id" | "no_such_bucket"))
}

fn scenarios() -> Vec<Scenario> {
    let bucket = |name: &str, more: Value| {
        let mut wanted = json!({"name": name, "private": true});
        for (field, value) in more.as_object().into_iter().flatten() {
            wanted[field] = value.clone();
        }
        wanted
    };
    let rules = json!({"lifecycle": [{"prefix": "tmp/", "hide_after_days": 7, "delete_after_days": 1}],
        "cors": [{"name": "web-app", "origins": ["https://example.com"], "operations": ["s3_get"]}], "encrypted": true});
    let key = |name: &str| json!({"name": name, "bucket": "@uploads", "capabilities": ["listFiles", "readFiles"], "valid_days": 90});
    let at = ("bucket", "uploads");
    let hand = ("bucket", "hand-made");
    let found = bucket("honeydue-by-hand", json!({}));
    let mut keys = vec![Step::new(
        "a bucket for it",
        Act::Create,
        at,
        bucket("honeydue-uploads", json!({})),
        Expect::Settled,
    )];
    keys.extend(life("bucket-key", "key", key("honeydue-app"), None, Some(key("honeydue-app-2"))));
    keys.push(Step::new("its bucket goes", Act::Delete, at, Value::Null, Expect::Nothing));
    vec![
        Scenario {
            secrets: Secrets::All,
            name: "bucket",
            steps: life(
                "bucket",
                "uploads",
                bucket("honeydue-uploads", json!({"lifecycle": []})),
                Some((bucket("honeydue-uploads", rules), "lifecycle")),
                Some(bucket("honeydue-uploads-2", json!({}))),
            ),
            fewest: vec![
                few("look for", 2, "an authorization a run, and a list with the one name"),
                few("create", 2, "a list with the one name, the order"),
                few("read", 1, "a list with the one id"),
                few_but(
                    "found again",
                    1,
                    1,
                    "a list with the one name, one with the id for the revision; the first would do, a change looks again directly before",
                ),
                few("nothing to do", 1, "a list with the one id"),
                few("update", 2, "a list with the one id for the revision, the update"),
                few("drift found", 1, "a list with the one id"),
                few("drift repaired", 2, "a list with the one id for the revision, the update"),
                few("replace", 3, "the delete, a list with the new name, the order"),
                few("import", 1, "a list with the one id"),
                few("delete", 1, "the vendor itself refuses a bucket that is not empty"),
                few("delete what is gone", 1, "the vendor says that it is gone"),
                few("gone", 1, "a list with the one name"),
            ],
        },
        Scenario {
            secrets: Secrets::All,
            name: "adopt",
            steps: vec![
                Step::new(
                    "by hand",
                    Act::Hand("POST", "/b2api/v4/b2_create_bucket"),
                    hand,
                    json!({"bucketName": "honeydue-by-hand", "bucketType": "allPrivate"}),
                    Expect::Done,
                ),
                Step::new(
                    "not ours",
                    Act::Create,
                    hand,
                    found.clone(),
                    Expect::Refused("b2::plugin::exists"),
                ),
                Step::new("adopt", Act::Adopt, hand, found.clone(), Expect::Settled),
                Step::new("adopted already", Act::Adopt, hand, found.clone(), Expect::Same),
                Step::new("delete", Act::Delete, hand, Value::Null, Expect::Nothing),
            ],
            fewest: vec![
                few("not ours", 2, "an authorization a run, and a list with the one name"),
                few("adopt", 3, "a list by name, a list by id for the revision, the update"),
                few_but(
                    "adopted already",
                    1,
                    1,
                    "a list by name, a list by id for the revision; the first would do, a change looks again directly before",
                ),
                few("delete", 1, "the vendor itself refuses a bucket that is not empty"),
            ],
        },
        Scenario {
            secrets: Secrets::All,
            name: "bucket key",
            steps: keys,
            fewest: vec![
                few("a bucket for it", 3, "an authorization a run, a list with the one name, the order"),
                few(
                    "look for",
                    1,
                    "a list of keys: names are not unique, and no single name can be asked for",
                ),
                few("create", 2, "a list of keys (names are not unique), the order"),
                few("read", 1, "a list that begins with the one id"),
                few_but(
                    "found again",
                    1,
                    1,
                    "a list of keys, one that begins with the one id; the first would do, a change looks again directly before",
                ),
                few("nothing to do", 1, "a list that begins with the one id"),
                few(
                    "replace",
                    4,
                    "a look at its name for the secret that goes with it, the delete, a list of keys, the order",
                ),
                few("import", 1, "a list that begins with the one id"),
                few("delete", 2, "a look at its name for the secret that goes with it, the delete"),
                few("delete what is gone", 1, "a list that begins with the one id"),
                few("gone", 1, "a list of keys: names are not unique, and no single name can be asked for"),
                few("its bucket goes", 1, "the vendor itself refuses a bucket that is not empty"),
            ],
        },
    ]
}
