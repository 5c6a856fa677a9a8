//! Cloudflare's DNS.

use honey_lab::{LabOptions, ZoneRecord};
use serde_json::{Value, json};

use super::{Said, Subject, never, no_task, text};
use crate::scenario::{Ability, Act, Expect, Scenario, Secrets, Step, few, few_but, life};

const ZONE: &str = "myhoneydue.com";

/// See the module.
pub(super) const SUBJECT: Subject = Subject {
    plugin: "cloudflare-dns",
    vendor: "cloudflare",
    folders: &["cloudflare", "cloudflare-dns"],
    base: "/client/v4",
    base_in_endpoint: true,
    settings: &[],
    secrets: &["token"],
    lab,
    scenarios,
    refusal,
    failure: refusal,
    task: no_task,
    only_reads: never,
    // Of a certificate: there is none, or it was revoked already.
    absorbs: |method, path, status, _| {
        status == 404 && matches!(method, "GET" | "DELETE") && path.contains("/certificates/")
    },
    locked: (409, ""),
    limited: (
        &[("ratelimit", "\"default\";r=0;t=2"), ("retry-after", "2")],
        r#"{"success": false, "errors": [{"code": 971, "message": "Please wait and consider throttling your request speed"}], "messages": [], "result": null}"#,
    ),
    arrives: &[
        ("GET", "/ips", "/result/ipv4_cidrs", "/ipv4"),
        ("GET", "/ips", "/result/ipv6_cidrs", "/ipv6"),
    ],
};

fn lab(options: &mut LabOptions) {
    let record = |name: &str, content: &str| ZoneRecord {
        kind: "A".into(),
        name: format!("{name}.{ZONE}"),
        content: content.into(),
        proxied: true,
    };
    options.zone_records =
        vec![record("old", "192.0.2.1"), record("live", "192.0.2.1"), record("live", "192.0.2.2")];
}

fn refusal(body: &Value) -> Option<Said> {
    if body.get("success")? == true {
        return None;
    }
    let first = body.pointer("/errors/0");
    if let Some(Value::String(words)) = first {
        return Some(Said::new("", words));
    }
    Some(Said::new(text(body, "/errors/0/code"), text(body, "/errors/0/message")))
}

fn records(name: &str, values: &[&str]) -> Value {
    json!({"zone": ZONE, "name": format!("{name}.{ZONE}"), "type": "A", "values": values, "proxied": true})
}

/// A signing request as a vendor sees it: nobody here holds its key.
const REQUEST: &str = "-----BEGIN CERTIFICATE REQUEST-----\nMIHYMIGAAgEAMB4xHDAaBgNVBAMME215aG9uZXlkdWUuY29tLmxhYg==\n-----END CERTIFICATE REQUEST-----\n";

fn certificate(days: u32) -> Value {
    json!({"zone": ZONE, "hostnames": [ZONE, format!("*.{ZONE}")], "csr": REQUEST, "key": "ecc", "valid_days": days})
}

