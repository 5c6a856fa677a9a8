//! The configuration file as types. Their doc comments are the reference that
//! users read; unknown keys are errors everywhere.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `honey.toml`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Format of this file; 1.
    pub version: u32,
    /// What is built.
    pub project: Project,
    /// The cluster, the same on every instance.
    #[serde(default)]
    pub cluster: Cluster,
    /// Where it can be built: one entry for each host or account, chosen with `--provider NAME`.
    #[serde(default)]
    pub instances: BTreeMap<String, Instance>,
    /// The application stack.
    #[serde(default)]
    pub stack: Option<Stack>,
    /// Public names.
    #[serde(default)]
    pub dns: Option<Dns>,
    /// Things that all instances share: databases, buckets, tokens …, by name.
    #[serde(default)]
    pub shared: BTreeMap<String, PluginResource>,
    /// Where images come from, by name.
    #[serde(default)]
    pub registries: BTreeMap<String, Registry>,
    /// Where secrets come from, by name.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretSource>,
    /// Plugins and what they may do, by id.
    #[serde(default)]
    pub plugins: BTreeMap<String, Plugin>,
    /// Where honey keeps state, journals and captured secrets.
    #[serde(default)]
    pub state: StateSettings,
    /// How much runs at once.
    #[serde(default)]
    pub limits: Limits,
    /// Which warnings are shown.
    #[serde(default)]
    pub diagnostics: DiagnosticSettings,
    /// Plain named values that others may refer to, by name. Useful to probe ordering.
    #[serde(default)]
    pub values: BTreeMap<String, PlainValue>,
}

/// What is built.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Project {
    /// Name; part of the marks on everything honey makes. `[a-z0-9-]`, at most 40 characters.
    pub name: String,
    /// Where the first cluster goes. From then on a command without `--provider` means the active instance.
    #[serde(default)]
    pub default: Option<String>,
}

/// The cluster, the same on every instance.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Cluster {
    /// How many servers (control plane and workloads): 1, 3 or 5.
    pub servers: u32,
    /// k3s release.
    pub k3s: K3s,
    /// What every host gets.
    pub host: HostBaseline,
    /// What the hosts' own firewall lets in.
    pub firewall: Firewall,
    /// Labels by role: role name to labels. `first` is the first server.
    pub labels: BTreeMap<String, BTreeMap<String, String>>,
    /// Public ssh key (OpenSSH format, or a path with `file:` in front) for new machines.
    pub ssh_public_key: Option<String>,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            servers: 3,
            k3s: K3s::default(),
            host: HostBaseline::default(),
            firewall: Firewall::default(),
            labels: BTreeMap::new(),
            ssh_public_key: None,
        }
    }
}

/// k3s release.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct K3s {
    /// Release, as `v1.34.6+k3s1`. The same on every server.
    pub version: String,
    /// Installer script, for hosts with a way out.
    pub installer: String,
    /// Digest the installer must have: `sha256:…`. Without one honey says that it is not pinned.
    pub installer_sha256: Option<String>,
    /// A k3s binary on the operator's machine, sent instead of downloading.
    pub binary: Option<String>,
    /// Flannel backend; by default derived from the machines' capabilities.
    pub flannel_backend: Option<String>,
    /// Secrets encrypted at rest.
    pub secrets_encryption: bool,
    /// Parts of k3s to leave out: traefik, servicelb …
    pub disable: Vec<String>,
}

impl Default for K3s {
    fn default() -> Self {
        Self {
            version: "v1.34.6+k3s1".to_owned(),
            installer: "https://get.k3s.io".to_owned(),
            installer_sha256: None,
            binary: None,
            flannel_backend: None,
            secrets_encryption: true,
            disable: Vec::new(),
        }
    }
}

/// What every host gets.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct HostBaseline {
    /// Packages to install.
    pub packages: Vec<String>,
    /// Kernel settings.
    pub sysctl: BTreeMap<String, String>,
    /// Swap file, e.g. `2GiB`; none by default.
    pub swap: Option<String>,
    /// Refuse ssh passwords.
    pub harden_ssh: bool,
    /// Have a daemon keep the clock; one that is there already is left alone.
    pub time_sync: bool,
    /// Call each host `<project>-<instance>-node-N`. A host that is a node of a cluster keeps its name.
    pub set_hostname: bool,
}

impl Default for HostBaseline {
    fn default() -> Self {
        Self {
            packages: ["curl", "fail2ban", "unattended-upgrades", "open-iscsi", "ufw"]
                .map(str::to_owned)
                .to_vec(),
            sysctl: BTreeMap::new(),
            swap: None,
            harden_ssh: false,
            time_sync: true,
            set_hostname: false,
        }
    }
}

