//! Backblaze B2.

use serde_json::{Value, json};

use super::{Said, Subject, no_failure, no_task, plain, text};
use crate::scenario::{Act, Expect, Fewest, Scenario, Step, life};

/// See the module.
pub(super) const SUBJECT: Subject = Subject {
    plugin: "b2",
    vendor: "b2",
    folders: &["backblaze", "b2"],
    base: "",
    base_in_endpoint: true,
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
            without: None,
            name: "bucket",
            steps: life(
                "bucket",
                "uploads",
                bucket("honeydue-uploads", json!({"lifecycle": []})),
                Some((bucket("honeydue-uploads", rules), "lifecycle")),
                Some(bucket("honeydue-uploads-2", json!({}))),
            ),
            fewest: vec![
                Fewest {
                    step: "look for",
                    calls: 2,
                    why: "an authorization a run, and a list with the one name",
                },
                Fewest { step: "create", calls: 2, why: "a list with the one name, the order" },
                Fewest { step: "read", calls: 1, why: "a list with the one id" },
            ],
        },
        Scenario {
            without: None,
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
            fewest: vec![Fewest {
                step: "adopt",
                calls: 3,
                why: "a list by name, a list by id for the revision, the update",
            }],
        },
        Scenario {
            without: None,
            name: "bucket key",
            steps: keys,
            fewest: vec![
                Fewest { step: "create", calls: 2, why: "a list of keys (names are not unique), the order" },
                Fewest {
                    step: "delete",
                    calls: 2,
                    why: "a look at its name for the secret that goes with it, the delete",
                },
            ],
        },
    ]
}