fn scenarios() -> Vec<Scenario> {
    let three = records("api", &["198.51.100.1", "198.51.100.2", "198.51.100.3"]);
    let two = records("api", &["198.51.100.1", "198.51.100.9"]);
    let at = ("record-set", "old");
    let old = records("old", &["198.51.100.1"]);
    let settings = |ssl: &str| json!({"zone": ZONE, "ssl": ssl});
    let set = |name, act, desired: &Value, expect| {
        Step::new(name, act, ("zone-settings", "zone"), desired.clone(), expect)
    };
    let swap = |expect: &[&str], set: &[&str]| json!({"zone": ZONE, "swaps": [{"name": format!("live.{ZONE}"), "type": "A", "expect": expect, "set": set}]});
    let old_values = ["192.0.2.1", "192.0.2.2"];
    let new_values = ["198.51.100.7", "198.51.100.8", "198.51.100.9"];
    vec![
        Scenario {
            secrets: Secrets::All,
            name: "record set",
            steps: life(
                "record-set",
                "api",
                three.clone(),
                Some((two, "values")),
                Some(records("web", &["198.51.100.1"])),
            ),
            fewest: vec![
                few("look for", 2, "the zone's id, once a run, and a list of the name"),
                few_but(
                    "create",
                    2,
                    1,
                    "a list that proves what stands there, one batch for all three records; a list of the type before, whose it is",
                ),
                few("read", 1, "a list of the name; the zone's id is known in the run"),
                few_but(
                    "found again",
                    1,
                    1,
                    "a list of the name and type, one of all types that proves what stands there; the first would do, a change looks again directly before",
                ),
                few("nothing to do", 1, "a list that proves what stands there"),
                few("update", 2, "a list that proves what stands there, one batch"),
                few("drift found", 1, "a list of the name"),
                few("drift repaired", 2, "a list that proves what stands there, one batch"),
                few("replace", 5, "a list and a batch that deletes, two lists and a batch of the new name"),
                few("import", 1, "a list of the name"),
                few("delete", 2, "a list that tells ours from others', one batch"),
                few("delete what is gone", 1, "a list of the name"),
                few("gone", 1, "a list of the name"),
            ],
        },
        Scenario {
            secrets: Secrets::All,
            name: "adopt",
            steps: vec![
                Step::new("look for", Act::Find, at, old.clone(), Expect::Found),
                Step::new(
                    "not ours",
                    Act::Create,
                    at,
                    old.clone(),
                    Expect::Refused("cloudflare-dns::plugin::exists"),
                ),
                Step::new("adopt", Act::Adopt, at, old.clone(), Expect::Settled),
                Step::new("adopted already", Act::Adopt, at, old.clone(), Expect::Same),
                Step::new("delete", Act::Delete, at, Value::Null, Expect::Nothing),
                Step::new("delete what is gone", Act::Delete, at, Value::Null, Expect::Nothing),
            ],
            fewest: vec![
                few("look for", 2, "the zone's id, once a run, and a list of the name"),
                few("not ours", 1, "a list of the name"),
                few(
                    "adopt",
                    3,
                    "a list to see whose it is, one that proves what stands there directly before, one batch",
                ),
                few_but(
                    "adopted already",
                    1,
                    1,
                    "a list to see whose it is, one that proves what stands there; the first would do, a change looks again directly before",
                ),
                few("delete", 2, "a list that tells ours from others', one batch"),
                few("delete what is gone", 1, "a list of the name"),
            ],
        },
        Scenario {
            secrets: Secrets::All,
            name: "zone settings",
            steps: vec![
                set("read", Act::Find, &settings("flexible"), Expect::Found),
                set("create", Act::Create, &settings("strict"), Expect::Settled),
                set("found again", Act::Create, &settings("strict"), Expect::Same),
                set("update", Act::Update, &settings("full"), Expect::Same),
                set("drift found", Act::Read, &settings("strict"), Expect::Drifted("ssl")),
                set("import", Act::Import, &Value::Null, Expect::Found),
                set(
                    "another zone",
                    Act::Replace,
                    &json!({"zone": "elsewhere.example", "ssl": "strict"}),
                    Expect::Refused("cloudflare-dns::no-such-zone"),
                ),
                set("delete", Act::Delete, &Value::Null, Expect::Nothing),
            ],
            fewest: vec![
                few("read", 2, "the zone's id, once a run, and one setting"),
                few("create", 2, "a look whose it is, the setting"),
                few_but(
                    "found again",
                    1,
                    1,
                    "a look whose it is, the setting; the first would do, a change looks again directly before",
                ),
                few("update", 1, "one setting"),
                few("drift found", 1, "one setting"),
                few("import", 1, "one setting"),
                few("another zone", 1, "the other zone's id"),
            ],
        },
        Scenario {
            secrets: Secrets::All,
            name: "origin certificate",
            steps: life("origin-certificate", "edge", certificate(365), None, Some(certificate(90))),
            fewest: vec![
                few("look for", 2, "the zone's id, once a run, and the zone's certificates"),
                few("create", 2, "the zone's certificates, the signing"),
                few("read", 1, "one certificate"),
                few_but(
                    "found again",
                    1,
                    1,
                    "the zone's certificates, the one that answers the request; the first would do, a change looks again directly before",
                ),
                few("nothing to do", 1, "one certificate"),
                few("replace", 3, "the revocation, the zone's certificates, the signing"),
                few("import", 1, "one certificate"),
                few("delete", 1, "gone already is done"),
                few("delete what is gone", 1, "gone already is done"),
                few("gone", 1, "the zone's certificates"),
            ],
        },
        Scenario {
            secrets: Secrets::All,
            name: "swap",
            steps: vec![
                Step::can("edge ranges", Ability::EdgeRanges, "", Value::Null, Expect::Done),
                Step::can(
                    "current",
                    Ability::Current,
                    "",
                    json!({"zone": ZONE, "wanted": [[format!("live.{ZONE}"), "A"], [format!("none.{ZONE}"), "A"]]}),
                    Expect::Tells("/0/values", json!(old_values)),
                ),
                Step::can(
                    "somebody moved it",
                    Ability::Swap,
                    "",
                    swap(&["203.0.113.1"], &new_values),
                    Expect::Refused("moved"),
                ),
                Step::new(
                    "not ours",
                    Act::Can(Ability::Swap),
                    ("", ""),
                    swap(&old_values, &new_values),
                    Expect::Refused("cloudflare-dns::not-ours"),
                ),
                Step::new(
                    "adopt",
                    Act::Adopt,
                    ("record-set", "live"),
                    records("live", &old_values),
                    Expect::Settled,
                ),
                Step::can(
                    "swap",
                    Ability::Swap,
                    "",
                    swap(&old_values, &new_values),
                    Expect::Tells("/0/values", json!(new_values)),
                ),
                Step::can(
                    "swapped already",
                    Ability::Swap,
                    "",
                    swap(&old_values, &new_values),
                    Expect::Tells("/0/values", json!(new_values)),
                ),
            ],
            fewest: vec![
                few("edge ranges", 1, "one list"),
                few("current", 2, "the zone's id, once a run, and one list of the zone for several names"),
                few("somebody moved it", 1, "a list that shows other values"),
                few("not ours", 1, "a list that shows whose they are"),
                few(
                    "adopt",
                    3,
                    "a list to see whose it is, one that proves what stands there directly before, one batch",
                ),
                few("swap", 2, "a list that proves the old values directly before, one batch"),
                few("swapped already", 1, "a list that shows the new values"),
            ],
        },
    ]
}
