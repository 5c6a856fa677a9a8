//! What exists and who is active, over all instances.

use std::fmt::Write as _;

use honey_model::text::visible;
use serde::Serialize;

use crate::{Role, Theme, table};

/// One machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Where it is reached.
    pub address: String,
    /// Its Kubernetes node is Ready; none where nobody could ask.
    pub ready: Option<bool>,
    /// Its k3s release.
    pub version: String,
}

/// One workload.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// Pods that are ready.
    pub ready: u32,
    /// Pods that are wanted.
    pub wanted: u32,
    /// Run by the active cluster only.
    pub singleton: bool,
}

/// One instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// Its provider plugin.
    pub plugin: String,
    /// `active`, `standby`, `moving` or `not built`.
    pub role: String,
    /// Machines.
    pub machines: Vec<Machine>,
    /// Workloads.
    pub workloads: Vec<Workload>,
    /// Why something could not be looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// One public name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Name {
    /// Full name.
    pub name: String,
    /// `A`, `AAAA` …
    #[serde(rename = "type")]
    pub record_type: String,
    /// Where it points.
    pub values: Vec<String>,
    /// The instance with these addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// Everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Status {
    /// The project.
    pub project: String,
    /// Serial of the state.
    pub serial: u64,
    /// Instances.
    pub instances: Vec<Instance>,
    /// Public names.
    pub names: Vec<Name>,
    /// Who holds the lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// A run that is not finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<String>,
    /// The command that finishes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
}

impl Status {
    /// For people.
    pub fn human(&self, theme: &Theme) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "{}", theme.paint(Role::Strong, &visible(&self.project, 60)));
        for instance in &self.instances {
            let role = match instance.role.as_str() {
                "active" => Role::Good,
                "standby" => Role::Change,
                _ => Role::Dim,
            };
            let shown = theme.paint(role, &instance.role);
            let _ = writeln!(
                text,
                "\n{} ({}): {shown}",
                visible(&instance.name, 60),
                visible(&instance.plugin, 60)
            );
            let machines = instance.machines.iter().map(|machine| {
                let ready = match machine.ready {
                    Some(true) => "ready",
                    Some(false) => "NOT READY",
                    None => "unknown",
                };
                vec![
                    visible(&machine.name, 60),
                    visible(&machine.address, 60),
                    ready.to_owned(),
                    visible(&machine.version, 40),
                ]
            });
            text.push_str(&table::columns(&machines.collect::<Vec<_>>(), 2, theme));
            let workloads = instance.workloads.iter().map(|workload| {
                let singleton = if workload.singleton { "singleton" } else { "" };
                vec![
                    visible(&workload.name, 60),
                    format!("{}/{}", workload.ready, workload.wanted),
                    singleton.to_owned(),
                ]
            });
            text.push_str(&table::columns(&workloads.collect::<Vec<_>>(), 2, theme));
            for problem in &instance.problems {
                let _ = writeln!(text, "  {} {}", theme.paint(Role::Bad, "✗"), visible(problem, 300));
            }
        }
        if !self.names.is_empty() {
            let _ = writeln!(text, "\n{}", theme.paint(Role::Strong, "dns"));
            let names = self.names.iter().map(|name| {
                let instance = name.instance.as_deref().unwrap_or("no instance of ours");
                vec![
                    visible(&name.name, 80),
                    name.record_type.clone(),
                    format!("→ {instance}"),
                    visible(&name.values.join(" "), 200),
                ]
            });
            text.push_str(&table::columns(&names.collect::<Vec<_>>(), 2, theme));
        }
        if let Some(lock) = &self.lock {
            let _ = writeln!(text, "\nlocked by {}", visible(lock, 200));
        }
        if let Some(run) = &self.unfinished {
            let run = visible(run, 80);
            let command = visible(self.resume.as_deref().unwrap_or("honey apply --resume"), 200);
            let _ = writeln!(
                text,
                "\n{} run {run} is not finished; `{command}`",
                theme.paint(Role::Warning, "!")
            );
        }
        text
    }
}
