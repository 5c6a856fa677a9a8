//! `record-set` and `record-swap` against scripted answers.

use honey_plugin_cloudflare_dns::CloudflareDns;
use honey_sdk::{
    Value,
    capability::{RecordSwap, Replacement, SwapError},
    json,
    testing::{MockHost, apply, check, configure, read},
};

const MARK: &str = "honey-owner=honeydue-dns honey-address=dns__example.com__A__api";
const BATCH: &str = "/zones/z1/dns_records/batch";
const AT_API: &str = "/zones/z1/dns_records?name.exact=api.example.com";

fn host() -> MockHost {
    let host = MockHost::new("https://api.cloudflare.com/client/v4", "honeydue-dns", "dns/example.com/A/api");
    configure::<CloudflareDns>(json!({})).expect("no settings are needed");
    host
}

fn with_zone() -> MockHost {
    let host = host();
    let zone = json!({"id": "z1", "name": "example.com", "status": "pending", "activated_on": null});
    host.expect("GET", "/zones?name=example.com")
        .header("authorization", "Bearer {{token}}")
        .reply(200, ok(json!([zone])));
    host
}

fn ok(result: Value) -> Value {
    json!({"success": true, "errors": [], "messages": [], "result": result,
        "result_info": {"page": 1, "total_pages": 1}})
}

fn refused(code: u32, message: &str) -> Value {
    json!({"success": false, "errors": [{"code": code, "message": message}], "messages": [], "result": null})
}

fn record(id: &str, content: &str, comment: Option<&str>) -> Value {
    json!({"id": id, "name": "api.example.com", "type": "A", "content": content, "proxied": true, "ttl": 1,
        "comment": comment, "meta": {}, "tags": [], "created_on": "2026-01-01T00:00:00Z", "future": {"x": 1}})
}

fn is_ours(state: &Value) -> bool {
    state["ownership"].as_str().is_some_and(|ownership| ownership.to_lowercase().ends_with("ours"))
}

fn desired(values: &[&str]) -> Value {
    json!({"zone": "example.com", "name": "api.example.com", "type": "A", "values": values, "proxied": true, "ttl": 1})
}

#[test]
fn a_set_of_three_is_made_with_one_batch() {
    let host = with_zone();
    host.expect("GET", AT_API).reply(200, ok(json!([])));
    host.expect("GET", AT_API).reply(200, ok(json!([])));
    let post = |value: &str| json!({"name": "api.example.com", "type": "A", "content": value, "ttl": 1, "proxied": true, "comment": MARK});
    let values = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
    host.expect("POST", BATCH).body(json!({"posts": values.map(post)})).reply(
        200,
        ok(json!({"deletes": [], "patches": null, "posts": values.map(|value| record(value, value, Some(MARK)))})),
    );
    let made = apply::<CloudflareDns>(&host, "record-set", "create", None, Some(desired(&values)), None)
        .expect("made");
    assert_eq!(made["id"], "example.com/A/api.example.com");
    assert_eq!(made["attributes"], desired(&values));
    assert_eq!(made["outputs"], json!({"zone_id": "z1", "ids": values, "others": []}));
    assert!(is_ours(&made));
}

#[test]
fn a_lost_answer_is_decided_by_looking_again() {
    let host = with_zone();
    host.expect("GET", AT_API).reply(200, ok(json!([record("1", "127.0.0.1", Some(MARK))])));
    host.expect("POST", BATCH).body(json!({"patches": [{"id": "1", "content": "127.0.0.9"}]})).interrupted();
    host.expect("GET", AT_API).reply(200, ok(json!([record("1", "127.0.0.9", Some(MARK))])));
    let id = Some("example.com/A/api.example.com");
    let changed =
        apply::<CloudflareDns>(&host, "record-set", "update", id, Some(desired(&["127.0.0.9"])), None)
            .expect("changed");
    assert_eq!(changed["attributes"]["values"], json!(["127.0.0.9"]));
}

