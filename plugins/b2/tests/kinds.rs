//! Buckets and keys against scripted answers.

use honey_plugin_b2::B2;
use honey_sdk::{
    Value, json,
    testing::{MockHost, apply, check, configure, read},
};

const API: &str = "https://api002.backblazeb2.com/b2api/v4";

fn host() -> MockHost {
    let host = MockHost::new("https://api.backblazeb2.com", "honeydue-shared", "shared/uploads");
    configure::<B2>(json!({})).expect("no settings are needed");
    host
}

fn expect_authorize(host: &MockHost, token: &str) {
    host.expect("GET", "/b2api/v4/b2_authorize_account")
        .header("authorization", "Basic base64({{key-id}}:{{application-key}})")
        .reply(
            200,
            json!({"accountId": "acc", "authorizationToken": token, "apiInfo": {"groupsApi": {}, "storageApi": {
                "apiUrl": "https://api002.backblazeb2.com", "downloadUrl": "https://f002.backblazeb2.com",
                "s3ApiUrl": "https://s3.us-west-002.backblazeb2.com", "recommendedPartSize": "100000000",
                "absoluteMinimumPartSize": 5_000_000, "allowed": {"buckets": null, "capabilities": ["listKeys"], "namePrefix": null}}}}),
        );
}

fn authorized() -> MockHost {
    let host = host();
    expect_authorize(&host, "canary-token");
    host
}

fn call(host: &MockHost, operation: &str, body: Value, status: u16, reply: Value) {
    host.expect("POST", &format!("{API}/{operation}"))
        .header("authorization", "{{session.token}}")
        .body(body)
        .reply(status, reply);
}

fn refused(status: u16, code: &str) -> Value {
    json!({"status": status, "code": code, "message": "in the vendor's words"})
}

fn bucket(info: Value) -> Value {
    json!({"accountId": "acc", "bucketId": "b1", "bucketName": "honeydue-prod", "bucketType": "allPrivate",
        "bucketInfo": info, "corsRules": [], "lifecycleRules": [], "options": ["s3"], "revision": 3,
        "defaultServerSideEncryption": {"isClientAuthorizedToRead": true, "value": {"mode": null, "algorithm": null}}})
}

fn marks() -> Value {
    json!({"honey-owner": "honeydue-shared", "honey-address": "shared__uploads"})
}

fn by_name() -> Value {
    json!({"bucketName": "honeydue-prod", "accountId": "acc"})
}

fn wanted() -> Value {
    json!({"name": "honeydue-prod", "private": true})
}

#[test]
fn a_bucket_is_made_with_marks() {
    let host = authorized();
    call(&host, "b2_list_buckets", by_name(), 200, json!({"buckets": []}));
    let body = json!({"accountId": "acc", "bucketName": "honeydue-prod", "bucketType": "allPrivate", "bucketInfo": marks()});
    call(&host, "b2_create_bucket", body, 200, bucket(marks()));
    let made = apply::<B2>(&host, "bucket", "create", None, Some(wanted()), None).expect("made");
    let outputs =
        json!({"id": "b1", "endpoint": "https://s3.us-west-002.backblazeb2.com", "region": "us-west-002"});
    assert_eq!(made["outputs"], outputs);
    assert!(!made.to_string().contains("canary"));
}

#[test]
fn a_taken_name_says_whose_it_is() {
    for (in_account, code) in [(json!([]), "b2::name-taken"), (json!([bucket(json!({}))]), "b2::exists")] {
        let host = authorized();
        call(&host, "b2_list_buckets", by_name(), 200, json!({"buckets": []}));
        host.expect("POST", &format!("{API}/b2_create_bucket"))
            .reply(400, refused(400, "duplicate_bucket_name"));
        call(&host, "b2_list_buckets", by_name(), 200, json!({"buckets": in_account}));
        let fault = apply::<B2>(&host, "bucket", "create", None, Some(wanted()), None).expect_err("taken");
        assert_eq!((fault.class.as_str(), fault.code.as_str()), ("conflict", code));
    }
}

#[test]
fn a_lost_answer_does_not_make_a_second_bucket() {
    let host = authorized();
    call(&host, "b2_list_buckets", by_name(), 200, json!({"buckets": []}));
    host.expect("POST", &format!("{API}/b2_create_bucket")).interrupted();
    call(&host, "b2_list_buckets", by_name(), 200, json!({"buckets": [bucket(marks())]}));
    let by_id = json!({"bucketId": "b1", "accountId": "acc"});
    call(&host, "b2_list_buckets", by_id, 200, json!({"buckets": [bucket(marks())]}));
    apply::<B2>(&host, "bucket", "create", None, Some(wanted()), None).expect("made once");
}

