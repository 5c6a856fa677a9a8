//! A box's answer to the probe, in the same form as a real host's.

use serde_json::{Value, json};

use super::{
    boxes::OneBox,
    disk::{Disk, PACKAGES},
};
use crate::{clock::Clock, world::SSH_PORT};

const SERVICES: &[&str] = &[
    "chrony",
    "fail2ban",
    "iscsid",
    "k3s",
    "k3s-agent",
    "ssh",
    "sshd",
    "systemd-timesyncd",
    "ufw",
    "unattended-upgrades",
];

/// The answer. `member` says what the cluster knows about the node.
pub(super) fn answer(one: &OneBox, disk: &Disk, member: &Value, files: &[String]) -> Value {
    let version = |name: &str| {
        PACKAGES.iter().find(|(known, ..)| *known == name).map_or("1.0-1", |(_, version, _)| *version)
    };
    let packages: serde_json::Map<String, Value> =
        disk.packages.iter().map(|name| (name.clone(), json!(version(name)))).collect();
    let services: serde_json::Map<String, Value> = SERVICES
        .iter()
        .map(|name| {
            let known = if *name == "sshd" { "ssh" } else { name };
            let word = match disk.services.get(known) {
                None => "absent",
                Some(true) => "active",
                Some(false) => "inactive",
            };
            ((*name).to_owned(), json!(word))
        })
        .collect();
    let rules: Vec<Value> = disk
        .rules
        .allowed
        .iter()
        .filter(|_| disk.rules.active)
        .filter_map(|rule| {
            let mut part = rule.splitn(3, '/');
            Some(json!({"port": part.next()?, "protocol": part.next()?, "from": part.next()?}))
        })
        .collect();
    let digests: serde_json::Map<String, Value> =
        files.iter().filter_map(|path| Some((path.clone(), json!(disk.digest(path)?)))).collect();
    let default = |word: &str| if disk.rules.active { word.to_owned() } else { String::new() };
    let k3s = disk.k3s.as_ref();
    let kept = ["chrony", "systemd-timesyncd"].iter().any(|name| disk.services.get(*name) == Some(&true));
    json!({
        "os_id": disk.os.0, "os_version": disk.os.1, "architecture": "x86_64", "hostname": disk.hostname,
        "epoch_seconds": i64::try_from(Clock::unix()).unwrap_or_default() + disk.clock_ahead, "memory_bytes": 8_326_742_016_u64,
        "disk_free_bytes": if disk.full { 0_u64 } else { 36_507_222_016 },
        "ssh_port": SSH_PORT, "boot": one.boots().to_string(),
        "sudo": true, "time_synchronised": true, "swap_bytes": disk.swap,
        "time_sync": kept,
        "packages": packages,
        "package_lock_held": disk.locked_until.is_some_and(|until| until > std::time::Instant::now()),
        "services": services,
        "firewall": {
            "installed": disk.packages.contains("ufw"), "active": disk.rules.active,
            "default_incoming": default("deny"), "default_outgoing": default("allow"),
            "rules": rules, "armed": disk.armed.is_some(),
        },
        "k3s": {
            "version": k3s.map_or("", |k3s| k3s.version.as_str()),
            "role": k3s.map_or("", |k3s| k3s.role.as_str()),
            "running": k3s.is_some_and(|k3s| k3s.running),
            "has_etcd_data": disk.etcd_data,
            "node_name": if k3s.is_some() { disk.node_name() } else { String::new() },
            "ready": member["ready"] == json!(true), "etcd_voter": member["voter"] == json!(true),
            "config_digest": disk.digest(super::k3s::CONFIG).unwrap_or_default(),
            "cluster_ca": disk.digest(super::k3s::AUTHORITY).unwrap_or_default(),
        },
        "addresses": [one.machine().ipv4.to_string()],
        "sysctl": disk.sysctl,
        "files": digests,
    })
}