#[test]
fn an_identical_record_made_in_between_counts_as_done() {
    let host = with_zone();
    host.expect("GET", AT_API).reply(200, ok(json!([])));
    host.expect("POST", BATCH).reply(400, refused(81_058, "An identical record already exists."));
    host.expect("GET", AT_API).reply(200, ok(json!([record("1", "127.0.0.1", Some(MARK))])));
    let id = Some("example.com/A/api.example.com");
    apply::<CloudflareDns>(&host, "record-set", "update", id, Some(desired(&["127.0.0.1"])), None)
        .expect("done");
}

#[test]
fn a_stranger_in_the_set_is_left_alone() {
    let host = with_zone();
    host.expect("GET", AT_API).reply(
        200,
        ok(json!([record("1", "127.0.0.1", Some(MARK)), record("2", "127.0.0.2", Some("by hand"))])),
    );
    let id = Some("example.com/A/api.example.com");
    let fault =
        apply::<CloudflareDns>(&host, "record-set", "update", id, Some(desired(&["127.0.0.9"])), None)
            .expect_err("not ours");
    assert_eq!((fault.class.as_str(), fault.code.as_str()), ("conflict", "cloudflare-dns::not-ours"));

    host.expect("GET", &format!("{AT_API}&type=A"))
        .reply(200, ok(json!([record("1", "127.0.0.1", Some(MARK)), record("2", "127.0.0.2", None)])));
    host.expect("POST", BATCH).body(json!({"deletes": [{"id": "1"}]})).reply(200, ok(json!({})));
    apply::<CloudflareDns>(&host, "record-set", "delete", id, None, None).expect("ours is deleted");
    assert_eq!(host.logged().len(), 1, "the other one is mentioned");
}

#[test]
fn adopting_marks_every_record_and_keeps_ids() {
    let host = with_zone();
    let found = json!([record("1", "127.0.0.1", None), record("2", "127.0.0.2", Some("by hand"))]);
    host.expect("GET", AT_API).reply(200, ok(found.clone()));
    host.expect("GET", AT_API).reply(200, ok(found));
    host.expect("POST", BATCH)
        .body(json!({"patches": [{"id": "1", "comment": MARK}, {"id": "2", "content": "127.0.0.3", "comment": MARK}]}))
        .reply(200, ok(json!({"patches": [record("1", "127.0.0.1", Some(MARK)), record("2", "127.0.0.3", Some(MARK))]})));
    let values = ["127.0.0.1", "127.0.0.3"];
    let adopted = apply::<CloudflareDns>(&host, "record-set", "adopt", None, Some(desired(&values)), None)
        .expect("adopted");
    assert!(is_ours(&adopted));
    assert_eq!(adopted["outputs"]["ids"], json!(["1", "2"]));
}

#[test]
fn a_cname_in_the_way_is_named() {
    let host = with_zone();
    let cname = json!({"id": "9", "name": "api.example.com", "type": "CNAME", "content": "old.example.net", "ttl": 1});
    host.expect("GET", AT_API).reply(200, ok(json!([cname])));
    let fault = read::<CloudflareDns>(&host, "record-set", None, Some(desired(&["127.0.0.1"])))
        .expect_err("a plan knows it before anything is made");
    assert_eq!(fault.code, "cloudflare-dns::name-taken");
    host.expect("GET", AT_API).reply(200, ok(json!([])));
    host.expect("GET", AT_API).reply(200, ok(json!([cname])));
    let fault =
        apply::<CloudflareDns>(&host, "record-set", "create", None, Some(desired(&["127.0.0.1"])), None)
            .expect_err("taken");
    assert_eq!(fault.code, "cloudflare-dns::name-taken");
    assert!(fault.message.contains("old.example.net"), "{}", fault.message);
}

#[test]
fn a_difference_within_the_set_shows() {
    let host = with_zone();
    let mut odd = record("2", "127.0.0.2", Some(MARK));
    odd["proxied"] = json!(false);
    odd["ttl"] = json!(300.0);
    host.expect("GET", AT_API).reply(200, ok(json!([record("1", "127.0.0.1", Some(MARK)), odd])));
    let found = read::<CloudflareDns>(&host, "record-set", None, Some(desired(&["127.0.0.1", "127.0.0.2"])))
        .expect("read")
        .expect("found");
    assert_eq!((&found["attributes"]["proxied"], &found["attributes"]["ttl"]), (&json!(false), &json!(300)));
}

