//! The machine against scripted answers of the vendor.

use honey_sdk::{
    Value, json,
    testing::{self, MockHost},
};

use crate::Ovh;

const SERVICE: &str = "vps-1624d691.vps.ovh.us";

fn host() -> MockHost {
    let host = MockHost::new("https://api.us.ovhcloud.com/1.0", "honeydue-ovh", "ovh/machine/node-1");
    for secret in ["application-key", "application-secret", "consumer-key"] {
        host.secret(secret, secret);
    }
    testing::configure::<Ovh>(json!({})).expect("configures");
    host.expect("GET", "/auth/time").reply(200, json!(1_700_000_000));
    host
}

fn service(name: &str, state: &str) -> Value {
    json!({"name": SERVICE, "displayName": name, "state": state, "zone": "Region OpenStack: os-waw2"})
}

fn expect_service(host: &MockHost, name: &str, state: &str) {
    host.expect("GET", &format!("/vps/{SERVICE}")).reply(200, service(name, state));
}

fn expect_details(host: &MockHost) {
    let path = format!("/vps/{SERVICE}");
    host.expect("GET", &format!("{path}/ips"))
        .reply(200, json!(["203.0.113.99", "203.0.113.10", "2001:db8::10"]));
    host.expect("GET", &format!("{path}/ips/203.0.113.99"))
        .reply(200, json!({"ipAddress": "203.0.113.99", "type": "additional", "version": "v4"}));
    host.expect("GET", &format!("{path}/ips/203.0.113.10"))
        .reply(200, json!({"ipAddress": "203.0.113.10", "type": "primary", "version": "v4"}));
    host.expect("GET", &format!("{path}/images/current"))
        .reply(200, json!({"id": "i", "name": "Ubuntu 24.04"}));
}

fn expect_read(host: &MockHost, name: &str) {
    expect_service(host, name, "running");
    expect_details(host);
}

fn task(state: &str) -> Value {
    json!({"id": 5, "state": state, "progress": 0, "type": "reinstallVm", "date": "2025-10-02T12:30:00+02:00"})
}

fn desired() -> Value {
    json!({"name": "honeydue-ovh-node-1", "service": SERVICE})
}

#[test]
fn adopting_puts_our_name_on_a_paid_service_and_nothing_else() {
    let host = host();
    expect_read(&host, "vps-1624d691");
    expect_service(&host, "vps-1624d691", "running");
    host.expect("PUT", &format!("/vps/{SERVICE}"))
        .body(json!({"displayName": "honeydue-ovh-node-1"}))
        .reply(200, Value::Null);
    let made =
        testing::apply::<Ovh>(&host, "machine", "adopt", None, Some(desired()), None).expect("adopted");
    assert_eq!(made["ownership"], "ours");
    assert_eq!(made["outputs"]["ipv4"], "203.0.113.10");
    assert_eq!(made["outputs"]["ipv6"], "2001:db8::10");
    assert_eq!(made["outputs"]["user"], "ubuntu");
    assert_eq!(
        made["attributes"],
        testing::check::<Ovh>("machine", desired()).0,
        "plan after apply is empty"
    );
}

#[test]
fn a_reinstall_goes_on_after_a_crash_and_never_happens_twice() {
    let host = host();
    let mut wanted = desired();
    wanted["reinstall"] = json!(true);
    wanted["image"] = json!("debian-13");
    wanted["ssh_keys"] = json!(["honeydue-ovh-key"]);
    let path = format!("/vps/{SERVICE}");
    let adopt = |resume| testing::apply::<Ovh>(&host, "machine", "adopt", None, Some(wanted.clone()), resume);
    expect_read(&host, "old");
    host.expect("GET", &format!("{path}/images/available")).reply(200, json!(["a", "b"]));
    host.expect("GET", &format!("{path}/images/available/a"))
        .reply(200, json!({"id": "a", "name": "Ubuntu 24.04"}));
    host.expect("GET", &format!("{path}/images/available/b"))
        .reply(200, json!({"id": "b", "name": "Debian 13"}));
    host.expect("POST", &format!("{path}/rebuild"))
        .body(json!({"imageId": "b", "sshKey": "honeydue-ovh-key", "doNotSendPassword": true}))
        .reply(200, task("todo"));
    host.expect("GET", &format!("{path}/tasks/5")).reply_raw(503, &[], b"<html>".to_vec());
    assert_eq!(adopt(None).expect_err("down").class, "transient");
    let (id, resume) = host.checkpoints().pop().expect("the task is remembered");
    assert_eq!(id, SERVICE);
    // The image is another one now: the user is asked for again.
    expect_read(&host, "old");
    host.expect("GET", &format!("{path}/tasks/5")).reply(200, task("done"));
    expect_service(&host, "old", "installing");
    expect_service(&host, "old", "running");
    expect_service(&host, "old", "running");
    host.expect("PUT", &path).reply(200, Value::Null);
    adopt(Some(resume)).expect("goes on");
    // With our mark on it, the disk is as wanted.
    expect_service(&host, "honeydue-ovh-node-1", "running");
    expect_service(&host, "honeydue-ovh-node-1", "running");
    adopt(None).expect("nothing to do");
}

#[test]
fn delete_never_ends_the_contract() {
    let host = host();
    let delete = || testing::apply::<Ovh>(&host, "machine", "delete", Some(SERVICE), None, None);
    expect_service(&host, "honeydue-ovh-node-1", "running");
    host.expect("PUT", &format!("/vps/{SERVICE}"))
        .body(json!({"displayName": SERVICE}))
        .reply(200, Value::Null);
    assert_eq!(delete().expect("unmarked"), Value::Null);
    assert!(host.logged().iter().any(|line| line.contains("still paid for")), "{:?}", host.logged());
    expect_service(&host, "somebody else's", "running");
    delete().expect("left alone");
    host.expect("GET", &format!("/vps/{SERVICE}")).reply(460, json!({"message": "expired"}));
    delete().expect("expired counts as gone");
}

#[test]
fn nothing_is_bought_without_consent() {
    let _host = MockHost::new("https://api.us.ovhcloud.com/1.0", "honeydue-ovh", "ovh/machine/node-1");
    testing::configure::<Ovh>(json!({})).expect("configures");
    let order = json!({"plan": "vps-2025-model1", "datacenter": "WAW", "os": "Debian 13"});
    let check = |order: Value| testing::check::<Ovh>("machine", json!({"name": "n", "order": order})).1;
    assert_eq!(check(order.clone()), ["ovh::no-consent"]);
    for (price, findings) in
        [("6.46 USD", vec![]), ("6.46", vec!["ovh::bad-price"]), ("all USD", vec!["ovh::bad-price"])]
    {
        let mut order = order.clone();
        order["accept_price"] = json!(price);
        assert_eq!(check(order), findings, "{price}");
    }
    assert_eq!(testing::check::<Ovh>("machine", json!({"name": "n"})).1, ["ovh::which-machine"]);
    assert!(testing::check::<Ovh>("machine", json!({"name": "n", "service": null})).1.is_empty());
}
