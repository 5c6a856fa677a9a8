//! The machine against scripted answers of the vendor.

use honey_sdk::{
    Value, json,
    testing::{self, MockHost},
};

use crate::Hetzner;

const MARKS: &str = "/servers?label_selector=honey-owner%3D%3Dhoneydue-hetzner%2Choney-address%3D%3Dhetzner__machine__node-1&page=1&per_page=50";
const NAME: &str = "/servers?name=honeydue-hetzner-node-1&page=1&per_page=50";

fn host() -> MockHost {
    let host = MockHost::new("https://api.hetzner.cloud/v1", "honeydue-hetzner", "hetzner/machine/node-1");
    testing::configure::<Hetzner>(json!({})).expect("configures");
    host
}

fn desired() -> Value {
    json!({"name": "honeydue-hetzner-node-1", "size": "cx22", "image": "ubuntu-24.04", "region": "nbg1",
        "ssh_keys": ["7"], "firewalls": ["38"]})
}

fn server(status: &str) -> Value {
    json!({"id": 42, "name": "honeydue-hetzner-node-1", "status": status, "locked": false,
        "server_type": {"name": "cx22"}, "image": {"id": 1, "name": "ubuntu-24.04"}, "location": {"name": "nbg1"},
        "public_net": {"ipv4": {"ip": "192.0.2.1"}, "ipv6": {"ip": "2001:db8::/64"}, "firewalls": [{"id": 38, "status": "applied"}]},
        "private_net": [], "placement_group": null,
        "labels": {"honey-owner": "honeydue-hetzner", "honey-address": "hetzner__machine__node-1"}})
}

fn order() -> Value {
    json!({"name": "honeydue-hetzner-node-1", "server_type": "cx22", "image": "ubuntu-24.04", "location": "nbg1",
        "ssh_keys": ["7"], "firewalls": [{"firewall": 38}], "start_after_create": true,
        "public_net": {"enable_ipv4": true, "enable_ipv6": true},
        "labels": {"honey-owner": "honeydue-hetzner", "honey-address": "hetzner__machine__node-1"}})
}

fn nothing_there(host: &MockHost) {
    host.expect("GET", MARKS).reply(200, json!({"servers": []}));
    host.expect("GET", NAME).reply(200, json!({"servers": []}));
}

fn action(id: u64, status: &str) -> Value {
    json!({"id": id, "command": "create_server", "status": status, "progress": 50, "error": null})
}

fn create(host: &MockHost, resume: Option<Value>) -> Result<Value, honey_sdk::Fault> {
    testing::apply::<Hetzner>(host, "machine", "create", None, Some(desired()), resume)
}

#[test]
fn a_create_waits_for_every_action_and_leaves_an_empty_plan() {
    let host = host();
    nothing_there(&host);
    host.expect("POST", "/servers").header("authorization", "Bearer {{token}}").body(order()).reply(
        201,
        json!({"server": server("initializing"), "action": action(1, "running"), "next_actions": [action(2, "running")], "root_password": null}),
    );
    host.expect("GET", "/actions?id=1&id=2")
        .reply(200, json!({"actions": [action(1, "success"), action(2, "running")]}));
    host.expect("GET", "/actions?id=2").reply(200, json!({"actions": [action(2, "success")]}));
    host.expect("GET", "/servers/42").reply(200, json!({"server": server("running")}));
    let made = create(&host, None).expect("made");
    assert_eq!(made["ownership"], "ours");
    assert_eq!(made["outputs"]["ipv4"], "192.0.2.1");
    assert_eq!(made["outputs"]["ipv6"], "2001:db8::1");
    assert_eq!(made["outputs"]["vendor_firewall"], true);
    assert_eq!(host.checkpoints(), [("42".to_owned(), json!({"server": 42, "actions": [1, 2]}))]);
    let (normal, _) = testing::check::<Hetzner>("machine", desired());
    for (field, wanted) in normal.as_object().expect("an object") {
        assert_eq!(made["attributes"][field], *wanted, "{field}");
    }
}

#[test]
fn addresses_of_ones_own_are_ordered_and_found_again() {
    let host = host();
    let mut desired = desired();
    desired["primary_ipv4"] = json!("61");
    let mut body = order();
    body["public_net"]["ipv4"] = json!(61);
    let mut made = server("running");
    made["public_net"]["ipv4"]["id"] = json!(61);
    nothing_there(&host);
    host.expect("POST", "/servers")
        .body(body)
        .reply(201, json!({"server": made.clone(), "action": action(1, "success"), "next_actions": []}));
    host.expect("GET", "/servers/42").reply(200, json!({"server": made}));
    let made =
        testing::apply::<Hetzner>(&host, "machine", "create", None, Some(desired), None).expect("made");
    assert_eq!(made["attributes"]["primary_ipv4"], "61");
}

