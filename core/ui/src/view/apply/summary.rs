//! The end of an apply: what exists where, how long it took, what it cost.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use honey_model::{Address, Diagnostic, text::visible};
use serde::Serialize;

use super::{Failed, PhaseTime, Record};
use crate::{
    Role, Theme, diagnostics, table,
    view::{counted, role::InstanceRole, took},
};

/// One thing that exists now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exists {
    /// Which.
    pub address: Address,
    /// Its kind.
    pub kind: String,
    /// The vendor's id.
    pub id: String,
    /// Where it is reached or what it is: an address, a host name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// The end of an apply or a destroy.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The instance.
    pub instance: String,
    /// Its role now.
    pub role: InstanceRole,
    /// `done`, `stopped`, `failed` or `unverified`.
    pub result: String,
    /// Operations that were done by this command, by action.
    pub operations: BTreeMap<String, usize>,
    /// Operations of the same run that were done before it was stopped, by action.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub done_before: BTreeMap<String, usize>,
    /// What exists, as far as it is worth a line.
    pub exists: Vec<Exists>,
    /// How long each phase took.
    pub phases: Vec<PhaseTime>,
    /// Vendor calls by plugin.
    pub vendor_calls: BTreeMap<String, u64>,
    /// What failed.
    pub failed: Vec<Failed>,
    /// What was not tried, with what failed before it.
    pub skipped: Vec<(Address, Address)>,
    /// Warnings and notes.
    pub diagnostics: Vec<Diagnostic>,
    /// The next command, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Summary {
    /// Takes over what was recorded while it ran.
    #[must_use]
    pub fn with_record(mut self, record: Record) -> Self {
        self.operations = record.operations;
        self.phases = record.phases;
        self.failed = record.failed;
        self.skipped = record.skipped;
        self
    }

    /// For people.
    pub fn human(&self, theme: &Theme) -> String {
        let mut text = String::new();
        let role = if self.result == "done" { Role::Good } else { Role::Bad };
        let before = match self.done_before.values().sum::<usize>() {
            0 => String::new(),
            _ => format!(" ({} before it was stopped)", done(&self.done_before)),
        };
        let instance = self.role.beside(&self.instance);
        let result = theme.paint(role, &self.result);
        let _ = writeln!(text, "{instance}: {result}; {}{before}", done(&self.operations));
        if !self.exists.is_empty() {
            let _ = writeln!(text, "\n{}", theme.paint(Role::Strong, "what exists"));
            let row = |thing: &Exists| {
                vec![thing.address.to_string(), visible(&thing.detail, 120), visible(&thing.id, 80)]
            };
            text.push_str(&table::columns(&self.exists.iter().map(row).collect::<Vec<_>>(), 2, theme));
        }
        if !self.phases.is_empty() {
            let _ = writeln!(text, "\n{}", theme.paint(Role::Strong, "time"));
            let row = |phase: &PhaseTime| {
                vec![
                    visible(&phase.name, 60),
                    took(Duration::try_from_secs_f64(phase.seconds).unwrap_or_default()),
                ]
            };
            text.push_str(&table::columns(&self.phases.iter().map(row).collect::<Vec<_>>(), 2, theme));
        }
        if !self.vendor_calls.is_empty() {
            let _ = writeln!(text, "\n{}", theme.paint(Role::Strong, "vendor calls"));
            let row = |(plugin, calls): (&String, &u64)| vec![visible(plugin, 60), calls.to_string()];
            text.push_str(&table::columns(&self.vendor_calls.iter().map(row).collect::<Vec<_>>(), 2, theme));
        }
        for failed in &self.failed {
            let _ = writeln!(text, "\n{} {} failed", theme.paint(Role::Bad, "✗"), failed.address);
            text.push_str(&diagnostics::fault(&failed.fault, theme));
        }
        if !self.skipped.is_empty() {
            let _ = writeln!(
                text,
                "\n{} not tried because something before failed",
                counted(self.skipped.len(), "operation")
            );
        }
        if let Some(next) = &self.next {
            let _ = writeln!(text, "\nnext: {next}");
        }
        text
    }
}

/// `3 created, 1 updated`.
fn done(operations: &BTreeMap<String, usize>) -> String {
    let past = |action: &str| match action {
        "forget" => "forgotten".to_owned(),
        action if action.ends_with('e') => format!("{action}d"),
        action => format!("{action}ed"),
    };
    let done: Vec<String> =
        operations.iter().map(|(action, count)| format!("{count} {}", past(&visible(action, 40)))).collect();
    if done.is_empty() { "no changes".to_owned() } else { done.join(", ") }
}