#[test]
fn values_and_names_are_checked() {
    host();
    let (normal, findings) = check::<CloudflareDns>(
        "record-set",
        json!({"zone": "Example.com.", "name": "@", "type": "a", "values": ["127.0.0.2", "127.0.0.1", "127.0.0.2"]}),
    );
    assert!(findings.is_empty(), "{findings:?}");
    let wanted = json!({"zone": "example.com", "name": "example.com", "type": "A",
        "values": ["127.0.0.1", "127.0.0.2"], "proxied": false, "ttl": 1});
    assert_eq!(normal, wanted);
    for (desired, code) in [
        (
            json!({"zone": "example.com", "name": "api", "type": "A", "values": ["127.0.0.1"]}),
            "name-outside-zone",
        ),
        (
            json!({"zone": "example.com", "name": format!("{}.example.com", "n".repeat(64)), "type": "A", "values": ["127.0.0.1"]}),
            "name-outside-zone",
        ),
        (
            json!({"zone": "example.com", "name": "a..example.com", "type": "A", "values": ["127.0.0.1"]}),
            "name-outside-zone",
        ),
        (json!({"zone": "example.com", "name": "@", "type": "A", "values": ["::1"]}), "value"),
        (
            json!({"zone": "example.com", "name": "@", "type": "TXT", "values": ["x"], "proxied": true}),
            "not-proxiable",
        ),
        (json!({"zone": "example.com", "name": "@", "type": "A", "values": ["127.0.0.1"], "ttl": 59}), "ttl"),
        (
            json!({"zone": "example.com", "name": "@", "type": "CNAME", "values": ["a.b", "c.d"]}),
            "cname-values",
        ),
    ] {
        let (_, findings) = check::<CloudflareDns>("record-set", desired);
        assert_eq!(findings, [format!("cloudflare-dns::{code}")]);
    }
    let (normal, findings) = check::<CloudflareDns>(
        "record-set",
        json!({"zone": "example.com", "name": "@", "type": "A", "values": [null]}),
    );
    assert!(findings.is_empty() && normal.get("values").is_none(), "{normal} {findings:?}");
}

fn plugin() -> std::rc::Rc<CloudflareDns> {
    honey_sdk::current::<CloudflareDns>().expect("configured")
}

fn swap(name: &str, expect: &str, set: &str) -> Replacement {
    Replacement {
        name: name.to_owned(),
        type_: "A".to_owned(),
        expect: vec![expect.to_owned()],
        set: vec![set.to_owned()],
    }
}

#[test]
fn a_swap_of_many_names_is_one_list_and_one_batch() {
    let host = with_zone();
    let mut app = record("2", "127.0.0.1", Some(MARK));
    app["name"] = json!("app.example.com");
    let txt = json!({"id": "3", "name": "app.example.com", "type": "HTTPS", "data": {}, "ttl": 1});
    let all = json!([record("1", "127.0.0.1", Some(MARK)), app, txt]);
    host.expect("GET", "/zones/z1/dns_records?page=1&per_page=5000").reply(200, ok(all));
    host.expect("POST", BATCH)
        .body(json!({"patches": [{"id": "1", "content": "127.0.0.8"}, {"id": "2", "content": "127.0.0.8"}]}))
        .reply(200, ok(json!({"patches": []})));
    let swaps = [
        swap("api.example.com", "127.0.0.1", "127.0.0.8"),
        swap("app.example.com", "127.0.0.1", "127.0.0.8"),
    ];
    let Ok(done) = plugin().swap(host.context(), "example.com", &swaps) else { panic!("swapped") };
    assert_eq!(done[1].values, ["127.0.0.8"]);
    assert!(done[0].proxied, "the proxy state stays");
}

#[test]
fn a_swap_that_is_done_already_costs_one_read() {
    let host = with_zone();
    host.expect("GET", AT_API).reply(200, ok(json!([record("1", "127.0.0.8", Some(MARK))])));
    let swaps = [swap("api.example.com", "127.0.0.1", "127.0.0.8")];
    assert!(plugin().swap(host.context(), "example.com", &swaps).is_ok());
}

