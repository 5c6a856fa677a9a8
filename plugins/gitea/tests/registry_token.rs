//! `registry-token` against scripted answers.

use honey_plugin_gitea::Gitea;
use honey_sdk::{
    Value, json,
    testing::{MockHost, apply, check, configure, read},
};

const TOKENS: &str = "/users/admin/tokens";
const LIST: &str = "/users/admin/tokens?page=1&limit=50";
const SECRET: &str = "honeydue-pull";
/// The name with the marks of `honeydue-shared` and the address.
const MARKED: &str = "honeydue-pull-8f4870e176ec";

fn host() -> MockHost {
    let host = MockHost::new("https://git.example.com/api/v1", "honeydue-shared", "shared/pull-token");
    configure::<Gitea>(json!({"endpoint": "https://git.example.com/"})).expect("settings");
    host
}

fn desired() -> Value {
    json!({"name": "honeydue-pull", "username": "admin", "scopes": ["read:package"], "credential": "stored"})
}

fn token(id: u64) -> Value {
    json!({"id": id, "name": MARKED, "scopes": ["read:package"], "sha1": "", "token_last_eight": "12345678"})
}

fn expect_list(host: &MockHost, tokens: Value) {
    host.expect("GET", LIST).header("authorization", "Basic base64(admin:{{password}})").reply(200, tokens);
}

fn expect_made(host: &MockHost, id: u64) {
    let mut made = token(id);
    made["sha1"] = json!("canary");
    host.expect("POST", TOKENS).body(json!({"name": MARKED, "scopes": ["read:package"]})).reply(201, made);
}

#[test]
fn a_token_is_made_and_captured() {
    let host = host();
    expect_list(&host, json!([]));
    expect_made(&host, 7);
    let made = apply::<Gitea>(&host, "registry-token", "create", None, Some(desired()), None).expect("made");
    assert_eq!(made["id"], "admin/7");
    assert_eq!(made["attributes"], desired());
    assert_eq!(made["outputs"], json!({"username": "admin", "secret": "gitea.honeydue-pull"}));
    assert!(!made.to_string().contains("canary"));
    assert_eq!(host.secret_value(SECRET).as_deref(), Some("canary"));
}

#[test]
fn a_token_of_a_lost_answer_is_deleted_and_made_anew() {
    let host = host();
    expect_list(&host, json!([]));
    host.expect("POST", TOKENS).interrupted();
    expect_list(&host, json!([token(7)]));
    host.expect("DELETE", "/users/admin/tokens/7").reply_raw(204, &[], Vec::new());
    expect_made(&host, 8);
    let made = apply::<Gitea>(&host, "registry-token", "create", None, Some(desired()), None).expect("made");
    assert_eq!(made["id"], "admin/8");
}

#[test]
fn a_crash_is_resumed_with_what_is_known() {
    let host = host();
    host.secret(SECRET, "canary");
    expect_list(&host, json!([token(7)]));
    let resume = Some(json!({"made": "admin/7"}));
    let made =
        apply::<Gitea>(&host, "registry-token", "create", None, Some(desired()), resume).expect("made");
    assert_eq!(made["id"], "admin/7");

    expect_list(&host, json!([token(7)]));
    host.expect("DELETE", "/users/admin/tokens/7").reply(404, json!({"message": "not found", "url": ""}));
    expect_made(&host, 8);
    apply::<Gitea>(&host, "registry-token", "create", None, Some(desired()), Some(json!({})))
        .expect("made anew");
}

#[test]
fn a_token_of_a_person_is_replaced_only_when_adopted() {
    let host = host();
    let mut plain = token(7);
    plain["name"] = json!("honeydue-pull");
    let list = || expect_list(&host, json!([plain]));
    list();
    let found = read::<Gitea>(&host, "registry-token", Some("admin/7"), Some(desired()))
        .expect("read")
        .expect("found");
    assert_eq!(found["attributes"]["credential"], "lost");

    list();
    let fault =
        apply::<Gitea>(&host, "registry-token", "create", None, Some(desired()), None).expect_err("exists");
    assert_eq!(fault.class, "conflict");

    list();
    host.expect("DELETE", "/users/admin/tokens/7").reply_raw(204, &[], Vec::new());
    expect_made(&host, 8);
    let made =
        apply::<Gitea>(&host, "registry-token", "adopt", None, Some(desired()), None).expect("adopted");
    assert_eq!(made["id"], "admin/8");
}

