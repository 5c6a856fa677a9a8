//! Example answers of Gitea, where they are at hand: each is read as the reply
//! to the call that would get it, or becomes a fault in the server's words.

use honey_plugin_gitea::{Gitea, challenge::Challenge, manifest};
use honey_sdk::{
    capability::ImageResolver,
    json,
    testing::{MockHost, configure, examples, read},
};

#[test]
fn example_answers_are_understood() {
    for (name, example) in examples("gitea") {
        let status = u16::try_from(example["status"].as_u64().unwrap_or(200)).expect("a status");
        let body = &example["body"];
        let challenge = example["headers"]["WWW-Authenticate"].as_str();
        if let Some(challenge) = challenge {
            assert_eq!(
                Challenge::parse(challenge).expect(&name).service.as_deref(),
                Some("container_registry")
            );
        } else if name.starts_with("index") {
            assert!(!manifest::platforms(body.to_string().as_bytes()).expect(&name).is_empty());
        } else if name.starts_with("api_") && status >= 400 {
            let host = MockHost::new("https://git.example.com/api/v1", "o", "a");
            configure::<Gitea>(json!({"endpoint": "https://git.example.com"})).expect("settings");
            host.expect("GET", "/users/a/tokens?page=1&limit=50").reply(status, body.clone());
            let wanted = json!({"name": "t", "username": "a", "scopes": ["read:package"]});
            let fault = read::<Gitea>(&host, "registry-token", None, Some(wanted)).expect_err(&name);
            assert_eq!(
                Some(fault.vendor.expect("words").message.as_str()),
                body["message"].as_str(),
                "{name}"
            );
        } else if status >= 400 {
            let host = MockHost::new("https://git.example.com", "o", "a");
            configure::<Gitea>(json!({})).expect("settings");
            host.expect("GET", "/v2/").reply_raw(200, &[], Vec::new());
            host.expect("HEAD", "/v2/a/b/manifests/1").reply(status, body.clone());
            let plugin = honey_sdk::current::<Gitea>().expect("configured");
            let fault = plugin.resolve(host.context(), "git.example.com/a/b:1").expect_err(&name);
            assert_eq!(Some(fault.vendor_code()), body["errors"][0]["code"].as_str(), "{name}");
        }
    }
}
