//! Every plugin keeps its vendor's contract: whole lives of every kind, each
//! request judged, each call repeated, each answer lost, and the vendor's own
//! example answers, where they are at hand.

use std::path::PathBuf;

use honey_contract::contract::{self, Wanted};

mod support;

#[tokio::test(flavor = "multi_thread")]
async fn every_plugin_keeps_its_vendors_contract() {
    let specs = support::specifications();
    let examples = specs.as_ref().map(|folder| folder.join("examples")).filter(|folder| folder.is_dir());
    let wanted = Wanted { plugins: support::plugins(), specs, examples, disturb: true, ..Wanted::default() };
    let entries = contract::run(&wanted).await.expect("a rehearsal");
    let wrong: Vec<String> = entries
        .iter()
        .filter(|entry| !entry.holds())
        .map(|entry| serde_json::to_string_pretty(entry).expect("JSON"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(entries.iter().all(|entry| entry.requests > 0 || !entry.uncovered.is_empty()));
}

/// Another folder of the same layout: endpoints that nobody uses, vendors that
/// nobody knows, files that are none, and answers that no plugin may mistake.
#[tokio::test(flavor = "multi_thread")]
async fn any_folder_of_answers_is_told_about() {
    let folder = std::env::temp_dir().join(format!("honey-answers-{}", std::process::id()));
    let write = |name: &str, text: &str| {
        let path: PathBuf = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    };
    write(
        "hetzner/volume.json",
        r#"{"kind": "success", "request": {"method": "GET", "path": "/volumes/{id}"}, "status": 200, "body": {"volume": {"id": 1}}}"#,
    );
    write(
        "hetzner/full_url.json",
        r#"{"kind": "success", "request": {"method": "GET", "url": "https://api.hetzner.cloud/v1/ssh_keys/42"}, "status": 200, "headers": {}, "body": {"ssh_key": {"id": 42, "name": "x", "fingerprint": "aa:bb", "public_key": "ssh-ed25519 AAAA x", "labels": {}, "created": "2026-01-01T00:00:00Z"}}}"#,
    );
    write(
        "hetzner/wrong_type.json",
        r#"{"kind": "success", "request": {"method": "GET", "path": "/ssh_keys/{id}"}, "status": 200, "body": {"ssh_key": {"id": {"no": 1}, "name": [], "fingerprint": 7}}}"#,
    );
    write(
        "hetzner/quota.json",
        r#"{"kind": "error", "request": {"method": "POST", "path": "/v1/servers"}, "status": 403, "body": {"error": {"code": "resource_limit_exceeded", "message": "server limit exceeded", "details": null}}}"#,
    );
    write("hetzner/broken.json", "{\"kind\": ");
    write(
        "linode/instance.json",
        r#"{"kind": "success", "request": {"method": "GET", "path": "/v4/linode"}, "status": 200, "body": {}}"#,
    );
    let wanted = Wanted { plugins: support::plugins(), examples: Some(folder.clone()), ..Wanted::default() };
    let entries = contract::run(&wanted).await.expect("a rehearsal");
    std::fs::remove_dir_all(&folder).expect("removed");
    let entry = |name: &str| entries.iter().find(|entry| entry.plugin == name).expect("an entry");
    let hetzner = entry("hetzner");
    assert_eq!(hetzner.replayed, 3, "{hetzner:?}");
    let failed: Vec<&str> = hetzner.failed.iter().map(|note| note.example.as_str()).collect();
    assert!(
        failed.contains(&"hetzner/broken.json") && failed.contains(&"hetzner/wrong_type.json"),
        "{failed:?}"
    );
    assert!(
        !failed.contains(&"hetzner/full_url.json") && !failed.contains(&"hetzner/quota.json"),
        "{:?}",
        hetzner.failed
    );
    assert_eq!(hetzner.uncovered[0].example, "hetzner/volume.json");
    assert!(entry("linode").uncovered[0].why.contains("no plugin speaks to a vendor `linode`"));
}
