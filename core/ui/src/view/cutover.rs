//! A cutover: before it the steps, after it what happened.

use std::{fmt::Write as _, time::Duration};

use honey_model::{Diagnostic, text::visible};
use serde::Serialize;

use crate::{Role, Theme, table, view::took};

/// How far a step is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Not begun.
    #[default]
    Waiting,
    /// Done.
    Done,
    /// Nothing was to be done.
    Skipped,
    /// It failed.
    Failed,
    /// It was taken back.
    Undone,
}

/// One step.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// What it does or did.
    pub text: String,
    /// How far it is.
    pub state: StepState,
    /// Seconds; 0 before it ran.
    pub seconds: f64,
    /// After it there is no going back but another cutover.
    pub point_of_no_return: bool,
}

/// Where a name points before and after.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NameChange {
    /// Full name.
    pub name: String,
    /// `A`, `AAAA` …
    #[serde(rename = "type")]
    pub record_type: String,
    /// Before.
    pub before: Vec<String>,
    /// After.
    pub after: Vec<String>,
}

/// A cutover.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cutover {
    /// Worth knowing before it begins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
    /// Was active.
    pub from: Option<String>,
    /// Becomes active.
    pub to: String,
    /// `planned`, `done`, `restored`, `stopped` or `failed`.
    pub result: String,
    /// The active instance afterwards; none before it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<String>,
    /// Why it went back to where it came from, where it did and something failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Fencing number.
    pub epoch: u64,
    /// Steps in order.
    pub steps: Vec<Step>,
    /// Names that move.
    pub names: Vec<NameChange>,
    /// Milliseconds in which no cluster ran the singletons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap_ms: Option<u64>,
    /// The next command, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Cutover {
    /// For people.
    pub fn human(&self, theme: &Theme) -> String {
        let mut text = String::new();
        let from = self.from.as_deref().map_or_else(|| "nobody".to_owned(), |from| visible(from, 60));
        let result = match (self.result.as_str(), &self.active) {
            ("restored", Some(active)) => format!("went back, {} is active", visible(active, 60)),
            _ => self.result.clone(),
        };
        let heading = format!("cutover {from} → {}: {result}", visible(&self.to, 60));
        let _ = writeln!(text, "{}", theme.paint(Role::Strong, &heading));
        if let Some(because) = &self.because {
            let _ =
                writeln!(text, "{}", theme.paint(Role::Bad, &format!("because {}", visible(because, 2000))));
        }
        for step in &self.steps {
            let (symbol, role) = match step.state {
                StepState::Waiting => ("·", Role::Dim),
                StepState::Done => ("✓", Role::Good),
                StepState::Skipped => ("-", Role::Dim),
                StepState::Failed => ("✗", Role::Bad),
                StepState::Undone => ("↩", Role::Warning),
            };
            let time = match step.seconds {
                seconds if seconds > 0.0 => {
                    format!(" ({})", took(Duration::try_from_secs_f64(seconds).unwrap_or_default()))
                }
                _ => String::new(),
            };
            let _ = writeln!(
                text,
                "  {} {}: {}{time}",
                theme.paint(role, symbol),
                visible(&step.name, 40),
                visible(&step.text, 1000)
            );
            if step.point_of_no_return {
                let _ = writeln!(
                    text,
                    "  {}",
                    theme.paint(Role::Warning, "── point of no return: from here only forward")
                );
            }
        }
        let rows = self.names.iter().map(|name| {
            let change = format!("{} → {}", name.before.join(" "), name.after.join(" "));
            vec![visible(&name.name, 80), name.record_type.clone(), visible(&change, 300)]
        });
        text.push_str(&table::columns(&rows.collect::<Vec<_>>(), 2, theme));
        if let Some(gap) = self.gap_ms {
            let _ = writeln!(text, "singletons stood still for {}", took(Duration::from_millis(gap)));
        }
        if let Some(next) = &self.next {
            let _ = writeln!(text, "next: {next}");
        }
        text
    }
}