#[test]
fn an_answer_that_was_lost_is_found_by_its_marks() {
    let host = host();
    nothing_there(&host);
    host.expect("POST", "/servers").interrupted();
    let fault = create(&host, None).expect_err("lost");
    assert_eq!((fault.class.as_str(), fault.code.as_str()), ("transient", "hetzner::interrupted"));
    host.expect("GET", MARKS).reply(200, json!({"servers": [server("starting")]}));
    host.expect("GET", "/servers/42").reply(200, json!({"server": server("starting")}));
    host.expect("GET", "/servers/42").reply(200, json!({"server": server("running")}));
    assert_eq!(create(&host, None).expect("found")["id"], "42");
}

#[test]
fn a_checkpoint_is_gone_on_from_and_a_lost_server_is_made_anew() {
    let host = host();
    let resume = json!({"server": 42, "actions": [1]});
    for _ in 0..2 {
        host.expect("GET", "/servers/42").reply(200, json!({"server": server("running")}));
    }
    assert_eq!(create(&host, Some(resume.clone())).expect("goes on")["id"], "42");
    host.expect("GET", "/servers/42")
        .reply(404, json!({"error": {"code": "not_found", "message": "server not found"}}));
    host.expect("POST", "/servers")
        .reply(201, json!({"server": server("running"), "action": action(3, "success"), "next_actions": []}));
    host.expect("GET", "/servers/42").reply(200, json!({"server": server("running")}));
    assert_eq!(create(&host, Some(resume)).expect("made anew")["id"], "42");
}

#[test]
fn a_server_of_somebody_else_is_never_taken() {
    let host = host();
    let mut other = server("running");
    other["labels"] = json!({"honey-owner": "else"});
    host.expect("GET", MARKS).reply(200, json!({"servers": []}));
    host.expect("GET", NAME).reply(200, json!({"servers": [other.clone()]}));
    assert_eq!(create(&host, None).expect_err("refused").code, "plugin::exists");
    host.expect("GET", "/servers/42").reply(200, json!({"server": other}));
    let fault =
        testing::apply::<Hetzner>(&host, "machine", "delete", Some("42"), None, None).expect_err("refused");
    assert_eq!(fault.code, "hetzner::foreign");
}

#[test]
fn an_adopted_server_gets_marks_and_firewalls_in_place() {
    let host = host();
    let mut bare = server("running");
    bare["labels"] = json!({"team": "blue"});
    bare["public_net"]["firewalls"] = json!([{"id": 9, "status": "applied"}]);
    host.expect("GET", MARKS).reply(200, json!({"servers": []}));
    host.expect("GET", NAME).reply(200, json!({"servers": [bare.clone()]}));
    host.expect("GET", "/servers/42").reply(200, json!({"server": bare.clone()}));
    let mut marked = bare;
    marked["labels"] = server("running")["labels"].clone();
    host.expect("PUT", "/servers/42")
        .body(json!({"name": "honeydue-hetzner-node-1", "labels": {"team": "blue",
            "honey-owner": "honeydue-hetzner", "honey-address": "hetzner__machine__node-1"}}))
        .reply(200, json!({"server": marked}));
    host.expect("POST", "/firewalls/38/actions/apply_to_resources")
        .body(json!({"apply_to": [{"type": "server", "server": {"id": 42}}]}))
        .reply(201, json!({"actions": [action(5, "success")]}));
    host.expect("POST", "/firewalls/9/actions/remove_from_resources")
        .body(json!({"remove_from": [{"type": "server", "server": {"id": 42}}]}))
        .reply(201, json!({"actions": [action(6, "success")]}));
    host.expect("GET", "/servers/42").reply(200, json!({"server": server("running")}));
    let made =
        testing::apply::<Hetzner>(&host, "machine", "adopt", None, Some(desired()), None).expect("adopted");
    assert_eq!(made["ownership"], "ours");
}