#[test]
fn an_update_keeps_other_info_and_meets_a_change_in_between() {
    let host = authorized();
    let by_id = json!({"bucketId": "b1", "accountId": "acc"});
    let mut info = marks();
    info["team"] = json!("app");
    let mut desired = wanted();
    desired["lifecycle"] = json!([{"prefix": "", "delete_after_days": 7}]);
    let change = |revision: u32| {
        json!({"accountId": "acc", "bucketId": "b1", "bucketType": "allPrivate", "bucketInfo": info, "ifRevisionIs": revision,
            "lifecycleRules": [{"fileNamePrefix": "", "daysFromUploadingToHiding": null, "daysFromHidingToDeleting": 7}]})
    };
    call(&host, "b2_list_buckets", by_id.clone(), 200, json!({"buckets": [bucket(info.clone())]}));
    call(&host, "b2_update_bucket", change(3), 409, refused(409, "conflict"));
    let mut newer = bucket(info.clone());
    newer["revision"] = json!(4);
    call(&host, "b2_list_buckets", by_id, 200, json!({"buckets": [newer.clone()]}));
    newer["lifecycleRules"] =
        json!([{"fileNamePrefix": "", "daysFromHidingToDeleting": 7, "daysFromUploadingToHiding": null}]);
    call(&host, "b2_update_bucket", change(4), 200, newer);
    let state =
        apply::<B2>(&host, "bucket", "update", Some("b1"), Some(desired.clone()), None).expect("updated");
    assert_eq!(state["attributes"]["lifecycle"], desired["lifecycle"]);
}

#[test]
fn deleting_needs_an_empty_bucket_and_gone_is_done() {
    for (code, class) in [("cannot_delete_non_empty_bucket", Some("conflict")), ("bad_bucket_id", None)] {
        let host = authorized();
        let body = json!({"bucketId": "b1", "accountId": "acc"});
        call(&host, "b2_delete_bucket", body, 400, refused(400, code));
        let result = apply::<B2>(&host, "bucket", "delete", Some("b1"), None, None);
        assert_eq!(result.err().map(|fault| fault.class).as_deref(), class);
    }
}

#[test]
fn an_expired_token_is_renewed_once() {
    let host = authorized();
    call(&host, "b2_list_buckets", by_name(), 401, refused(401, "expired_auth_token"));
    expect_authorize(&host, "canary-token-2");
    call(&host, "b2_list_buckets", by_name(), 200, json!({"buckets": [bucket(marks())]}));
    assert!(read::<B2>(&host, "bucket", None, Some(wanted())).expect("read").is_some());
    assert_eq!(host.secret_value("session.token").as_deref(), Some("canary-token-2"));

    let host = authorized();
    call(&host, "b2_list_buckets", by_name(), 401, refused(401, "expired_auth_token"));
    expect_authorize(&host, "t");
    call(&host, "b2_list_buckets", by_name(), 401, refused(401, "expired_auth_token"));
    assert_eq!(read::<B2>(&host, "bucket", None, Some(wanted())).expect_err("again").class, "auth");
}

/// The name with the mark of `honeydue-shared` and the address.
const MARKED: &str = "honeydue-App-8f4870e1a733";

fn key_wanted() -> Value {
    json!({"name": "honeydue-App", "bucket": "b1", "capabilities": ["readFiles", "listFiles"], "prefix": "", "credential": "stored"})
}

fn key(id: &str) -> Value {
    json!({"accountId": "acc", "applicationKeyId": id, "keyName": MARKED, "capabilities": ["listFiles", "readFiles"],
        "expirationTimestamp": null, "bucketIds": ["b1"], "namePrefix": null, "options": ["s3"]})
}

fn list_keys() -> Value {
    json!({"accountId": "acc", "maxKeyCount": 1000})
}

fn create_key() -> Value {
    json!({"accountId": "acc", "keyName": MARKED, "capabilities": ["readFiles", "listFiles"], "bucketIds": ["b1"]})
}

fn with_secret(id: &str, secret: &str) -> Value {
    let mut made = key(id);
    made["applicationKey"] = json!(secret);
    made
}

#[test]
fn the_secret_of_a_key_is_captured() {
    let host = authorized();
    call(&host, "b2_list_keys", list_keys(), 200, json!({"keys": [], "nextApplicationKeyId": null}));
    call(&host, "b2_create_key", create_key(), 200, with_secret("k1", "canary"));
    let made = apply::<B2>(&host, "bucket-key", "create", None, Some(key_wanted()), None).expect("made");
    assert_eq!(made["outputs"], json!({"key_id": "k1", "secret": "b2.honeydue-app"}));
    assert!(!made.to_string().contains("canary"));
    assert_eq!(host.secret_value("honeydue-app").as_deref(), Some("canary"));
}

#[test]
fn a_marked_key_is_ours_without_any_record_and_a_plain_one_is_not() {
    let host = authorized();
    let mut plain = key("k0");
    plain["keyName"] = json!("honeydue-App");
    for (keys, id, ownership) in
        [(json!([plain.clone(), key("k1")]), "k1", "ours"), (json!([plain]), "k0", "unmarked")]
    {
        call(&host, "b2_list_keys", list_keys(), 200, json!({"keys": keys, "nextApplicationKeyId": null}));
        let found = read::<B2>(&host, "bucket-key", None, Some(key_wanted())).expect("read").expect("found");
        assert_eq!((&found["id"], &found["ownership"]), (&json!(id), &json!(ownership)));
        assert_eq!(found["attributes"]["name"], "honeydue-App");
        assert_eq!(found["attributes"]["credential"], "lost", "its secret went with the record");
    }
}

