//! No answer of the vendor makes the plugin panic, and every refusal says what it is.

use honey_provider_hetzner::Hetzner;
use honey_sdk::{
    Context, Fault, Value,
    capability::{Power, Prices, Reinstall},
    json,
    testing::{
        self,
        hostile::{Case, survives},
    },
};

fn usual(method: &str, target: &str) -> Value {
    let labels = json!({"honey-owner": "honeydue-box", "honey-address": "box__thing__one", "team": "blue"});
    let action =
        json!({"id": 1, "command": "create_server", "status": "success", "progress": 100, "error": null});
    let place = json!({"name": "nbg1"});
    let object = json!({"id": 42, "name": "n", "status": "running", "locked": false, "labels": labels,
        "server_type": {"name": "cx22"}, "image": {"id": 1, "name": "ubuntu-24.04"}, "location": place,
        "datacenter": {"location": place}, "ip_range": "10.0.0.0/16", "subnets": [{"network_zone": "eu-central"}],
        "public_net": {"ipv4": {"id": 3, "ip": "192.0.2.1"}, "ipv6": {"ip": "2001:db8::/64"}, "firewalls": [{"id": 38}]},
        "private_net": [{"network": 7, "ip": "10.0.0.2"}], "placement_group": {"id": 9},
        "rules": [{"direction": "in", "protocol": "tcp", "port": "80", "source_ips": ["0.0.0.0/0"]}],
        "ip": "192.0.2.1", "type": "ipv4", "assignee_id": null, "dns_ptr": [{"ip": "192.0.2.1", "dns_ptr": "x"}],
        "fingerprint": "aa", "public_key": "ssh-ed25519 AAAA c"});
    if target.starts_with("/pricing") {
        let prices = json!([{"location": "nbg1", "price_monthly": {"net": "3.79"}}]);
        return json!({"pricing": {"currency": "EUR", "server_types": [{"name": "cx22", "prices": prices}],
            "primary_ips": [{"type": "ipv4", "prices": prices}]}});
    }
    if target.starts_with("/actions") || target.contains("/actions/") || method == "DELETE" {
        return json!({"action": action, "actions": [action]});
    }
    let kinds = ["server", "ssh_key", "firewall", "network", "placement_group", "primary_ip"];
    let kind = kinds.into_iter().find(|kind| target.starts_with(&format!("/{kind}"))).unwrap_or("server");
    let many = format!("{kind}s");
    json!({kind: object, many: [object], "action": action, "next_actions": [action], "root_password": null,
        "meta": {"pagination": {"next_page": null}}})
}

fn others(plugin: &Hetzner, ctx: Context<'_>, which: u8) -> Result<(), Fault> {
    match which {
        0 => plugin.get(ctx, "42").map(drop),
        1 => plugin.set(ctx, "42", true).map(drop),
        2 => plugin.set(ctx, "42", false).map(drop),
        3 => plugin.reboot(ctx, "42"),
        4 => plugin.reinstall(ctx, "42", json!({"image": "debian-13"})),
        5 => plugin.price(ctx, "primary-ip", json!({"type": "ipv4", "region": "nbg1"})).map(drop),
        _ => plugin.price(ctx, "machine", json!({"size": "cx22", "region": "nbg1"})).map(drop),
    }
}

#[test]
fn no_answer_makes_it_panic() {
    let rule = json!({"protocol": "tcp", "port": "22", "source_ips": ["0.0.0.0/0"]});
    survives(&Case {
        settings: json!({}),
        base: "https://api.hetzner.cloud/v1",
        objects: vec![
            (
                "machine",
                "42",
                json!({"name": "n", "size": "cx22", "image": "ubuntu-24.04", "ssh_keys": ["7"],
                "firewalls": ["9"], "network": "8", "labels": {"a": "b"}, "primary_ipv4": "3"}),
            ),
            ("ssh-key", "42", json!({"name": "k", "public_key": "ssh-ed25519 AAAA"})),
            ("firewall", "42", json!({"name": "f", "rules": [rule]})),
            ("placement-group", "42", json!({"name": "g"})),
            ("network", "42", json!({"name": "w", "ip_range": "10.0.0.0/16", "zone": "eu-central"})),
            (
                "primary-ip",
                "42",
                json!({"name": "p", "type": "ipv4", "region": "nbg1", "reverse": "a.example.com"}),
            ),
        ],
        usual,
        corpus: testing::examples("hetzner")
            .into_iter()
            .map(|(_, example)| example["body"].clone())
            .collect(),
        others,
    });
}
