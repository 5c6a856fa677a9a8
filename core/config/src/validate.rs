//! What types cannot say: names, references between tables, counts.
//!
//! Every check is a function that adds findings; none stops the others.

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
    schema::Config,
    shape::Finding,
    suggest,
};

/// Everything that is wrong with a configuration of the right shape.
pub(crate) fn validate(config: &Config, instance: Option<&str>, built_in: Option<&[String]>) -> Vec<Finding> {
    let mut findings = Findings::default();
    version(config, &mut findings);
    counts(config, instance, &mut findings);
    cluster_labels(config, &mut findings);
    firewall::check(config, &mut findings);
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
        self.0.push(Finding::new(diagnostic, path, Focus::Value));
    }

    /// About a name.
    fn key(&mut self, path: Path, diagnostic: Diagnostic) {
        self.0.push(Finding::new(diagnostic, path, Focus::Key));
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

fn counts(config: &Config, instance: Option<&str>, findings: &mut Findings) {
    let servers = config.cluster.servers;
    if ![1, 3, 5].contains(&servers) {
        let summary = format!("`cluster.servers` is {servers}; etcd keeps a majority with 1, 3 or 5");
        findings.value(
            path::of(&["cluster", "servers"]),
            Diagnostic::error("HNY0113", summary)
                .with_help("an even number of servers survives no more failures than one less"),
        );
    }
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
        if machines > 0 && Some(name.as_str()) == instance && machines != servers as usize {
            let summary = format!("`instances.{name}.machines` has {machines} entries for {servers} servers");
            findings.value(
                path::of(&["instances", name, "machines"]),
                Diagnostic::error("HNY0113", summary)
                    .with_help("one entry for each server, the first for node-1"),
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
            findings.value(
                path::of(&["instances", name, "cluster-label"]),
                Diagnostic::error("HNY0118", summary).with_help("give each a `cluster-label` of its own"),
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
