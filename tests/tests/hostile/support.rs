//! Builds the hostile guest once and loads it with the manifest of the moment.
#![allow(dead_code, reason = "two tests share it, each uses a part")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use honey_model::{Address, Fault, FaultClass, Secret, SecretName};
use honey_plugin_host::{
    Grant, HostSettings, Plugin, PluginError, PluginHost, PluginSource, PluginSpec, componentize,
};
use honey_ports::{
    CallContext, Checkpoint, Event, Progress, Secrets,
    call::{Cancel, NoCheckpoint},
};
use serde_json::Value;
use wasm_encoder::{CustomSection, Section};

/// What the operator's secret is in all tests.
pub(crate) const CANARY: &str = "canary/secret+value=7f3a";

/// The compiled guest, without sections.
fn guest() -> &'static [u8] {
    static GUEST: OnceLock<Vec<u8>> = OnceLock::new();
    GUEST.get_or_init(|| {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find(|folder| folder.join("wit").is_dir());
        let root = root.expect("the workspace's root");
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |set| root.join(set));
        let triple = "wasm32-unknown-unknown";
        let installed =
            Command::new("rustup").args(["target", "list", "--installed"]).current_dir(root).output();
        if installed.is_ok_and(|list| !String::from_utf8_lossy(&list.stdout).contains(triple)) {
            let added = Command::new("rustup").args(["target", "add", triple]).current_dir(root).status();
            assert!(added.unwrap().success(), "rustup target add {triple}");
        }
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--profile",
                "plugin",
                "--target",
                triple,
                "--package",
                "honey-hostile-guest",
            ])
            .current_dir(root)
            .status();
        assert!(built.unwrap().success(), "the hostile guest builds");
        std::fs::read(target.join(triple).join("plugin/honey_hostile_guest.wasm")).unwrap()
    })
}

pub(crate) const KINDS: &str = r#"[{"kind":"thing","version":1,"desired":
    {"type":"object","additionalProperties":false,"required":["name"],
     "properties":{"name":{"type":"string"},"size":{"type":"string"}}}}]"#;

/// A manifest with what a test adds to it.
pub(crate) fn manifest(extra: &str) -> String {
    let top = "id = \"hostile\"\nversion = \"6.6.6\"\nrole = \"provider\"\ninterface = \"0.1\"\n";
    let egress = "[egress]\nhosts = [\"https://api.example.com\"]\n";
    if extra.contains("[egress]") { format!("{top}{extra}") } else { format!("{top}{extra}{egress}") }
}

/// An artifact with this manifest and stamp.
pub(crate) fn artifact(manifest: &str, interface: &str) -> Vec<u8> {
    let mut module = guest().to_vec();
    for (name, data) in [("honey:interface", interface), ("honey:manifest", manifest), ("honey:kinds", KINDS)]
    {
        CustomSection { name: name.into(), data: data.as_bytes().into() }.append_to(&mut module);
    }
    componentize(&module).unwrap()
}

/// Secrets in memory.
#[derive(Default)]
pub(crate) struct Vault(pub Mutex<BTreeMap<String, Vec<u8>>>);

#[async_trait]
impl Secrets for Vault {
    async fn get(&self, name: &SecretName) -> Result<Secret, Fault> {
        let found = self.0.lock().unwrap().get(name.as_str()).cloned();
        found
            .map(Secret::new)
            .ok_or_else(|| Fault::new(FaultClass::NotFound, "HNY0701", format!("no secret `{name}`")))
    }
    async fn exists(&self, name: &SecretName) -> bool {
        self.0.lock().unwrap().contains_key(name.as_str())
    }
    async fn put(&self, name: &SecretName, value: &Secret) -> Result<(), Fault> {
        self.0.lock().unwrap().insert(name.to_string(), value.expose().to_vec());
        Ok(())
    }
    async fn forget(&self, name: &SecretName) -> Result<(), Fault> {
        self.0.lock().unwrap().remove(name.as_str());
        Ok(())
    }
    async fn fingerprint_key(&self) -> Result<Secret, Fault> {
        Ok(Secret::new("key"))
    }
}

/// A host, and everything that came out of it.
pub(crate) struct World {
    pub(crate) host: PluginHost,
    pub(crate) vault: Arc<Vault>,
    pub(crate) said: Arc<Mutex<Vec<String>>>,
    cache: tempfile::TempDir,
}

/// One compiled guest serves all tests of a run: they differ in manifest, not in code.
impl World {
    pub(crate) fn new() -> Self {
        let (vault, said) = (Arc::new(Vault::default()), Arc::new(Mutex::new(Vec::new())));
        vault.0.lock().unwrap().insert("mine".to_owned(), CANARY.as_bytes().to_vec());
        let cache = tempfile::tempdir().unwrap();
        let mut settings = HostSettings::new(vault.clone());
        settings.cache_directory = Some(cache.path().join("plugins"));
        settings.progress = listener(&said);
        settings.cpu_budget = Duration::from_secs(3);
        settings.http.retry.base = Duration::from_millis(2);
        Self { host: PluginHost::new(settings).unwrap(), vault, said, cache }
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.cache.path().join("plugins")
    }

    pub(crate) async fn load_bytes(&self, bytes: Vec<u8>, grant: Grant) -> Result<Arc<Plugin>, PluginError> {
        let source = PluginSource::Bytes(bytes.into());
        self.host.load(PluginSpec { id: "hostile".to_owned(), source, grant, expected: None }).await
    }

    /// The guest with these settings, and nothing special.
    pub(crate) async fn behaving(&self, what: &str) -> Arc<Plugin> {
        let grant =
            Grant { settings: serde_json::json!({ "do": what }), memory_mib: Some(80), ..Grant::default() };
        self.load_bytes(artifact(&manifest(""), "0.1"), grant).await.unwrap()
    }

    /// A context whose events are listened to as well.
    pub(crate) fn context(&self) -> CallContext {
        CallContext {
            operation_id: "operation-1".to_owned(),
            owner: "honeydue-lab".to_owned(),
            address: Address::of(&["lab", "thing", "one"]),
            deadline: Duration::from_mins(1),
            cancel: Cancel::default(),
            progress: listener(&self.said),
            checkpoint: Arc::new(NoCheckpoint),
        }
    }

    /// All that was told to anybody.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().join("\n")
    }
}

fn listener(said: &Arc<Mutex<Vec<String>>>) -> Progress {
    let said = said.clone();
    Progress::new(move |event: Event| said.lock().unwrap().push(serde_json::to_string(&event).unwrap()))
}

/// Checkpoints in the order they came.
#[derive(Default)]
pub(crate) struct Notebook(pub Mutex<Vec<(String, Value)>>);

#[async_trait]
impl Checkpoint for Notebook {
    async fn save(&self, id: &str, progress: &Value) -> Result<(), Fault> {
        self.0.lock().unwrap().push((id.to_owned(), progress.clone()));
        Ok(())
    }
}
