//! No answer of the vendor makes the plugin panic, and every refusal says what it is.

use honey_plugin_gitea::Gitea;
use honey_sdk::{
    Context, Fault, Value,
    capability::ImageResolver,
    json,
    testing::{
        self,
        hostile::{Case, survives},
    },
};

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn usual(_method: &str, target: &str) -> Value {
    if target.contains("/v2/token") {
        return json!({"token": "t"});
    }
    if target.contains("/tags/list") {
        return json!({"name": "a/b", "tags": ["latest", "1"]});
    }
    if target.contains("/manifests/") {
        let platform = json!({"architecture": "amd64", "os": "linux", "variant": null});
        return json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{"digest": DIGEST, "platform": platform}]});
    }
    json!([{"id": 1, "name": "pull", "scopes": ["read:package"], "sha1": ""}])
}

fn others(plugin: &Gitea, ctx: Context<'_>, which: u8) -> Result<(), Fault> {
    let by = if which.is_multiple_of(2) { ":1".to_owned() } else { format!("@{DIGEST}") };
    plugin.resolve(ctx, &format!("git.example.com/a/b{by}")).map(drop)
}

#[test]
fn no_answer_makes_it_panic() {
    let desired = json!({"name": "pull", "username": "admin", "scopes": ["read:package"]});
    survives(&Case {
        settings: json!({"endpoint": "https://git.example.com", "username": "admin"}),
        base: "https://git.example.com",
        objects: vec![("registry-token", "admin/1", desired)],
        usual,
        corpus: testing::examples("gitea").into_iter().map(|(_, example)| example["body"].clone()).collect(),
        others,
    });
}
