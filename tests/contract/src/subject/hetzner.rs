//! Hetzner Cloud.

use serde_json::{Value, json};

use super::{Said, Subject, Task, missing_is_an_answer, never, plain, text};
use crate::scenario::{Ability, Act, Expect, Fewest, Scenario, Secrets, Step, Trick, few, few_but, life};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBq1oZ0gB0XTDdUOZzjMBC4XB7Lm1H6n5Fg8mCQpVY2e";
const OTHER_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFz2K0kVQ4D1C7QY1YpWb0O2eYj3m9uF5cJ8oS6tLk7A";

/// See the module.
pub(super) const SUBJECT: Subject = Subject {
    plugin: "hetzner",
    vendor: "hetzner",
    folders: &["hetzner", "hcloud"],
    base: "/v1",
    base_in_endpoint: true,
    settings: &[],
    secrets: &["token"],
    lab: plain,
    scenarios,
    refusal,
    failure,
    task,
    only_reads: never,
    absorbs: missing_is_an_answer,
    locked: (423, "locked"),
    limited: (
        &[("ratelimit-limit", "3600"), ("ratelimit-remaining", "0"), ("ratelimit-reset", "{reset}")],
        r#"{"error": {"code": "rate_limit_exceeded", "message": "limit of 3600 requests per hour reached", "details": null}}"#,
    ),
    arrives: &[
        ("GET", "/servers/{id}", "/server/public_net/ipv4/ip", "/outputs/ipv4"),
        ("GET", "/servers/{id}", "/server/name", "/outputs/name"),
        ("GET", "/ssh_keys/{id}", "/ssh_key/fingerprint", "/outputs/fingerprint"),
        ("GET", "/networks/{id}", "/network/ip_range", "/outputs/ip_range"),
    ],
};

fn refusal(body: &Value) -> Option<Said> {
    body.get("error").filter(|error| error.is_object())?;
    Some(Said::new(text(body, "/error/code"), text(body, "/error/message")))
}

fn failure(body: &Value) -> Option<Said> {
    let failed = actions(body).into_iter().find(|action| action["status"] == "error")?;
    Some(Said::new(text(failed, "/error/code"), text(failed, "/error/message")))
}

fn actions(body: &Value) -> Vec<&Value> {
    let single = body.get("action").filter(|action| action.is_object());
    let lists = ["actions", "next_actions"].iter().filter_map(|name| body.get(name)?.as_array());
    single.into_iter().chain(lists.flatten()).collect()
}

fn task(body: &mut Value, state: Task) -> bool {
    let mut found = false;
    let mut set = |action: &mut Value| {
        found = true;
        action["finished"] = Value::Null;
        match state {
            Task::Running => {
                action["status"] = json!("running");
                action["progress"] = json!(50);
                action["error"] = Value::Null;
            }
            Task::Failed => {
                action["status"] = json!("error");
                action["progress"] = json!(100);
                action["error"] = json!({"code": "action_failed", "message": "Action failed"});
            }
        }
    };
    if let Some(action) = body.get_mut("action").filter(|action| action.is_object()) {
        set(action);
    }
    for name in ["actions", "next_actions"] {
        body.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten().for_each(&mut set);
    }
    found
}

fn ssh_key(name: &str, key: &str) -> Value {
    json!({"name": name, "public_key": key})
}

fn firewall(ports: &[&str]) -> Value {
    let rules: Vec<Value> = ports
        .iter()
        .map(|port| json!({"direction": "in", "protocol": "tcp", "port": port, "source_ips": ["0.0.0.0/0", "::/0"]}))
        .collect();
    json!({"name": "honeydue-firewall", "rules": rules})
}