#[test]
fn a_swap_whose_answer_is_lost_is_not_repeated_blindly() {
    let host = with_zone();
    host.expect("GET", AT_API).reply(200, ok(json!([record("1", "127.0.0.1", Some(MARK))])));
    host.expect("POST", BATCH).interrupted();
    host.expect("GET", AT_API).reply(200, ok(json!([record("1", "127.0.0.8", Some(MARK))])));
    let swaps = [swap("api.example.com", "127.0.0.1", "127.0.0.8")];
    assert!(plugin().swap(host.context(), "example.com", &swaps).is_ok());
}

#[test]
fn a_zone_that_moved_is_shown_and_not_touched() {
    let host = with_zone();
    host.expect("GET", AT_API).reply(200, ok(json!([record("1", "127.0.0.7", Some(MARK))])));
    let swaps = [swap("api.example.com", "127.0.0.1", "127.0.0.8")];
    match plugin().swap(host.context(), "example.com", &swaps) {
        Err(SwapError::Moved(found)) => assert_eq!(found.values, ["127.0.0.7"]),
        _ => panic!("the zone holds something else"),
    }
}

#[test]
fn a_swap_leaves_records_of_others_alone() {
    for comment in [None, Some("honey-owner=other-dns")] {
        let host = with_zone();
        host.expect("GET", AT_API).reply(200, ok(json!([record("1", "127.0.0.1", comment)])));
        let swaps = [swap("api.example.com", "127.0.0.1", "127.0.0.8")];
        match plugin().swap(host.context(), "example.com", &swaps) {
            Err(SwapError::Failed(fault)) => assert_eq!(fault.code, "cloudflare-dns::not-ours"),
            _ => panic!("not ours"),
        }
    }
}

#[test]
fn who_was_here_between_look_and_batch_is_told() {
    let host = with_zone();
    host.expect("GET", AT_API).reply(200, ok(json!([record("1", "127.0.0.1", Some(MARK))])));
    // Deleted in between: the vendor refuses the batch, and a second look shows what there is.
    host.expect("POST", BATCH).reply(404, refused(81_044, "Record does not exist."));
    host.expect("GET", AT_API).reply(200, ok(json!([record("2", "127.0.0.7", Some(MARK))])));
    let swaps = [swap("api.example.com", "127.0.0.1", "127.0.0.8")];
    match plugin().swap(host.context(), "example.com", &swaps) {
        Err(SwapError::Moved(found)) => assert_eq!(found.values, ["127.0.0.7"]),
        _ => panic!("somebody changed it"),
    }
    // Only touched in between: the swap is done and a warning says so.
    host.expect("GET", AT_API).reply(200, ok(json!([record("1", "127.0.0.1", Some(MARK))])));
    let mut touched = record("1", "127.0.0.8", Some(MARK));
    touched["proxied"] = json!(false);
    host.expect("POST", BATCH).reply(200, ok(json!({"patches": [touched]})));
    assert!(plugin().swap(host.context(), "example.com", &swaps).is_ok());
    assert!(host.logged().iter().any(|line| line.contains("somebody else changed")), "{:?}", host.logged());
}

const CSR: &str = "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----";

fn certificate() -> Value {
    json!({"id": "328", "csr": format!("{CSR}\n"), "certificate": "-----BEGIN CERTIFICATE-----", "hostnames": ["*.example.com"],
        "expires_on": "2040-01-01 05:20:00 +0000 UTC", "request_type": "origin-ecc", "requested_validity": 5475})
}

