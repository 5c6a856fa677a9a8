//! CONFIGURATION.md and the JSON Schema are what the types say.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::Path;

fn current(file: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "{file} is not current: run `UPDATE=1 cargo test -p honey-config`");
}

#[test]
fn the_reference_is_current() {
    current("../../CONFIGURATION.md", &honey_config::reference::markdown());
}

#[test]
fn the_schema_is_current() {
    let schema = serde_json::to_string_pretty(&honey_config::reference::json_schema()).unwrap();
    current("honey.schema.json", &format!("{schema}\n"));
}

#[test]
fn every_setting_is_described() {
    for line in honey_config::reference::markdown().lines().filter(|line| line.starts_with("| `")) {
        assert!(!line.ends_with("|  |"), "no description: {line}");
    }
}