/// So many requests, and what for.
type Calls = (usize, &'static str);

const RENAME: Calls = (2, "a look for labels that are not ours, the rename");

/// The requests in the life of a kind that is all in one object with labels.
fn few_of_labelled(create: Calls, change: Calls, replace: Option<Calls>) -> Vec<Fewest> {
    let looks = "two lists: by marks, and by name for what is in the way";
    let by_id = "one object by its id";
    let mut all = vec![
        few("look for", 2, looks),
        few("create", create.0, create.1),
        few("read", 1, by_id),
        few_but(
            "found again",
            1,
            1,
            "the list by marks shows it whole; a change looks again directly before",
        ),
        few("nothing to do", 1, by_id),
        few("update", change.0, change.1),
        few("drift found", 1, by_id),
        few("drift repaired", change.0, change.1),
        few("import", 1, by_id),
        few("delete", 2, "a look whether it is another owner's, the delete"),
        few("delete what is gone", 1, by_id),
        few("gone", 2, looks),
    ];
    all.extend(replace.map(|(calls, why)| few("replace", calls, why)));
    all
}

fn scenarios() -> Vec<Scenario> {
    let changed = |value: Value, field| Some((value, field));
    let network = |name: &str, range: &str| json!({"name": name, "ip_range": range, "zone": "eu-central"});
    let group = |name: &str| json!({"name": name});
    let address = |region: &str, reverse: &str| json!({"name": "honeydue-address", "type": "ipv4", "region": region, "reverse": reverse});
    vec![
        Scenario {
            secrets: Secrets::All,
            name: "ssh key",
            steps: life(
                "ssh-key",
                "key",
                ssh_key("honeydue-key", KEY),
                changed(ssh_key("honeydue-other", KEY), "name"),
                Some(ssh_key("honeydue-key", OTHER_KEY)),
            ),
            fewest: few_of_labelled(
                (3, "two lists: by marks, and by name for what is in the way; the order"),
                RENAME,
                Some((
                    5,
                    "a look, the delete, two lists: by marks, and by name for what is in the way, the order",
                )),
            ),
        },
        Scenario {
            secrets: Secrets::All,
            name: "firewall",
            steps: life(
                "firewall",
                "firewall",
                firewall(&["22", "443"]),
                changed(firewall(&["22", "80", "443"]), "rules"),
                None,
            ),
            fewest: few_of_labelled(
                (
                    4,
                    "two lists: by marks, and by name for what is in the way; the order, one look at its actions",
                ),
                (3, "a look, set_rules, one look at its action"),
                None,
            ),
        },
        Scenario {
            secrets: Secrets::All,
            name: "network",
            steps: life(
                "network",
                "network",
                network("honeydue-net", "10.0.0.0/16"),
                changed(network("honeydue-other", "10.0.0.0/16"), "name"),
                Some(network("honeydue-net", "10.1.0.0/16")),
            ),
            fewest: few_of_labelled(
                (3, "two lists: by marks, and by name for what is in the way; the order with its subnet"),
                RENAME,
                Some((
                    5,
                    "a look, the delete, two lists: by marks, and by name for what is in the way, the order",
                )),
            ),
        },
        Scenario {
            secrets: Secrets::All,
            name: "placement group",
            steps: life(
                "placement-group",
                "group",
                group("honeydue-group"),
                changed(group("honeydue-other"), "name"),
                None,
            ),
            fewest: few_of_labelled(
                (3, "two lists: by marks, and by name for what is in the way; the order"),
                RENAME,
                None,
            ),
        },
        Scenario {
            secrets: Secrets::All,
            name: "primary ip",
            steps: life(
                "primary-ip",
                "address",
                address("nbg1", "node-1.example.com"),
                changed(address("nbg1", "node-2.example.com"), "reverse"),
                Some(address("hel1", "node-1.example.com")),
            ),
            fewest: few_of_labelled(
                (
                    5,
                    "two lists: by marks, and by name for what is in the way; the order, the reverse name, one look at its action",
                ),
                (3, "a look, the reverse name, one look at its action"),
                Some((
                    7,
                    "a look, the delete, two lists: by marks, and by name for what is in the way, the order, the reverse name, one look at its action",
                )),
            ),
        },
        Scenario {
            secrets: Secrets::All,
            name: "adopt",
            steps: adopted(),
            fewest: vec![
                few("not ours", 2, "two lists: by marks, and by name for what is in the way"),
                few_but(
                    "adopt",
                    3,
                    1,
                    "two lists: by marks, and by name for what is in the way, the rename that puts the labels on; a look at the labels that are not ours",
                ),
                few_but(
                    "adopted already",
                    1,
                    1,
                    "the list by marks shows it whole; a change looks again directly before",
                ),
                few("delete", 2, "a look whether it is another owner's, the delete"),
            ],
        },
        Scenario {
            secrets: Secrets::All,
            name: "server with addresses",
            steps: with_addresses(),
            fewest: vec![
                few("a key for it", 3, "two lists: by marks, and by name for what is in the way, the order"),
                few(
                    "an address for it",
                    3,
                    "two lists: by marks, and by name for what is in the way, the order",
                ),
                few(
                    "a network of addresses for it",
                    3,
                    "two lists: by marks, and by name for what is in the way, the order",
                ),
                few(
                    "create",
                    5,
                    "two lists: by marks, and by name for what is in the way, the order, one look at its actions, one at the server",
                ),
                few("read", 1, "one object by its id"),
                few(
                    "replace",
                    8,
                    "a look, the delete, one look at its action, two lists: by marks, and by name for what is in the way, the order, one look at its actions, one at the server",
                ),
                few("delete", 3, "a look, the delete, one look at its action"),
                few("the address stays", 1, "one object by its id"),
                few("its address goes", 2, "a look whether it is another owner's, the delete"),
                few("its network of addresses goes", 2, "a look whether it is another owner's, the delete"),
                few("its key goes", 2, "a look whether it is another owner's, the delete"),
            ],
        },
        Scenario {
            secrets: Secrets::All,
            name: "server",
            steps: server(),
            fewest: vec![
                few("a key for it", 3, "two lists: by marks, and by name for what is in the way, the order"),
                few(
                    "a firewall for it",
                    4,
                    "two lists: by marks, and by name for what is in the way, the order, one look at its actions",
                ),
                few(
                    "a group for it",
                    3,
                    "two lists: by marks, and by name for what is in the way, the order",
                ),
                few(
                    "a network for it",
                    3,
                    "two lists: by marks, and by name for what is in the way, the order",
                ),
                few(
                    "another network",
                    3,
                    "two lists: by marks, and by name for what is in the way, the order",
                ),
                few("price", 1, "one price list a run"),
                few("look for", 2, "two lists: by marks, and by name for what is in the way"),
                few(
                    "create",
                    5,
                    "two lists: by marks, and by name for what is in the way, the order, one look at its actions, one at the server",
                ),
                few("read", 1, "one object by its id"),
                few_but(
                    "found again",
                    1,
                    1,
                    "the list by marks shows it whole; a change looks again directly before",
                ),
                few(
                    "update",
                    5,
                    "a look, name and labels, the firewall on or off, one look at its action, the server as it is then",
                ),
                few("drift found", 1, "one object by its id"),
                few(
                    "drift repaired",
                    5,
                    "a look, name and labels, the firewall on or off, one look at its action, the server as it is then",
                ),
                few(
                    "another network for it",
                    6,
                    "a look, detach, one look at its action, attach, one look at its action, the server as it is then",
                ),
                few("power state", 1, "one server"),
                few_but(
                    "off",
                    4,
                    1,
                    "a look, shutdown, one look at its action, the state it came to; a look between",
                ),
                few("on", 4, "a look, poweron, one look at its action, the state it came to"),
                few(
                    "off by force",
                    7,
                    "a look, shutdown, one look at its action, the state that does not come, poweroff, one look at its action, the state it came to",
                ),
                few("on again", 4, "a look, poweron, one look at its action, the state it came to"),
                few("reboot", 2, "the reboot, one look at its action"),
                few("reinstall", 2, "the rebuild, one look at its action"),
                few(
                    "replace",
                    8,
                    "a look, the delete, one look at its action, two lists: by marks, and by name for what is in the way, the order, one look at its actions, one at the server",
                ),
                few("import", 1, "one object by its id"),
                few("delete", 3, "a look, the delete, one look at its action"),
                few("delete what is gone", 1, "one object by its id"),
                few("gone", 2, "two lists: by marks, and by name for what is in the way"),
                few("its network goes", 2, "a look whether it is another owner's, the delete"),
                few("the other network goes", 2, "a look whether it is another owner's, the delete"),
                few("its group goes", 2, "a look whether it is another owner's, the delete"),
                few("its firewall goes", 2, "a look whether it is another owner's, the delete"),
                few("its key goes", 2, "a look whether it is another owner's, the delete"),
            ],
        },
    ]
}

/// A server whose addresses outlive it.
fn with_addresses() -> Vec<Step> {
    let address = |name: &str, kind: &str| json!({"name": name, "type": kind, "region": "nbg1"});
    let machine = |size: &str| {
        json!({"name": "node-1", "size": size, "image": "ubuntu-24.04", "region": "nbg1", "ssh_keys": ["@key"],
            "primary_ipv4": "@four", "primary_ipv6": "@six"})
    };
    let at = ("machine", "server");
    let make =
        |name, kind, label, desired| Step::new(name, Act::Create, (kind, label), desired, Expect::Settled);
    let gone = |name, kind, label| Step::new(name, Act::Delete, (kind, label), Value::Null, Expect::Nothing);
    vec![
        make("a key for it", "ssh-key", "key", ssh_key("honeydue-key", KEY)),
        make("an address for it", "primary-ip", "four", address("honeydue-four", "ipv4")),
        make("a network of addresses for it", "primary-ip", "six", address("honeydue-six", "ipv6")),
        make("create", "machine", "server", machine("cx22")),
        Step::new("read", Act::Read, at, machine("cx22"), Expect::Settled),
        Step::new("replace", Act::Replace, at, machine("cx32"), Expect::New),
        gone("delete", "machine", "server"),
        Step::new(
            "the address stays",
            Act::Read,
            ("primary-ip", "four"),
            address("honeydue-four", "ipv4"),
            Expect::Settled,
        ),
        gone("its address goes", "primary-ip", "four"),
        gone("its network of addresses goes", "primary-ip", "six"),
        gone("its key goes", "ssh-key", "key"),
    ]
}

fn adopted() -> Vec<Step> {
    let at = ("ssh-key", "hand-made");
    let wanted = ssh_key("made-by-hand", KEY);
    vec![
        Step::new("by hand", Act::Hand("POST", "/ssh_keys"), at, ssh_key("made-by-hand", KEY), Expect::Done),
        Step::new("not ours", Act::Create, at, wanted.clone(), Expect::Refused("hetzner::plugin::exists")),
        Step::new("adopt", Act::Adopt, at, wanted.clone(), Expect::Settled),
        Step::new("adopted already", Act::Adopt, at, wanted.clone(), Expect::Same),
        Step::new("delete", Act::Delete, at, Value::Null, Expect::Nothing),
    ]
}

fn server() -> Vec<Step> {
    let machine = |name: &str, size: &str, more: Value| {
        let mut wanted = json!({
            "name": name, "size": size, "image": "ubuntu-24.04", "region": "nbg1",
            "ssh_keys": ["@key"], "firewalls": ["@firewall"], "placement_group": "@group",
            "network": "@network", "labels": {"role": "server"},
        });
        for (field, value) in more.as_object().into_iter().flatten() {
            wanted[field] = value.clone();
        }
        wanted
    };
    let first = machine("node-1", "cx22", json!({}));
    let lean = machine("node-2", "cx22", json!({"firewalls": [], "labels": {"role": "spare"}}));
    let moved = machine("node-1", "cx22", json!({"network": "@network-2"}));
    let bigger = machine("node-1", "cx32", json!({}));
    let at = ("machine", "server");
    let step = |name, act, desired: &Value, expect| Step::new(name, act, at, desired.clone(), expect);
    let make =
        |name, kind, label, desired| Step::new(name, Act::Create, (kind, label), desired, Expect::Settled);
    let gone = |name, kind, label| Step::new(name, Act::Delete, (kind, label), Value::Null, Expect::Nothing);
    let network = |name: &str, range: &str| json!({"name": name, "ip_range": range, "zone": "eu-central"});
    vec![
        make("a key for it", "ssh-key", "key", ssh_key("honeydue-key", KEY)),
        make("a firewall for it", "firewall", "firewall", firewall(&["22"])),
        make("a group for it", "placement-group", "group", json!({"name": "honeydue-group"})),
        make("a network for it", "network", "network", network("honeydue-net", "10.0.0.0/16")),
        make("another network", "network", "network-2", network("honeydue-net-2", "10.2.0.0/16")),
        Step::can(
            "price",
            Ability::Price,
            "",
            json!({"kind": "machine", "desired": first}),
            Expect::Tells("/currency", json!("EUR")),
        ),
        step("look for", Act::Find, &first, Expect::Nothing),
        step("create", Act::Create, &first, Expect::Settled),
        step("read", Act::Read, &first, Expect::Settled),
        step("found again", Act::Create, &first, Expect::Same),
        step("update", Act::Update, &lean, Expect::Same),
        step("drift found", Act::Read, &first, Expect::Drifted("firewalls")),
        step("drift repaired", Act::Update, &first, Expect::Same),
        step("another network for it", Act::Update, &moved, Expect::Same),
        Step::can("power state", Ability::Power, "server", Value::Null, Expect::Tells("", json!("on"))),
        Step::can("off", Ability::SetPower(false), "server", Value::Null, Expect::Tells("", json!("off"))),
        Step::can("on", Ability::SetPower(true), "server", Value::Null, Expect::Tells("", json!("on"))),
        Step::can(
            "off by force",
            Ability::SetPower(false),
            "server",
            Value::Null,
            Expect::Tells("", json!("off")),
        )
        .while_vendor(Trick::Stubborn),
        Step::can("on again", Ability::SetPower(true), "server", Value::Null, Expect::Tells("", json!("on"))),
        Step::can("reboot", Ability::Reboot, "server", Value::Null, Expect::Done),
        Step::can("reinstall", Ability::Reinstall, "server", json!({"image": "debian-12"}), Expect::Done),
        step("replace", Act::Replace, &bigger, Expect::New),
        step("import", Act::Import, &Value::Null, Expect::Found),
        step("delete", Act::Delete, &Value::Null, Expect::Nothing),
        step("delete what is gone", Act::Delete, &Value::Null, Expect::Nothing),
        step("gone", Act::Find, &bigger, Expect::Nothing),
        gone("its network goes", "network", "network"),
        gone("the other network goes", "network", "network-2"),
        gone("its group goes", "placement-group", "group"),
        gone("its firewall goes", "firewall", "firewall"),
        gone("its key goes", "ssh-key", "key"),
    ]
}