/// What the hosts' own firewall lets in. Ports between the cluster's own machines are opened by honey.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Firewall {
    /// Who reaches 80 and 443: `everyone`, or `edge` for the DNS vendor's published ranges only.
    pub web: WebAccess,
    /// How the Kubernetes API on 6443 is reached: `direct`, or `tunnel` through ssh, with 6443 closed to all but
    /// the cluster's own servers.
    pub api: ApiAccess,
    /// Networks that reach ssh; empty for everyone.
    pub ssh_from: Vec<String>,
    /// Networks that reach the Kubernetes API on 6443; empty for everyone.
    pub api_from: Vec<String>,
}

impl Default for Firewall {
    fn default() -> Self {
        Self { web: WebAccess::Everyone, api: ApiAccess::Direct, ssh_from: Vec::new(), api_from: Vec::new() }
    }
}

/// How the Kubernetes API is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ApiAccess {
    /// On port 6443 of the servers, by `api-from`.
    Direct,
    /// Through ssh; port 6443 is closed to everyone else.
    Tunnel,
}

/// Who reaches 80 and 443.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WebAccess {
    /// Everyone.
    Everyone,
    /// The DNS vendor's published edge ranges.
    Edge,
}

/// One place where the cluster can be built.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Instance {
    /// The provider plugin.
    pub plugin: String,
    /// Settings of every machine, in the words of the plugin's machine kind: size, image, region …
    #[serde(default)]
    pub machine: BTreeMap<String, serde_json::Value>,
    /// Settings of single machines over `machine`: first entry for node-1 …; e.g. the service name of a paid VPS.
    #[serde(default)]
    pub machines: Vec<BTreeMap<String, serde_json::Value>>,
    /// A vendor firewall in front of the machines, where the plugin has that kind.
    #[serde(default)]
    pub vendor_firewall: Option<bool>,
    /// How to reach the machines by ssh.
    #[serde(default)]
    pub ssh: Ssh,
    /// Label on metrics and logs of this cluster; by default `<project>-<instance>`. Must be unique.
    #[serde(default)]
    pub cluster_label: Option<String>,
    /// Overrides of `[cluster]` for this instance, key by key. Merged before anything is read.
    #[serde(default)]
    #[schemars(with = "Option<Cluster>")]
    pub cluster: Option<serde_json::Value>,
}

/// How to reach machines by ssh; what is not set comes from the operator's ssh configuration.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Ssh {
    /// User; by default what the provider says.
    pub user: Option<String>,
    /// Port; by default 22.
    pub port: Option<u16>,
    /// Private key file.
    pub identity: Option<String>,
}

/// The application stack: objects in order, from a directory.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Stack {
    /// A directory with `catalogue.toml`, or `builtin:honeydue`.
    pub source: String,
    /// Namespace.
    pub namespace: String,
    /// Parameters of the catalogue.
    #[serde(default)]
    pub parameters: BTreeMap<String, serde_json::Value>,
    /// Image of each workload: `registry/owner/name:tag`. Resolved to digests in the plan, as is every
    /// other image of the stack whose host one of the `registries` has.
    #[serde(default)]
    pub images: BTreeMap<String, String>,
    /// Kubernetes secrets: name to type and data.
    #[serde(default)]
    pub secrets: BTreeMap<String, KubeSecret>,
    /// What happens with fields of the stack's objects that another manager changed: `take-over` sets them as
    /// wanted, and the plan says whose they were; `refuse` ends the plan with their names.
    #[serde(default)]
    pub conflicts: Conflicts,
}

/// What happens with fields of the stack's objects that another manager changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Conflicts {
    /// They are set as wanted; the plan says whose they were.
    #[default]
    TakeOver,
    /// The plan is refused and names them.
    Refuse,
}

/// A Kubernetes secret.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KubeSecret {
    /// Kubernetes type.
    #[serde(default = "opaque", rename = "type")]
    pub secret_type: String,
    /// Key to value: text in which `${secret:NAME}` and `${shared.NAME.OUTPUT}` are filled in.
    #[serde(default)]
    pub data: BTreeMap<String, String>,
    /// For pull secrets: registry host, user and secret name instead of data.
    #[serde(default)]
    pub registry: Option<PullSecret>,
}

fn opaque() -> String {
    "Opaque".to_owned()
}

/// Credentials for pulling images.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PullSecret {
    /// Registry host.
    pub host: String,
    /// User.
    pub username: String,
    /// Name of the secret, or of a captured one.
    pub password: String,
}

/// Public names that point to the active instance.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Dns {
    /// The plugin.
    pub plugin: String,
    /// The zone.
    pub zone: String,
    /// Names in the zone; `@` for the zone itself. Each gets one record set with every server's address.
    pub names: Vec<String>,
    /// Behind the vendor's edge.
    #[serde(default = "yes")]
    pub proxied: bool,
    /// Seconds; 1 lets the vendor choose.
    #[serde(default = "automatic")]
    pub ttl: u32,
    /// Take over record sets that nobody marked.
    #[serde(default)]
    pub adopt: bool,
    /// AAAA records too.
    #[serde(default)]
    pub ipv6: bool,
}

