//! Valid files of every kind that honey reads: the repository's own where there
//! are some, else made by the code that writes them.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use honey_model::{Fault, FaultClass, Secret, SecretName, State};
use honey_ports::{Secrets, store::StateStore as _};
use serde_json::json;

pub(crate) const PUBLIC_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJUx4fo1M5igI3YfYLQm6XQQAhcKFCOt8+F03mtVz78t operator\n";

pub(crate) const LOCK: &str = r#"# Written by `honey plugin lock`. Keep it under version control.
version = 1

[plugins.neon]
version = "0.1.0"
digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
interface = "0.1"
asks = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_path_buf()
}

/// Every file of this name beside a plugin.
pub(crate) fn files(name: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for parent in ["plugins", "providers", "tests"] {
        for entry in std::fs::read_dir(root().join(parent)).expect("a folder").flatten() {
            found.extend(std::fs::read(entry.path().join(name)));
        }
    }
    assert!(found.len() >= 5, "{} files {name}", found.len());
    found
}

pub(crate) fn configurations() -> Vec<Vec<u8>> {
    let sample = std::fs::read(root().join("core/config/tests/sample.toml")).expect("the sample");
    let small = format!(
        "version = 1\n[project]\nname = \"x\"\n[cluster]\nservers = 1\nssh-public-key = \"{}\"\n[instances.main]\nplugin = \"generic-ssh\"\nmachines = [{{ address = \"203.0.113.7\" }}]\n",
        PUBLIC_KEY.trim()
    );
    vec![sample, small.into_bytes()]
}

/// As k3s writes it, with a certificate that nobody has.
pub(crate) fn kubeconfig() -> Vec<u8> {
    use base64::Engine as _;
    let pem = include_str!("ca.pem");
    let data = base64::engine::general_purpose::STANDARD.encode(pem);
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: default\nclusters:\n- name: default\n  cluster:\n    server: https://127.0.0.1:6443\n    certificate-authority-data: {data}\ncontexts:\n- name: default\n  context:\n    cluster: default\n    user: default\nusers:\n- name: default\n  user:\n    token: abcdef\npreferences: {{}}\n"
    )
    .into_bytes()
}

pub(crate) fn plan() -> Vec<u8> {
    let digest = honey_model::Digest::of_bytes(b"configuration");
    let plan = serde_json::from_value(json!({
        "version": 1, "honey": "0.1.0", "purpose": "apply", "instance": "main", "configuration": digest,
        "lineage": "l", "serial": 3, "active": { "phase": "nobody" },
        "operations": [{
            "address": "main/machine/node-1", "kind": "machine", "driver": "hetzner", "action": "create",
            "desired": { "name": "node-1" }, "schema_version": 1, "reasons": ["does not exist yet"], "wave": 0,
        }],
        "unchanged": [], "world": { "main/machine/node-1": "absent" },
    }));
    honey_plan::file::write(&plan.expect("a plan"))
}

/// The file of a journal with a few records, and what stands in it.
pub(crate) async fn journal(folder: &Path) -> (PathBuf, Vec<u8>) {
    let store = honey_state::Store::local(folder, honey_state::Options::new("fuzz")).expect("a store");
    let journal = store.create_journal("run-1").await.expect("a journal");
    for at in 0..4 {
        journal
            .append(&[json!({ "record": "done", "address": format!("w/n{at}") })])
            .await
            .expect("a record");
    }
    only_file(folder, "run-1")
}

/// The file of a state, and what stands in it.
pub(crate) async fn state(folder: &Path) -> (PathBuf, Vec<u8>) {
    let store = honey_state::Store::local(folder, honey_state::Options::new("fuzz")).expect("a store");
    let mut state = State::empty("lineage");
    store.save(&mut state).await.expect("a state");
    only_file(folder, "state")
}

/// The newest file whose path has this in it.
fn only_file(folder: &Path, part: &str) -> (PathBuf, Vec<u8>) {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if entry.path().to_string_lossy().contains(part) {
                found.push(entry.path());
            }
        }
    }
    found.sort_by_key(|path| path.components().count());
    let path = found.into_iter().next().unwrap_or_else(|| panic!("no file of `{part}`"));
    let bytes = std::fs::read(&path).expect("a file");
    (path, bytes)
}

/// A whole plugin, and one that is nothing but its sections.
pub(crate) fn components() -> Vec<Vec<u8>> {
    let mut small = wasm_encoder::Component::new();
    let manifest = "id = \"x\"\nversion = \"1.0.0\"\nrole = \"provider\"\ninterface = \"0.1\"\n";
    for (name, text) in [
        ("honey:interface", "0.1"),
        ("honey:manifest", manifest),
        ("honey:kinds", r#"[{"kind":"machine","version":1}]"#),
    ] {
        small.section(&wasm_encoder::CustomSection { name: name.into(), data: text.as_bytes().into() });
    }
    let mut all = plugins();
    all.push(small.finish());
    all
}

/// The smallest plugin that comes with honey.
pub(crate) fn plugins() -> Vec<Vec<u8>> {
    vec![std::fs::read(honey_tests::artifacts::plugins().join("generic-ssh.wasm")).expect("an artifact")]
}

/// Nobody has any.
pub(crate) struct NoSecrets;

#[async_trait]
impl Secrets for NoSecrets {
    async fn get(&self, name: &SecretName) -> Result<Secret, Fault> {
        Err(Fault::new(FaultClass::NotFound, "HNY0701", format!("no secret `{name}`")))
    }
    async fn exists(&self, _: &SecretName) -> bool {
        false
    }
    async fn put(&self, _: &SecretName, _: &Secret) -> Result<(), Fault> {
        Ok(())
    }
    async fn forget(&self, _: &SecretName) -> Result<(), Fault> {
        Ok(())
    }
    async fn fingerprint_key(&self) -> Result<Secret, Fault> {
        Ok(Secret::new("key"))
    }
}
