//! No facts of a host make the plugin panic, and every refusal says what it is.

use honey_provider_generic_ssh::GenericSsh;
use honey_sdk::{
    Value, json,
    testing::hostile::{Case, nothing, survives},
};

fn usual(_: &str, _: &str) -> Value {
    json!({"os_id": "debian", "os_version": "13", "architecture": "x86_64", "hostname": "one", "sudo": true,
        "addresses": ["203.0.113.7/24", "10.0.0.7", "2001:db8::7/64", "fe80::1", "fd00::1"],
        "packages": {"curl": "8.1"}, "firewall": {"active": true, "rules": []}, "disk_free_bytes": 1_u64 << 40})
}

#[test]
fn no_answer_makes_it_panic() {
    let other = json!({"os_id": "", "addresses": ["0.0.0.0", "::", "1.2.3.4/", "/24", "203.0.113.7/999"]});
    survives::<GenericSsh>(&Case {
        settings: json!({}),
        base: "",
        objects: vec![
            (
                "machine",
                "203.0.113.7",
                json!({"name": "one", "address": "203.0.113.7", "user": "admin", "port": 22}),
            ),
            ("machine", "ovhcloud1", json!({"name": "one", "address": "ovhcloud1"})),
            (
                "machine",
                "2001:db8::7",
                json!({"name": "one", "address": "2001:db8::8", "identity": "~/.ssh/key"}),
            ),
        ],
        usual,
        corpus: vec![other],
        others: nothing,
    });
}