#[test]
fn a_marked_token_without_its_secret_is_made_anew_and_anothers_is_left_alone() {
    let host = host();
    let mut others = token(5);
    others["name"] = json!("honeydue-pull-0123456789ab");
    let both = json!([others, token(7)]);
    expect_list(&host, both);
    host.expect("DELETE", "/users/admin/tokens/7").reply_raw(204, &[], Vec::new());
    expect_made(&host, 8);
    let made = apply::<Gitea>(&host, "registry-token", "create", None, Some(desired()), None).expect("made");
    assert_eq!(made["id"], "admin/8");
    // Where its secret is held, both would have one name for theirs.
    host.secret(SECRET, "canary");
    expect_list(&host, json!([others]));
    let fault =
        apply::<Gitea>(&host, "registry-token", "create", None, Some(desired()), None).expect_err("taken");
    assert_eq!(fault.code, "plugin::exists");
    expect_list(&host, json!([others]));
    let found = read::<Gitea>(&host, "registry-token", Some("admin/5"), Some(desired())).expect("read");
    assert_eq!(found.expect("there")["ownership"], "foreign");
}

#[test]
fn every_page_is_read() {
    let host = host();
    let other = |id: u64| json!({"id": id, "name": format!("t{id}"), "scopes": null});
    let page: Vec<Value> = (0..50).map(other).collect();
    host.expect("GET", LIST).reply_raw(200, &[("x-total-count", "51")], json!(page).to_string().into_bytes());
    host.expect("GET", "/users/admin/tokens?page=2&limit=50").reply_raw(
        200,
        &[("x-total-count", "51")],
        json!([token(99)]).to_string().into_bytes(),
    );
    assert!(read::<Gitea>(&host, "registry-token", None, Some(desired())).expect("read").is_some());
}

#[test]
fn deleting_forgets_the_token_and_gone_is_done() {
    let host = host();
    host.secret(SECRET, "canary");
    expect_list(&host, json!([token(7)]));
    host.expect("DELETE", "/users/admin/tokens/7").reply_raw(204, &[], Vec::new());
    apply::<Gitea>(&host, "registry-token", "delete", Some("admin/7"), None, None).expect("deleted");
    assert_eq!(host.secret_value(SECRET), None);
    expect_list(&host, json!([]));
    apply::<Gitea>(&host, "registry-token", "delete", Some("admin/7"), None, None).expect("gone");
}

#[test]
fn refusals_keep_the_servers_words() {
    for (status, message, class) in [
        (401, "auth required", "auth"),
        (403, "token does not have the scope", "forbidden"),
        (500, "", "transient"),
    ] {
        let host = host();
        host.expect("GET", LIST)
            .reply(status, json!({"message": message, "url": "https://git.example.com/api/swagger"}));
        let fault = read::<Gitea>(&host, "registry-token", None, Some(desired())).expect_err("refused");
        assert_eq!(fault.class, class);
        if !message.is_empty() {
            assert_eq!(fault.vendor.expect("the server's words").message, message);
        }
    }
    let host = MockHost::new("", "o", "a");
    configure::<Gitea>(json!({})).expect("settings");
    let fault = read::<Gitea>(&host, "registry-token", None, Some(desired())).expect_err("where is it?");
    assert_eq!(fault.code, "gitea::no-endpoint");
    let (_, findings) = check::<Gitea>("registry-token", json!({"name": "", "username": "a", "scopes": []}));
    assert_eq!(findings, ["gitea::empty", "gitea::no-scopes"]);
}
