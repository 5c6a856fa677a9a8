//! What a box keeps: its disk and what runs on it. A reinstall makes a new one.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use sha2::{Digest as _, Sha256};

use crate::world::Machine;

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) mode: u32,
    pub(super) bytes: Vec<u8>,
}

/// Firewall rules and whether they filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) active: bool,
    /// `port/protocol/from`.
    pub(super) allowed: BTreeSet<String>,
}

/// A rule set that waits for its confirmation.
#[derive(Clone, Debug)]
pub(super) struct Armed {
    pub(super) number: u64,
    pub(super) old: Rules,
}

/// k3s on the disk.
#[derive(Clone, Debug)]
pub(super) struct InstalledK3s {
    pub(super) version: String,
    pub(super) role: String,
    pub(super) running: bool,
    /// Digest of the binary, where honey sent it.
    pub(super) binary: Option<String>,
}

/// A file that arrives in parts; only its length and digest are kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Arriving {
    pub(super) path: String,
    pub(super) length: u64,
    pub(super) hash: Sha256,
}

impl Arriving {
    pub(super) fn digest(&self) -> String {
        hex::encode(self.hash.clone().finalize())
    }
}

/// Disk and services of one box.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing of its own on a disk")]
pub(super) struct Disk {
    pub(super) os: (String, String),
    pub(super) hostname: String,
    pub(super) files: BTreeMap<String, File>,
    pub(super) packages: BTreeSet<String>,
    pub(super) services: BTreeMap<String, bool>,
    pub(super) sysctl: BTreeMap<String, String>,
    pub(super) swap: u64,
    /// Seconds.
    pub(super) clock_ahead: i64,
    pub(super) rules: Rules,
    pub(super) armed: Option<Armed>,
    pub(super) restored: bool,
    pub(super) armings: u64,
    pub(super) k3s: Option<InstalledK3s>,
    pub(super) k3s_pending: bool,
    pub(super) ssh_pending: bool,
    pub(super) etcd_data: bool,
    pub(super) arriving: Arriving,
    pub(super) full: bool,
    pub(super) locked_until: Option<Instant>,
}

/// A service that a package brings, and whether it starts by itself.
type Brought = (&'static str, bool);

/// Packages whose version, or service, matters.
pub(super) const PACKAGES: &[(&str, &str, Option<Brought>)] = &[
    ("apparmor", "4.0.1", None),
    ("ca-certificates", "20240203", None),
    ("chrony", "4.5-1", Some(("chrony", true))),
    ("curl", "8.5.0-2", None),
    ("fail2ban", "1.0.2-3", Some(("fail2ban", true))),
    ("iptables", "1.8.10-3", None),
    ("nfs-common", "1:2.6.4-3", None),
    ("open-iscsi", "2.1.9-3", Some(("iscsid", false))),
    ("openssh-server", "1:9.6p1-3", Some(("ssh", true))),
    ("sudo", "1.9.15p5-3", None),
    ("systemd-timesyncd", "255.4-1", Some(("systemd-timesyncd", true))),
    ("ufw", "0.36.2-6", Some(("ufw", true))),
    ("unattended-upgrades", "2.9.1", Some(("unattended-upgrades", true))),
    ("wireguard-tools", "1.0.20210914-1", None),
];

/// What an image brings.
const IMAGE: &[&str] =
    &["apparmor", "ca-certificates", "curl", "iptables", "openssh-server", "sudo", "systemd-timesyncd"];

const SYSCTL: &[(&str, &str)] = &[
    ("fs.inotify.max_user_instances", "128"),
    ("fs.inotify.max_user_watches", "65536"),
    ("kernel.panic", "0"),
    ("kernel.panic_on_oops", "0"),
    ("net.core.rmem_max", "212992"),
    ("net.core.wmem_max", "212992"),
    ("net.ipv4.ip_forward", "0"),
    ("net.ipv6.conf.all.forwarding", "0"),
    ("vm.max_map_count", "65530"),
    ("vm.overcommit_memory", "0"),
    ("vm.swappiness", "60"),
];

impl Disk {
    /// A freshly installed image.
    pub(super) fn fresh(machine: &Machine) -> Self {
        let os = system(&machine.image);
        let mut disk = Self {
            hostname: host_name(machine.service.as_deref().unwrap_or(&machine.name)),
            files: BTreeMap::new(),
            packages: BTreeSet::new(),
            services: BTreeMap::new(),
            sysctl: SYSCTL.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            swap: 0,
            clock_ahead: 0,
            rules: Rules::default(),
            armed: None,
            restored: false,
            armings: 0,
            k3s: None,
            k3s_pending: false,
            ssh_pending: false,
            etcd_data: false,
            arriving: Arriving::default(),
            full: false,
            locked_until: None,
            os,
        };
        for name in IMAGE {
            disk.install(name);
        }
        if disk.os.0 == "ubuntu" {
            disk.install("ufw");
            disk.install("unattended-upgrades");
        }
        disk
    }

    /// Installs a package, with the service it brings.
    pub(super) fn install(&mut self, name: &str) {
        self.packages.insert(name.to_owned());
        let brought = PACKAGES.iter().find(|(known, ..)| *known == name).and_then(|(_, _, service)| *service);
        if let Some((service, started)) = brought {
            self.services.entry(service.to_owned()).or_insert(started);
        }
    }

    /// `sha256:…` of a file.
    pub(super) fn digest(&self, path: &str) -> Option<String> {
        self.files.get(path).map(|file| format!("sha256:{}", hex::encode(Sha256::digest(&file.bytes))))
    }

    /// Whether the firewall lets a new connection in.
    pub(super) fn lets_in(&self, port: u16, from: &str) -> bool {
        !self.rules.active
            || self.rules.allowed.iter().any(|rule| {
                let mut part = rule.splitn(3, '/');
                let (ports, protocol, source) =
                    (part.next().unwrap_or_default(), part.next().unwrap_or_default(), part.next().unwrap_or_default());
                let port_fits = ports == "any" || {
                    let (low, high) = ports.split_once(':').unwrap_or((ports, ports));
                    matches!((low.parse::<u16>(), high.parse::<u16>()), (Ok(low), Ok(high)) if (low..=high).contains(&port))
                };
                port_fits && matches!(protocol, "tcp" | "any") && (source == "any" || covers(source, from))
            })
    }

    /// Puts the rules back that were there before an unconfirmed change.
    pub(super) fn restore_rules(&mut self, number: u64) {
        if let Some(armed) = self.armed.take_if(|armed| armed.number == number) {
            self.rules = armed.old;
            self.restored = true;
        }
    }
}

fn covers(network: &str, address: &str) -> bool {
    let (base, length) = network.split_once('/').unwrap_or((network, "32"));
    let (Ok(base), Ok(address), Ok(length)) =
        (base.parse::<std::net::Ipv4Addr>(), address.parse::<std::net::Ipv4Addr>(), length.parse::<u32>())
    else {
        return false;
    };
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(length)).unwrap_or(0);
    u32::from(base) & mask == u32::from(address) & mask
}

fn system(image: &str) -> (String, String) {
    let image = image.to_ascii_lowercase();
    let version: String = image
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    let (id, usual) = if image.contains("debian") { ("debian", "12") } else { ("ubuntu", "24.04") };
    (id.to_owned(), if version.is_empty() { usual.to_owned() } else { version })
}

/// The first label, made of what a host name may hold.
fn host_name(name: &str) -> String {
    let name: String = name
        .split('.')
        .next()
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    let name = name.trim_matches('-').to_owned();
    if name.is_empty() { "box".to_owned() } else { name }
}
