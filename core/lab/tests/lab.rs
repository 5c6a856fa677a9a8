//! A lab as a whole: files, the control API, seeds.

mod common;

use common::{lab, send};
use honey_lab::{Lab, LabOptions};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;

#[tokio::test]
async fn files_are_written_with_care() {
    let lab = lab().await;
    let folder = tempfile::tempdir().expect("folder");
    lab.write_files(folder.path()).expect("files");
    let mode = |name: &str| {
        let path = folder.path().join(name);
        std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777
    };
    for name in ["lab_ed25519", "secrets/hetzner-token", "secrets/gitea-password", "secrets/secret_key.txt"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    let text = std::fs::read_to_string(folder.path().join("honey.toml")).expect("configuration");
    let parsed: toml::Table = text.parse().expect("toml");
    let endpoint = parsed["plugins"]["hetzner"]["settings"]["endpoint"].as_str().expect("endpoint");
    assert!(endpoint.starts_with(&lab.endpoint("hetzner")));
    for secret in lab.credentials().secrets.values().flat_map(|named| named.values()) {
        assert!(secret == "admin" || !text.contains(secret.as_str()));
    }
    let about = std::fs::read_to_string(folder.path().join("lab.json")).expect("lab.json");
    let about: serde_json::Value = serde_json::from_str(&about).expect("json");
    assert_eq!(about["control"], lab.control());
}

#[tokio::test]
async fn the_control_api_injects_and_stops() {
    let lab = lab().await;
    let control = lab.control();
    let rule = json!({"vendor": "neon", "effect": "bad-gateway"});
    let done = send("POST", &format!("{control}/faults"), "", Some(rule)).await.expect("answer");
    assert_eq!(done.status, 204, "{}", done.text);
    let url = format!("{}/api/v2/projects", lab.endpoint("neon"));
    assert_eq!(send("GET", &url, "", None).await.expect("answer").status, 502);
    assert_eq!(send("GET", &url, "", None).await.expect("answer").status, 401);
    let books = send("GET", &format!("{control}/books"), "", None).await.expect("answer");
    assert_eq!(books.json["calls"][0]["fault"], "bad-gateway");
    let world = send("GET", &format!("{control}/world"), "", None).await.expect("answer");
    assert_eq!(world.json["machines"].as_array().map(Vec::len), Some(3));
    assert_eq!(send("POST", &format!("{control}/stop"), "", None).await.expect("answer").status, 204);
    lab.stopped().await;
}

#[tokio::test]
async fn one_seed_gives_one_world_beside_another() {
    let first = Lab::start(LabOptions { seed: 7, ..LabOptions::default() }).await.expect("lab");
    let second = Lab::start(LabOptions { seed: 7, ..LabOptions::default() }).await.expect("lab");
    assert_eq!(first.credentials().secrets, second.credentials().secrets);
    assert_eq!(first.credentials().public_key, second.credentials().public_key);
    assert_ne!(first.world().subnet(), second.world().subnet());
}
