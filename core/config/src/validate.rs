//! What types cannot say: names, references between tables, counts.
//!
//! Every check is a function that adds findings; none stops the others.

mod diagnostics;
mod firewall;
mod names;
mod plugins;
mod references;
mod secrets;

use std::collections::BTreeMap;

use honey_model::Diagnostic;

use crate::{
    document::Focus,
    path::{self, Path},
    schema::{Cluster, Config},
    shape::Finding,
    suggest,
};

/// Everything that is wrong with a configuration of the right shape.
pub(crate) fn validate(config: &Config, instance: Option<&str>, built_in: Option<&[String]>) -> Vec<Finding> {
    let mut findings = Findings::default();
    version(config, &mut findings);
    counts(config, instance, &mut findings);
    cluster(&config.cluster, &path::of(&["cluster"]), &mut findings);
    other_clusters(config, instance, &mut findings);
    cluster_labels(config, &mut findings);
    diagnostics::check(config, &mut findings);
    names::check(config, &mut findings);
    plugins::check(config, built_in, &mut findings);
    secrets::check(config, &mut findings);
    references::check(config, &mut findings);
    findings.0
}

/// Collects findings.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    /// About a value.
    fn value(&mut self, path: Path, diagnostic: Diagnostic) {
        self.add(Finding::new(diagnostic, path, Focus::Value));
    }

    /// About a name.
    fn key(&mut self, path: Path, diagnostic: Diagnostic) {
        self.add(Finding::new(diagnostic, path, Focus::Key));
    }

    /// About a reference to a name of another table.
    fn reference(&mut self, path: Path, table: &str, diagnostic: Diagnostic) {
        self.add(Finding::new(diagnostic, path, Focus::Value).needing(path::of(&[table])));
    }

    fn add(&mut self, finding: Finding) {
        self.0.push(finding);
    }
}

fn version(config: &Config, findings: &mut Findings) {
    if config.version != 1 {
        let summary = format!("`version` is {}; this honey reads format 1", config.version);
        let help = match config.version {
            0 => "write `version = 1`",
            _ => "a newer honey reads it",
        };
        findings.value(path::of(&["version"]), Diagnostic::error("HNY0106", summary).with_help(help));
    }
}

/// Servers and firewall of a cluster whose settings stand at a path.
fn cluster(cluster: &Cluster, at: &Path, findings: &mut Findings) {
    let servers = cluster.servers;
    if !SERVERS.contains(&servers) {
        let at = path::join(at, "servers");
        let summary = format!("`{}` is {servers}; etcd keeps a majority with 1, 3 or 5", path::render(&at));
        findings.value(
            at,
            Diagnostic::error("HNY0113", summary)
                .with_help("an even number of servers survives no more failures than one less"),
        );
    }
    firewall::check(&cluster.firewall, &path::join(at, "firewall"), findings);
}

/// What instances set over `[cluster]`. The chosen one's settings are in `[cluster]` already.
fn other_clusters(config: &Config, chosen: Option<&str>, findings: &mut Findings) {
    let others = config.instances.iter().filter(|(name, _)| Some(name.as_str()) != chosen);
    for (name, instance) in others {
        let Some(own) = &instance.cluster else { continue };
        if let Ok(settings) = serde_json::from_value(own.clone()) {
            cluster(&settings, &path::of(&["instances", name, "cluster"]), findings);
        }
    }
}

/// How many servers a cluster can have: etcd needs a majority.
const SERVERS: [u32; 3] = [1, 3, 5];

fn counts(config: &Config, instance: Option<&str>, findings: &mut Findings) {
    let servers = config.cluster.servers;
    for (name, limit) in [
        ("parallel", config.limits.parallel),
        ("per-plugin", config.limits.per_plugin),
        ("per-host", config.limits.per_host),
    ] {
        if limit == 0 || limit > 1024 {
            let summary = format!("`limits.{name}` must be from 1 to 1024");
            findings.value(path::of(&["limits", name]), Diagnostic::error("HNY0113", summary));
        }
    }
    for (name, settings) in &config.instances {
        let machines = settings.machines.len();
        // An impossible number of servers is no measure of machines.
        let fits = !SERVERS.contains(&servers) || machines == servers as usize;
        if machines > 0 && Some(name.as_str()) == instance && !fits {
            let summary = format!("`instances.{name}.machines` has {machines} entries for {servers} servers");
            let diagnostic = Diagnostic::error("HNY0113", summary)
                .with_help("one entry for each server, the first for node-1");
            let at = path::of(&["instances", name, "machines"]);
            findings.add(
                Finding::new(diagnostic, at, Focus::Value)
                    .needing(path::of(&["cluster", "servers"]))
                    .needing(path::of(&["instances", name, "cluster", "servers"])),
            );
        }
    }
}

/// Metrics of two clusters under one label could not be told apart.
fn cluster_labels(config: &Config, findings: &mut Findings) {
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    for (name, instance) in &config.instances {
        let label =
            instance.cluster_label.clone().unwrap_or_else(|| format!("{}-{name}", config.project.name));
        if let Some(other) = taken.insert(label.clone(), name) {
            let label = honey_model::text::visible(&label, 60);
            let summary = format!("instances `{other}` and `{name}` have the same cluster label `{label}`");
            let diagnostic =
                Diagnostic::error("HNY0118", summary).with_help("give each a `cluster-label` of its own");
            let at = path::of(&["instances", name, "cluster-label"]);
            findings.add(
                Finding::new(diagnostic, at, Focus::Value)
                    .needing(path::of(&["project", "name"]))
                    .needing(path::of(&["instances", other, "cluster-label"])),
            );
        }
    }
}

/// A reference from one table to a name of another.
fn missing<'a>(
    code: &str,
    what: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
    nothing: &str,
) -> Diagnostic {
    let shown = honey_model::text::visible(name, 80);
    Diagnostic::error(code, format!("there is no {what} `{shown}`"))
        .with_help(suggest::help(name, known, nothing))
}