#[test]
fn an_origin_certificate_is_signed_once_for_one_request() {
    let host = with_zone();
    let desired =
        json!({"zone": "example.com", "hostnames": ["*.Example.com."], "csr": format!("  {CSR}\r\n\n")});
    let (normal, findings) = check::<CloudflareDns>("origin-certificate", desired);
    assert!(findings.is_empty(), "{findings:?}");
    host.expect("GET", "/certificates?zone_id=z1").reply(200, ok(json!([])));
    host.expect("POST", "/certificates")
        .body(json!({"csr": CSR, "hostnames": ["*.example.com"], "request_type": "origin-ecc", "requested_validity": 5475}))
        .reply(200, ok(certificate()));
    let create =
        || apply::<CloudflareDns>(&host, "origin-certificate", "create", None, Some(normal.clone()), None);
    let made = create().expect("signed");
    assert_eq!((&made["attributes"], &made["id"]), (&normal, &json!("example.com/328")));
    // The answer to the very same request is found again; one that was revoked is not.
    host.expect("GET", "/certificates?zone_id=z1").reply(200, ok(json!([certificate()])));
    host.expect("GET", "/certificates/328").reply(200, ok(certificate()));
    assert_eq!(create().expect("found")["outputs"]["id"], "328");
    let mut revoked = certificate();
    revoked["revoked_at"] = json!("2026-01-01T00:00:00Z");
    host.expect("GET", "/certificates/328").reply(200, ok(revoked));
    let found = read::<CloudflareDns>(&host, "origin-certificate", Some("example.com/328"), None);
    assert_eq!(found.expect("read"), None);
    host.expect("DELETE", "/certificates/328")
        .reply(404, refused(1101, "Failed to read certificate from Database"));
    let delete =
        apply::<CloudflareDns>(&host, "origin-certificate", "delete", Some("example.com/328"), None, None);
    assert_eq!(delete.expect("gone already"), Value::Null);
}

#[test]
fn a_private_key_never_goes_to_the_vendor() {
    let _host = host();
    let with_key = format!("{CSR}\n-----BEGIN PRIVATE KEY-----");
    let desired =
        json!({"zone": "example.com", "hostnames": ["other.org"], "csr": with_key, "valid_days": 8});
    let (_, findings) = check::<CloudflareDns>("origin-certificate", desired);
    assert_eq!(
        findings,
        ["cloudflare-dns::csr", "cloudflare-dns::name-outside-zone", "cloudflare-dns::valid-days"]
    );
}

#[test]
fn refusals_keep_the_vendors_words() {
    for (status, body, class, code) in [
        (403, refused(10_000, "Authentication error"), "auth", "10000"),
        (403, refused(9109, "Unauthorized to access requested resource"), "forbidden", "9109"),
        (404, refused(7003, "Could not route"), "not-found", "7003"),
        (429, json!({"success": false, "errors": []}), "rate-limited", ""),
        (500, Value::Null, "transient", ""),
    ] {
        let host = host();
        host.expect("GET", "/zones?name=example.com").reply(status, body);
        let fault = read::<CloudflareDns>(&host, "record-set", None, Some(desired(&["127.0.0.1"])))
            .expect_err("refused");
        assert_eq!((fault.class.as_str(), fault.vendor_code()), (class, code));
    }
    let host = host();
    let page = b"<html>Bad gateway</html>".to_vec();
    host.expect("GET", "/zones?name=example.com").reply_raw(502, &[("content-type", "text/html")], page);
    let fault =
        read::<CloudflareDns>(&host, "record-set", None, Some(desired(&["127.0.0.1"]))).expect_err("refused");
    assert_eq!(fault.class, "transient");
}

#[test]
fn the_ssl_mode_is_read_and_set() {
    let host = with_zone();
    host.expect("GET", "/zones/z1/settings/ssl")
        .reply(200, ok(json!({"id": "ssl", "value": "full", "editable": true})));
    let wanted = json!({"zone": "example.com", "ssl": "strict"});
    let found = read::<CloudflareDns>(&host, "zone-settings", None, Some(wanted.clone()))
        .expect("read")
        .expect("found");
    assert_eq!(found["attributes"]["ssl"], "full");
    host.expect("PATCH", "/zones/z1/settings/ssl")
        .body(json!({"value": "strict"}))
        .reply(200, ok(json!({"id": "ssl", "value": "strict"})));
    let set = apply::<CloudflareDns>(
        &host,
        "zone-settings",
        "update",
        Some("example.com"),
        Some(wanted.clone()),
        None,
    );
    assert_eq!(set.expect("set")["attributes"], wanted);
}
