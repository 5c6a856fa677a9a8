//! The vendor's example answers, where they are at hand: each is read as the
//! reply to the call that would get it, or becomes a fault in the vendor's words.

use honey_plugin_b2::{B2, wire};
use honey_sdk::{
    json,
    testing::{MockHost, configure, examples, read},
};

#[test]
fn example_answers_are_understood() {
    for (name, example) in examples("backblaze") {
        let host = MockHost::new("https://api.backblazeb2.com", "o", "a");
        configure::<B2>(json!({})).expect("settings");
        let status = u16::try_from(example["status"].as_u64().unwrap_or(200)).expect("a status");
        let body = example["body"].clone();
        host.expect("GET", "/b2api/v4/b2_authorize_account").reply(status, body.clone());
        if status < 300 {
            let authorized: wire::Authorized = serde_json::from_value(body).expect(&name);
            let list = format!("{}/b2api/v4/b2_list_buckets", authorized.api_info.storage.api_url);
            host.expect("POST", &list).reply(200, json!({"buckets": []}));
            let found = read::<B2>(&host, "bucket", None, Some(json!({"name": "honeydue-prod"})));
            assert!(matches!(found, Ok(None)), "{name}");
            continue;
        }
        let fault =
            read::<B2>(&host, "bucket", None, Some(json!({"name": "honeydue-prod"}))).expect_err(&name);
        assert_eq!(fault.vendor_code(), body["code"].as_str().unwrap_or_default(), "{name}");
        let words = fault.vendor.as_ref().map(|vendor| vendor.message.as_str());
        assert_eq!(words, body["message"].as_str(), "{name}");
    }
}
