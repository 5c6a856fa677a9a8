//! k3s on a box: installed, started from its configuration file, removed.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{
    boxes::OneBox,
    calls::Call,
    disk::{Disk, File, InstalledK3s},
    k3s_flags,
    steps::{Ended, failed},
};
use crate::world::{ServerStart, World};

pub(super) const CONFIG: &str = "/etc/rancher/k3s/config.yaml";
pub(super) const KUBECONFIG: &str = "/etc/rancher/k3s/k3s.yaml";
pub(super) const AUTHORITY: &str = "/var/lib/rancher/k3s/server/tls/server-ca.crt";
const TOKENS: [&str; 2] = ["/var/lib/rancher/k3s/server/token", "/var/lib/rancher/k3s/server/node-token"];

impl Disk {
    /// The node's name: configured, else the host's.
    pub(super) fn node_name(&self) -> String {
        self.files
            .get(CONFIG)
            .and_then(|file| k3s_flags::parse(&String::from_utf8_lossy(&file.bytes)).ok())
            .and_then(|config| config.get("node-name")?.as_str().map(str::to_owned))
            .unwrap_or_else(|| self.hostname.to_lowercase())
    }
}

/// `VERSION server|agent WAIT installer URL SHA256|-` or `… binary PATH SHA256`.
pub(super) async fn install(world: &Arc<World>, one: &Arc<OneBox>, call: &Call) -> Ended {
    let (version, role, source) = (call.argument(0), call.argument(1), call.argument(3));
    if role != "server" {
        return failed("unsupported", "boxes of the lab play k3s servers, not agents");
    }
    let binary = (source == "binary").then(|| call.argument(5).to_owned());
    {
        let disk = one.disk();
        let there = disk.k3s.as_ref().is_some_and(|k3s| {
            k3s.running
                && k3s.version == version
                && k3s.role == role
                && (binary.is_none() || k3s.binary == binary)
        });
        if there && !disk.k3s_pending {
            return Ended::Step(false);
        }
        if disk.full {
            return failed("disk", "no space is left for k3s");
        }
        let arrived =
            disk.k3s.as_ref().and_then(|k3s| k3s.binary.clone()).or_else(|| Some(disk.arriving.digest()));
        if binary.is_some() && arrived != binary {
            return failed("checksum", format!("expected sha256 {}, got another", call.argument(5)));
        }
        if !version.starts_with('v') || !version.contains("+k3s") {
            return Ended::Failed(
                "k3s",
                "the k3s installer failed".into(),
                format!("[ERROR]  Download failed: {version}: 404\n"),
            );
        }
    }
    world.clock.sleep(300).await;
    {
        let mut disk = one.disk();
        disk.k3s_pending = true;
        disk.k3s =
            Some(InstalledK3s { version: version.to_owned(), role: role.to_owned(), running: false, binary });
    }
    match start(world, one).await {
        Ok(()) => {
            one.disk().k3s_pending = false;
            Ended::Step(true)
        }
        Err(log) => Ended::Failed("k3s", "k3s stops again right after its start".into(), format!("{log}\n")),
    }
}

/// Starts the installed k3s from its configuration; an error is its log.
pub(super) async fn start(world: &Arc<World>, one: &Arc<OneBox>) -> Result<(), String> {
    let scripted = {
        let mut pending = one.pending();
        match &mut pending.k3s {
            Some((times, message)) if *times > 0 => {
                *times -= 1;
                Some(message.clone())
            }
            _ => None,
        }
    };
    let (machine, hostname, version, text, further) = {
        let machine = one.machine().clone();
        let mut disk = one.disk();
        let hostname = disk.node_name();
        let text = disk
            .files
            .get(CONFIG)
            .map(|file| String::from_utf8_lossy(&file.bytes).into_owned())
            .unwrap_or_default();
        let further: Vec<String> = disk
            .files
            .iter()
            .filter(|(path, _)| path.starts_with("/etc/rancher/k3s/config.yaml.d/"))
            .map(|(_, file)| String::from_utf8_lossy(&file.bytes).into_owned())
            .collect();
        let k3s = disk.k3s.as_mut().ok_or("k3s is not installed")?;
        k3s.running = false;
        (machine, hostname, k3s.version.clone(), text, further)
    };
    if let Some(message) = scripted {
        return Err(message);
    }
    let mut config = k3s_flags::parse(&text)?;
    for text in further {
        config.extend(k3s_flags::parse(&text)?);
    }
    world.clock.sleep(400).await;
    let member = world.clusters().call(world, &machine.id, "member", Value::Null).await.unwrap_or_default();
    if one.disk().etcd_data && member.get("node").is_none() {
        return Err("level=fatal msg=\"this server is a not a member of the etcd cluster\"".to_owned());
    }
    let start = ServerStart { machine, hostname, version, config: Value::Object(config.clone()) };
    let up = world.clusters().server_started(world, start).await?;
    let mode = config
        .get("write-kubeconfig-mode")
        .and_then(Value::as_str)
        .and_then(|mode| u32::from_str_radix(mode, 8).ok());
    let mut disk = one.disk();
    let mut put =
        |path: &str, mode: u32, bytes: Vec<u8>| disk.files.insert(path.to_owned(), File { mode, bytes });
    if let Some(authority) = authority_of(&up.kubeconfig) {
        put(AUTHORITY, 0o600, authority);
    }
    put(KUBECONFIG, mode.unwrap_or(0o600), up.kubeconfig.into_bytes());
    for path in TOKENS {
        put(path, 0o600, format!("{}\n", up.node_token.trim_end()).into_bytes());
    }
    disk.etcd_data = true;
    disk.services.insert("k3s".to_owned(), true);
    if let Some(k3s) = &mut disk.k3s {
        k3s.running = true;
    }
    Ok(())
}

fn authority_of(kubeconfig: &str) -> Option<Vec<u8>> {
    let value: Value = serde_norway::from_str(kubeconfig).ok()?;
    STANDARD.decode(value["clusters"][0]["cluster"]["certificate-authority-data"].as_str()?).ok()
}

pub(super) async fn uninstall(world: &Arc<World>, one: &OneBox) -> Ended {
    let id = {
        one.disk().files.remove("/var/lib/honey/server");
        let disk = one.disk();
        let traces = disk
            .files
            .keys()
            .any(|path| path.starts_with("/etc/rancher/k3s/") || path.starts_with("/var/lib/rancher/"));
        if disk.k3s.is_none() && !disk.etcd_data && !traces {
            return Ended::Step(false);
        }
        one.machine().id.clone()
    };
    world.clusters().server_removed(world, &id).await;
    world.clock.sleep(150).await;
    let mut disk = one.disk();
    disk.k3s = None;
    disk.k3s_pending = false;
    disk.etcd_data = false;
    disk.services.remove("k3s");
    disk.files
        .retain(|path, _| !path.starts_with("/etc/rancher/k3s/") && !path.starts_with("/var/lib/rancher/"));
    Ended::Step(true)
}