#[test]
fn a_delete_waits_out_a_lock_and_counts_gone_as_done() {
    let host = host();
    host.expect("GET", "/servers/42").reply(200, json!({"server": server("running")}));
    host.expect("DELETE", "/servers/42")
        .reply(423, json!({"error": {"code": "locked", "message": "an action is running", "details": null}}));
    host.expect("DELETE", "/servers/42").reply(200, json!({"action": action(9, "running")}));
    host.expect("GET", "/actions?id=9").reply(200, json!({"actions": [action(9, "success")]}));
    let delete = || testing::apply::<Hetzner>(&host, "machine", "delete", Some("42"), None, None);
    assert_eq!(delete().expect("deleted"), Value::Null);
    host.expect("GET", "/servers/42")
        .reply(404, json!({"error": {"code": "not_found", "message": "server not found"}}));
    assert_eq!(delete().expect("gone"), Value::Null);
}

#[test]
fn refusals_keep_the_vendors_words_and_failed_actions_are_faults() {
    let host = host();
    nothing_there(&host);
    host.expect("POST", "/servers").reply_raw(
        422,
        &[("x-correlation-id", "abc")],
        json!({"error": {"code": "invalid_input", "message": "invalid input", "details": {"fields": [{"name": "location", "messages": ["unknown"]}]}}}).to_string().into_bytes(),
    );
    let fault = create(&host, None).expect_err("refused");
    let vendor = fault.vendor.expect("the vendor's words");
    assert_eq!(
        (fault.class.as_str(), vendor.message.as_str()),
        ("invalid", "invalid input (field `location`)")
    );
    assert_eq!(vendor.request_id.as_deref(), Some("abc"));
    nothing_there(&host);
    let mut failed = action(1, "error");
    failed["error"] = json!({"code": "placement_error", "message": "no room"});
    host.expect("POST", "/servers")
        .reply(201, json!({"server": server("initializing"), "action": failed, "next_actions": []}));
    assert_eq!(create(&host, None).expect_err("failed").class, "quota");
    nothing_there(&host);
    host.expect("POST", "/servers").reply_raw(503, &[], b"<html>".to_vec());
    let fault = create(&host, None).expect_err("down");
    assert_eq!(
        (fault.class.as_str(), fault.vendor.expect("words").message.as_str()),
        ("transient", "the answer is an HTML page")
    );
}

#[test]
fn both_forms_of_a_server_are_read() {
    let host = host();
    let mut old = server("running");
    old["location"].take();
    old["datacenter"] = json!({"name": "nbg1-dc3", "location": {"name": "nbg1"}});
    for form in [old, server("running")] {
        host.expect("GET", "/servers/42").reply(200, json!({"server": form}));
        let found =
            testing::read::<Hetzner>(&host, "machine", Some("42"), None).expect("read").expect("there");
        assert_eq!(found["attributes"]["region"], "nbg1");
    }
}

#[test]
fn what_the_vendor_would_refuse_is_found_before_it_is_asked() {
    let _host = host();
    let with = |field: &str, value: Value| {
        let mut desired = desired();
        desired[field] = value;
        testing::check::<Hetzner>("machine", desired).1
    };
    for name in ["node_1", "-node", "node-", "a..b", ""] {
        assert_eq!(with("name", json!(name)), ["hetzner::name"], "{name}");
    }
    assert_eq!(with("name", json!("n".repeat(64))), ["hetzner::name"]);
    assert_eq!(with("name", json!("Node-1.example.com")), [""; 0]);
    for (key, value) in [
        ("honey-owner", json!("me")),
        ("hetzner.cloud/x", json!("y")),
        ("role", json!("-server")),
        ("a b", json!("")),
        ("role", json!("n".repeat(64))),
        ("", json!("x")),
    ] {
        assert_eq!(with("labels", json!({key: value})), ["hetzner::label"], "{key}");
    }
    assert_eq!(with("labels", json!({"example.com/role": "server", "empty": ""})), [""; 0]);
    assert_eq!(with("ssh_keys", json!([])), ["hetzner::no-ssh-key"]);
    assert_eq!(with("user_data", json!("x".repeat(32 * 1024 + 1))), ["hetzner::user-data-too-long"]);
}

#[test]
fn the_published_example_is_read() {
    let root = std::env::var_os("HONEY_SPECS").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs"),
        Into::into,
    );
    let Ok(text) =
        std::fs::read_to_string(root.join("examples/hetzner/fixture__servers__response_full_server.json"))
    else {
        eprintln!("the vendor's published examples are not here: set HONEY_SPECS");
        return;
    };
    let example: Value = serde_json::from_str(&text).expect("JSON");
    let host = host();
    host.expect("GET", "/servers/42").reply(200, example["body"].clone());
    let found = testing::read::<Hetzner>(&host, "machine", Some("42"), None).expect("read").expect("there");
    assert_eq!(found["ownership"], "unmarked");
    assert!(found["outputs"]["ipv4"].is_string(), "{found}");
}
