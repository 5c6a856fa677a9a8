//! A machine that honey prepares: facts in one round trip, typed steps in one more.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use honey_model::{Fault, Secret};
use serde::{Deserialize, Serialize};

use crate::{
    CallContext,
    etcd::{EtcdStep, Snapshot},
};

/// How to reach a host. With only `address` set, the operator's own ssh
/// configuration decides the rest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HostTarget {
    /// Address, name or alias of the operator's ssh configuration.
    pub address: String,
    /// Port, where not the configured one.
    pub port: Option<u16>,
    /// User, where not the configured one.
    pub user: Option<String>,
    /// Path of a private key file, where not the configured one.
    pub identity: Option<String>,
    /// Public host keys that the provider told us; empty: recorded on first use.
    pub host_keys: Vec<String>,
}

/// What one probe finds out. Every list is sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// `/etc/os-release` ID, e.g. `ubuntu`.
    pub os_id: String,
    /// `VERSION_ID`, e.g. `24.04`.
    pub os_version: String,
    /// `x86_64`, `aarch64`.
    pub architecture: String,
    /// Kernel host name.
    pub hostname: String,
    /// Seconds since 1970 on the host's clock.
    pub epoch_seconds: i64,
    /// Installed ones among the packages honey cares for, with versions.
    pub packages: BTreeMap<String, String>,
    /// Whether somebody holds the package database's lock.
    pub package_lock_held: bool,
    /// Services among those honey cares for: name to `active`, `inactive`, `absent`.
    pub services: BTreeMap<String, String>,
    /// Firewall.
    pub firewall: FirewallFacts,
    /// k3s.
    pub k3s: K3sFacts,
    /// Free bytes on the root file system.
    pub disk_free_bytes: u64,
    /// Total memory in bytes.
    pub memory_bytes: u64,
    /// Global addresses of the host's own interfaces.
    pub addresses: Vec<String>,
    /// Digests of the files honey manages: path to `sha256:…`, absent files left out.
    pub files: BTreeMap<String, String>,
    /// Kernel settings honey cares for.
    pub sysctl: BTreeMap<String, String>,
    /// Whether the user may become root without a password.
    pub sudo: bool,
    /// Whether the clock is kept in step.
    pub time_synchronised: bool,
    /// Whether a daemon that keeps it starts by itself.
    pub time_sync: bool,
    /// Port on the host by which this connection came in; 0 where the host does not tell.
    pub ssh_port: u16,
    /// Seconds that the host's clock is ahead of this machine's; known to who looked.
    #[serde(skip)]
    pub clock_ahead_seconds: i64,
    /// Size of honey's swap file, where it is in use.
    pub swap_bytes: u64,
    /// Names this run of the machine: another one after a restart.
    pub boot: String,
}

/// Firewall as found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FirewallFacts {
    /// Whether the tool is installed.
    pub installed: bool,
    /// Whether it filters.
    pub active: bool,
    /// `deny`, `allow`, `reject`.
    pub default_incoming: String,
    /// `deny`, `allow`, `reject`.
    pub default_outgoing: String,
    /// Rules as honey writes them.
    pub rules: Vec<FirewallRule>,
    /// A rule set waits for its confirmation.
    pub armed: bool,
}

/// One allow rule. Canonical: networks with prefix length, ports as `80` or `2379:2380`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FirewallRule {
    /// `80` or `2379:2380`.
    pub port: String,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// A network or address; `any` for everyone, IPv6 included.
    pub from: String,
}

/// k3s as found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct K3sFacts {
    /// `v1.34.6+k3s1`, empty when not installed.
    pub version: String,
    /// `server`, `agent` or empty.
    pub role: String,
    /// Whether the service runs.
    pub running: bool,
    /// Whether an etcd database lies on the disk: never initialise over it.
    pub has_etcd_data: bool,
    /// The node's name in the cluster, empty when unknown.
    pub node_name: String,
    /// Whether the node reports Ready.
    pub ready: bool,
    /// Whether its etcd member votes.
    pub etcd_voter: bool,
    /// Digest of the configuration file, empty when absent. Part of [`Facts::files`] too.
    pub config_digest: String,
    /// `sha256:` of the CA certificate: which cluster it belongs to.
    pub cluster_ca: String,
}