#[test]
fn an_orphan_of_a_lost_answer_is_deleted_and_made_anew() {
    let host = authorized();
    call(&host, "b2_list_keys", list_keys(), 200, json!({"keys": [], "nextApplicationKeyId": null}));
    host.expect("POST", &format!("{API}/b2_create_key")).interrupted();
    let mut other = key("k9");
    // Of the plain name, so not of ours: it stays.
    other["keyName"] = json!("honeydue-App");
    call(
        &host,
        "b2_list_keys",
        list_keys(),
        200,
        json!({"keys": [other, key("k1")], "nextApplicationKeyId": null}),
    );
    call(&host, "b2_delete_key", json!({"applicationKeyId": "k1"}), 200, key("k1"));
    call(&host, "b2_create_key", create_key(), 200, with_secret("k2", "canary"));
    let made = apply::<B2>(&host, "bucket-key", "create", None, Some(key_wanted()), None).expect("made");
    assert_eq!(made["id"], "k2");
}

#[test]
fn a_crash_is_resumed_from_what_was_left_behind() {
    let host = authorized();
    host.secret("honeydue-app", "canary");
    call(&host, "b2_list_keys", list_keys(), 200, json!({"keys": [key("k1")], "nextApplicationKeyId": null}));
    let resume = Some(json!({"made": "k1"}));
    let made = apply::<B2>(&host, "bucket-key", "create", None, Some(key_wanted()), resume).expect("made");
    assert_eq!(made["id"], "k1");
}

#[test]
fn a_key_without_its_secret_reads_as_lost_and_another_key_is_not_it() {
    let host = authorized();
    let one = |id: &str| json!({"accountId": "acc", "maxKeyCount": 1, "startApplicationKeyId": id});
    call(&host, "b2_list_keys", one("k1"), 200, json!({"keys": [key("k1")], "nextApplicationKeyId": null}));
    let found =
        read::<B2>(&host, "bucket-key", Some("k1"), Some(key_wanted())).expect("read").expect("found");
    assert_eq!(found["attributes"]["credential"], "lost");
    call(&host, "b2_list_keys", one("k0"), 200, json!({"keys": [key("k1")], "nextApplicationKeyId": null}));
    assert!(read::<B2>(&host, "bucket-key", Some("k0"), Some(key_wanted())).expect("read").is_none());
}

#[test]
fn refusals_keep_the_vendors_words() {
    for (status, code, class) in [
        (401, "unauthorized", "forbidden"),
        (403, "storage_cap_exceeded", "quota"),
        (403, "access_denied", "forbidden"),
        (400, "bad_json", "invalid"),
        (503, "service_unavailable", "transient"),
        (429, "too_many_requests", "rate-limited"),
    ] {
        let host = authorized();
        call(&host, "b2_list_buckets", by_name(), status, refused(status, code));
        let fault = read::<B2>(&host, "bucket", None, Some(wanted())).expect_err("refused");
        assert_eq!((fault.class.as_str(), fault.vendor_code()), (class, code));
    }
    let host = host();
    host.expect("GET", "/b2api/v4/b2_authorize_account").reply(401, refused(401, "unauthorized"));
    let fault = read::<B2>(&host, "bucket", None, Some(wanted())).expect_err("refused");
    assert_eq!(fault.class, "auth");
}

fn cors(name: &str) -> Value {
    json!({"name": name, "origins": ["https://example.com"], "operations": ["s3_get"]})
}

#[test]
fn names_and_numbers_are_checked() {
    host();
    for (kind, desired, codes) in [
        ("bucket", json!({"name": "Bad_Name"}), vec!["b2::bucket-name"]),
        ("bucket", json!({"name": "b2-mine"}), vec!["b2::bucket-name"]),
        ("bucket", json!({"name": "honeydue-prod", "lifecycle": [{"prefix": "x"}]}), vec!["b2::lifecycle"]),
        ("bucket", wanted(), vec![]),
        (
            "bucket",
            json!({"name": "honeydue-prod", "cors": [cors("web"), cors("uploads"), cors("uploads")]}),
            vec!["b2::cors"; 2],
        ),
        (
            "bucket",
            json!({"name": "honeydue-prod", "cors": [cors(&"n".repeat(51)), cors("b2-uploads")]}),
            vec!["b2::cors"; 2],
        ),
        (
            "bucket-key",
            json!({"name": "Key-Id", "bucket": "b1", "capabilities": ["listFiles"]}),
            vec!["b2::key-name"],
        ),
        (
            "bucket-key",
            json!({"name": "a b", "bucket": null, "capabilities": []}),
            vec!["b2::key-name", "b2::no-capabilities"],
        ),
        (
            "bucket-key",
            json!({"name": "a", "bucket": "b1", "capabilities": ["writeKeys"], "valid_days": 1000}),
            vec!["b2::broad-key", "b2::valid-days"],
        ),
    ] {
        assert_eq!(check::<B2>(kind, desired).1, codes);
    }
}
