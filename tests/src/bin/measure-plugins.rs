//! Measures the plugin host inside one process, for `cargo xtask bench plugins`:
//! seven plugins ready with a cold and a warm cache, one typed call in an open
//! instance, and one with an instance of its own, as the engine makes them. Prints
//! one JSON document; judges nothing.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Instant};

use honey_plugin_host::{Artifact, Grant, HostSettings, Plugin, PluginHost, PluginSource, PluginSpec};
use honey_ports::Driver as _;
use honey_state::{Sources, Vault};
use serde_json::json;

/// Loads of everything; the median counts.
const LOADS: usize = 15;
/// Values checked through one instance.
const CALLS: u16 = 5_000;
/// Values checked with an instance each.
const FRESH: u16 = 1_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder =
        std::env::var_os("HONEY_PLUGINS").map(PathBuf::from).ok_or("HONEY_PLUGINS names no folder")?;
    let mut artifacts: Vec<(String, Vec<u8>)> = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            artifacts.push((id, std::fs::read(&path)?));
        }
    }
    let scratch = tempfile::tempdir()?;
    let cold = load(&artifacts, scratch.path()).await?.0;
    let mut warm = Vec::new();
    let mut plugins = Vec::new();
    for _ in 0..LOADS {
        let (took, loaded) = load(&artifacts, scratch.path()).await?;
        warm.push(took);
        plugins = loaded;
    }
    warm.sort_by(f64::total_cmp);
    let (call, fresh) = call(&plugins).await?;
    println!(
        "{}",
        json!({ "plugins": artifacts.len(), "cold_ms": cold, "ready_ms": warm[LOADS / 2], "call_us": call, "fresh_us": fresh })
    );
    Ok(())
}

async fn load(
    artifacts: &[(String, Vec<u8>)],
    scratch: &std::path::Path,
) -> Result<(f64, Vec<Arc<Plugin>>), Box<dyn std::error::Error>> {
    let sources = Sources { named: BTreeMap::new(), environment: Arc::new(|_| None) };
    let vault = Arc::new(Vault::open(&scratch.join("secrets"), sources)?);
    let mut specifications = Vec::new();
    for (id, bytes) in artifacts {
        let manifest = Artifact::read(bytes)?.manifest;
        let secrets = manifest.secrets.keys().map(|name| (name.clone(), format!("bench.{name}"))).collect();
        let egress =
            manifest.egress.hosts.is_empty().then(|| vec!["https://registry.example.com".to_owned()]);
        let grant = Grant { egress, secrets, ssh: true, ..Grant::default() };
        specifications.push(PluginSpec {
            id: id.clone(),
            source: PluginSource::Bytes(bytes.clone().into()),
            grant,
            expected: None,
        });
    }
    let started = Instant::now();
    let host = PluginHost::new(HostSettings {
        cache_directory: Some(scratch.join("cache")),
        ..HostSettings::new(vault)
    })?;
    let mut plugins = Vec::new();
    for answer in host.load_all(specifications).await {
        plugins.push(answer?);
    }
    Ok((started.elapsed().as_secs_f64() * 1000.0, plugins))
}

/// One normalisation of an ssh key, there and back, in microseconds: in an open
/// instance, and with an instance made for it.
async fn call(plugins: &[Arc<Plugin>]) -> Result<(f64, f64), Box<dyn std::error::Error>> {
    let provider = plugins.iter().find(|plugin| plugin.kinds().iter().any(|kind| kind.kind == "ssh-key"));
    let provider = provider.ok_or("no plugin has the kind ssh-key")?;
    let value =
        json!({ "name": "operator", "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ operator" });
    let values = vec![value; usize::from(CALLS)];
    provider.check_many("ssh-key", &values[..10]).await?;
    let started = Instant::now();
    let checked = provider.check_many("ssh-key", &values).await?;
    assert_eq!(checked.len(), usize::from(CALLS), "every value has an answer");
    let call = started.elapsed().as_secs_f64() * 1_000_000.0 / f64::from(CALLS);
    let started = Instant::now();
    for value in values.iter().take(usize::from(FRESH)) {
        provider.check("ssh-key", value).await?;
    }
    let fresh = started.elapsed().as_secs_f64() * 1_000_000.0 / f64::from(FRESH);
    Ok((call, fresh))
}