fn yes() -> bool {
    true
}

fn automatic() -> u32 {
    1
}

/// A resource of a plugin, as it is.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PluginResource {
    /// The plugin.
    pub plugin: String,
    /// One of its kinds.
    pub kind: String,
    /// In the words of the kind. `${shared.NAME.OUTPUT}` refers to another one.
    #[serde(default)]
    pub settings: BTreeMap<String, serde_json::Value>,
    /// Never delete or replace without being named.
    #[serde(default)]
    pub protect: bool,
    /// Take over an existing one.
    #[serde(default)]
    pub adopt: bool,
}

/// Where images come from.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Registry {
    /// Host as in image references, with its port where they have one: `git.example.com:3000`.
    pub host: String,
    /// The plugin that resolves tags.
    pub plugin: String,
}

/// Where a secret comes from: exactly one of `env`, `file` and `generate`.
///
/// What is read must be there and must not be empty. It is text: UTF-8 without a byte order mark, and one line
/// end at the end of a file (`\n` or `\r\n`, as editors write it) is not part of the secret; everything else is.
/// With `raw = true` every byte counts, the last line end too, and nothing is asked of them.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[schemars(extend("oneOf" = [
    { "required": ["env"] }, { "required": ["file"] }, { "required": ["generate"] },
]))]
pub struct SecretSource {
    /// An environment variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// A file, at most 1 MiB, relative to the configuration file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Made by honey once, this many random characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generate: Option<u32>,
    /// Keep the variable or the file byte for byte: keys, certificates, binaries.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub raw: bool,
}

/// The one source that a [`SecretSource`] names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretOrigin<'a> {
    /// An environment variable.
    Env(&'a str),
    /// A file, as written.
    File(&'a str),
    /// Made by honey, of so many characters.
    Generate(u32),
}

impl SecretSource {
    /// The source, where exactly one is named: always, in a configuration that was loaded.
    pub fn origin(&self) -> Option<SecretOrigin<'_>> {
        match (&self.env, &self.file, self.generate) {
            (Some(variable), None, None) => Some(SecretOrigin::Env(variable)),
            (None, Some(file), None) => Some(SecretOrigin::File(file)),
            (None, None, Some(length)) => Some(SecretOrigin::Generate(length)),
            _ => None,
        }
    }
}

/// A plugin and what it may do.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Plugin {
    /// A `.wasm` file, or `builtin` for those that come with honey.
    pub source: Option<String>,
    /// Origins it may talk to, where not just those of its manifest: `https://api.example.com`.
    pub egress: Option<Vec<String>>,
    /// The plugin's secret names to names under `[secrets]`.
    pub secrets: BTreeMap<String, String>,
    /// The plugin's own settings, e.g. `endpoint`.
    pub settings: BTreeMap<String, serde_json::Value>,
    /// May read host facts over ssh.
    pub ssh: bool,
    /// Memory ceiling in MiB, where not the manifest's.
    pub memory_mib: Option<u32>,
    /// Longest operation in seconds, where not the manifest's.
    pub timeout_seconds: Option<u64>,
}

/// Where honey keeps state, journals and captured secrets.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct StateSettings {
    /// A directory, relative to the configuration file.
    pub directory: String,
    /// How many previous states to keep.
    pub keep: u32,
}

impl Default for StateSettings {
    fn default() -> Self {
        Self { directory: ".honey".to_owned(), keep: 20 }
    }
}

/// How much runs at once.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// Operations in all.
    pub parallel: usize,
    /// Operations of one plugin.
    pub per_plugin: usize,
    /// Operations on one host.
    pub per_host: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { parallel: 16, per_plugin: 8, per_host: 1 }
    }
}

/// Which warnings are shown.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct DiagnosticSettings {
    /// Codes of warnings that somebody has read and that ask for nothing: `["HNY0190"]`. No command shows
    /// them any more, and no `--json` document holds them. Errors are always shown.
    pub acknowledge: Vec<String>,
}

impl DiagnosticSettings {
    /// Whether a finding was acknowledged: a warning or a note whose code is named. Never an error.
    pub fn acknowledges(&self, finding: &honey_model::Diagnostic) -> bool {
        finding.severity != honey_model::Severity::Error
            && self.acknowledge.iter().any(|code| code.eq_ignore_ascii_case(&finding.code))
    }
}

/// A plain named value.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct PlainValue {
    /// Any value; `${values.NAME}` refers to another one.
    pub input: serde_json::Value,
    /// Others that come first, by name.
    pub after: Vec<String>,
}