/// File content: plain or secret, never mixed up.
#[derive(Clone, Debug)]
pub enum Content {
    /// May be shown in a diff.
    Plain(String),
    /// Travels on standard input only, is never logged.
    Secret(Secret),
}

/// One typed change of a host. The ssh crate renders it to shell, the only
/// place where shell is written; every value is quoted there.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "fields say it")]
pub enum Step {
    /// Install packages that are missing; waits for the package lock.
    Packages { names: Vec<String>, refresh: bool },
    /// Write a file atomically as root.
    File { path: String, mode: u32, content: Content },
    /// Load kernel settings from the files below /etc/sysctl.d.
    Sysctl,
    /// Enable and start a service.
    Service { name: String },
    /// Set the host name.
    Hostname { name: String },
    /// Have the daemon that is there keep the clock.
    TimeSync,
    /// Make a swap file of this size, or none for 0.
    Swap { bytes: u64 },
    /// Replace the rule set: ssh first, then the rest, armed with a timer that
    /// restores the old one after `confirm_within_seconds` unless confirmed by
    /// a new connection ([`Host::confirm_firewall`]).
    Firewall { rules: Vec<FirewallRule>, ssh_port: u16, confirm_within_seconds: u32 },
    /// Install k3s of a version and start it; configuration was written before.
    K3s { version: String, binary: K3sBinary, role: K3sRole },
    /// Remove k3s and its data.
    K3sUninstall,
    /// Something with etcd's data.
    Etcd(EtcdStep),
    /// Restart the machine, a moment after the answer.
    Reboot,
}

/// Where k3s comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "fields say it")]
pub enum K3sBinary {
    /// The official installer, pinned by digest where one is given.
    Installer { url: String, sha256: Option<String> },
    /// A file on the operator's machine, sent over ssh.
    Local { path: String, sha256: Option<String> },
}

/// What a k3s node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum K3sRole {
    /// Control plane and etcd.
    Server,
    /// Worker only.
    Agent,
}

/// What steps did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReport {
    /// Steps that changed something, by their number.
    pub changed: Vec<usize>,
}

/// An open connection to a host. Cheap to share.
#[async_trait]
pub trait Host: Send + Sync {
    /// Observes, in one round trip. `files` are paths whose digests are wanted.
    async fn facts(&self, context: &CallContext, files: &[String]) -> Result<Facts, Fault>;
    /// Applies steps in order, in one round trip; stops at the first failure.
    async fn run(&self, context: &CallContext, steps: &[Step]) -> Result<StepReport, Fault>;
    /// Reads a file as root; contents count as secret. At most `limit` bytes.
    async fn read(&self, context: &CallContext, path: &str, limit: usize) -> Result<Option<Secret>, Fault>;
    /// Snapshots of etcd on its disk, also while k3s does not run.
    async fn etcd_snapshots(&self, context: &CallContext) -> Result<Vec<Snapshot>, Fault>;
    /// Opens a new connection and confirms an armed rule set through it.
    async fn confirm_firewall(&self, context: &CallContext) -> Result<(), Fault>;
    /// The host's public key as seen by this connection.
    fn host_key(&self) -> Option<String>;
}

/// Opens connections and keeps them.
#[async_trait]
pub trait Hosts: Send + Sync {
    /// The connection to a host, opened on first use.
    async fn connect(&self, context: &CallContext, target: &HostTarget) -> Result<Arc<dyn Host>, Fault>;
    /// Forgets what is remembered of a machine that honey itself removed or
    /// reinstalled: its connection and a host key recorded on first use.
    async fn forget(&self, target: &HostTarget) -> Result<(), Fault>;
    /// Listens on `listen` of loopback (0 picks a port); every connection comes
    /// out at `port` of loopback on the first of these hosts that takes it. At
    /// least one has to let us in, or its fault is the answer.
    async fn tunnel(
        &self,
        context: &CallContext,
        targets: &[HostTarget],
        listen: u16,
        port: u16,
    ) -> Result<Tunnel, Fault>;
    /// Closes all.
    async fn close(&self);
}

/// A way to a port of a host, open until it is dropped.
pub struct Tunnel {
    /// Where it begins on this machine.
    pub address: SocketAddr,
    _open: Box<dyn Send + Sync>,
}

impl Tunnel {
    /// `open` ends the tunnel when it is dropped.
    pub fn new(address: SocketAddr, open: impl Send + Sync + 'static) -> Self {
        Self { address, _open: Box::new(open) }
    }
}
