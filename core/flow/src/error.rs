//! What can go wrong in an action, as the edge renders it.

use honey_model::{Address, Diagnostic, Fault};

/// An action that did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The configuration, the plan or the operator's wish is not acceptable.
    #[error("{}", summary(.0))]
    Diagnostics(Vec<Diagnostic>),
    /// Something outside failed.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The infrastructure is not the one that the plan was made from.
    #[error("infrastructure has changed since the plan: {}", moved(.0))]
    Moved(Vec<MovedThing>),
    /// Some operations failed; the rest is done and recorded.
    #[error("{} of the plan's operations failed; `honey apply --resume` goes on", .0.failed.len())]
    Stopped(Box<crate::action::apply::Applied>),
    /// The operator asked to stop.
    #[error("stopped as asked; what is done is recorded, `honey apply --resume` goes on")]
    Interrupted,
    /// What the run is recorded in could not be written, or its lock was lost; what is recorded stands.
    #[error(transparent)]
    Suspended(Fault),
    /// Everything was done and something still is not as wanted.
    #[error("verification failed: {}", .0.join("; "))]
    Unverified(Vec<String>),
}

/// One thing that is not as it was when the plan was made.
#[derive(Clone, Debug, serde::Serialize)]
pub struct MovedThing {
    /// What.
    pub address: Address,
    /// Then and now, in words.
    pub text: String,
}

impl FlowError {
    /// A refusal with one finding.
    pub fn refused(diagnostic: Diagnostic) -> Self {
        Self::Diagnostics(vec![diagnostic])
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Diagnostics(findings) if findings.iter().all(|finding| is_usage(&finding.code)) => 2,
            Self::Diagnostics(_) | Self::Fault(_) | Self::Moved(_) => 1,
            Self::Stopped(_) | Self::Interrupted | Self::Suspended(_) => 4,
            Self::Unverified(_) => 5,
        }
    }
}

/// Codes of the configuration and of the command line, and those of the planner
/// that only an edit of the configuration mends: a cycle, a missing dependency,
/// an unknown kind, one object wanted twice; and a secret that is not where the configuration says.
fn is_usage(code: &str) -> bool {
    code.starts_with("HNY01")
        || code.starts_with("HNY09")
        || matches!(code, "HNY0201" | "HNY0202" | "HNY0208" | "HNY0217" | "HNY0709")
}

fn summary(findings: &[Diagnostic]) -> String {
    match findings {
        [] => "refused".to_owned(),
        [one] => one.summary.clone(),
        [first, rest @ ..] => format!("{} (and {} more)", first.summary, rest.len()),
    }
}

fn moved(things: &[MovedThing]) -> String {
    things.iter().map(|thing| format!("{} {}", thing.address, thing.text)).collect::<Vec<_>>().join("; ")
}
