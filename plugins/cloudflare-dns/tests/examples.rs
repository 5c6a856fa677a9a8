//! The vendor's example answers, where they are at hand: each is read as the
//! reply to the call that would get it, or becomes a fault in the vendor's words.

use honey_plugin_cloudflare_dns::{CloudflareDns, record::Record};
use honey_sdk::{
    Value,
    capability::EdgeRanges,
    json,
    testing::{MockHost, configure, examples, read},
};

fn host() -> MockHost {
    let host = MockHost::new("https://api.cloudflare.com/client/v4", "o", "a");
    configure::<CloudflareDns>(json!({})).expect("settings");
    host
}

#[test]
fn example_refusals_keep_the_vendors_words() {
    for (name, example) in examples("cloudflare") {
        let (status, body) = (example["status"].as_u64().unwrap_or(200), &example["body"]);
        if status < 400 {
            continue;
        }
        let host = host();
        host.expect("GET", "/zones?name=example.com")
            .reply(u16::try_from(status).expect("a status"), body.clone());
        let wanted = json!({"zone": "example.com", "ssl": "strict"});
        let fault = read::<CloudflareDns>(&host, "zone-settings", None, Some(wanted)).expect_err(&name);
        let first = &body["errors"][0];
        assert_eq!(fault.vendor_code(), first["code"].to_string(), "{name}");
        let message = fault.vendor.as_ref().expect("words").message.clone();
        assert!(message.starts_with(first["message"].as_str().unwrap_or_default()), "{name}: {message}");
        if let Some(inner) = first.pointer("/error_chain/0/message").and_then(Value::as_str) {
            assert!(message.contains(inner), "{name}: {message}");
        }
    }
}

#[test]
fn example_records_and_ranges_are_understood() {
    let mut records = 0;
    for (name, example) in examples("cloudflare") {
        let result = &example["body"]["result"];
        let many = result.as_array().cloned().unwrap_or_else(|| vec![result.clone()]);
        for one in many.iter().filter(|one| one.get("type").is_some() && one.get("content").is_some()) {
            let record: Record =
                serde_json::from_value(one.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(!record.value().is_empty(), "{name}");
            records += 1;
        }
        if result.get("ipv4_cidrs").is_some() {
            let host = host();
            host.expect("GET", "/ips").reply(200, example["body"].clone());
            let plugin = honey_sdk::current::<CloudflareDns>().expect("configured");
            let ranges = plugin.edge_ranges(host.context()).expect(&name);
            assert_eq!(json!(ranges.ipv4), result["ipv4_cidrs"], "{name}");
        }
        if name.contains("zone__") {
            let host = host();
            host.expect("GET", "/zones?name=example.com")
                .reply(200, json!({"success": true, "result": [result], "errors": [], "messages": []}));
            host.expect("GET", "/zones/023e105f4ecef8ad9ca31a8372d0c353/settings/ssl")
                .reply(200, json!({"success": true, "result": {"id": "ssl", "value": "full"}, "errors": []}));
            let wanted = json!({"zone": "example.com", "ssl": "full"});
            read::<CloudflareDns>(&host, "zone-settings", None, Some(wanted)).expect(&name).expect("found");
        }
    }
    eprintln!("{records} records of Cloudflare read");
}
