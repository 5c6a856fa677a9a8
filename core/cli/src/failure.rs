//! What went wrong, to exit code and text.

use std::{io, process::ExitCode};

use honey_model::{Diagnostic, Fault};
use honey_ui::diagnostics;

use crate::context::Context;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// Changes are pending.
    Pending = 3,
    /// Stopped; resumable.
    Stopped = 4,
    /// Verification failed.
    Unverified = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line, the configuration, the plan: with what to say.
    Diagnostics(Exit, Vec<Diagnostic>),
    /// Something outside.
    Fault(Exit, Box<Fault>),
    /// Everything was said already.
    Shown(Exit),
    /// Standard output or a file did not take what was written.
    Output(io::Error),
}

impl Failure {
    /// Wrong usage, with one finding.
    pub(crate) fn usage(finding: Diagnostic) -> Self {
        Self::Diagnostics(Exit::Usage, vec![finding])
    }

    /// Tells it and says how the process ends.
    pub(crate) fn report(self, context: &Context) -> Exit {
        match self {
            Self::Diagnostics(exit, findings) => {
                let shown = context.output.diagnostics(&findings, &Context::reader());
                if shown.is_ok() { exit } else { Exit::Failed }
            }
            Self::Fault(exit, fault) => {
                if context.output.json {
                    let _ = context.output.document(&serde_json::json!({ "fault": fault }));
                } else {
                    context.output.message(&diagnostics::fault(&fault, &context.output.stderr));
                }
                exit
            }
            Self::Shown(exit) => exit,
            // The reader of a pipe has seen enough: nothing is wrong.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Output(error) => {
                let finding =
                    Diagnostic::error("HNY0906", format!("the output could not be written: {error}"));
                context.output.warnings(&[finding], &|_| None);
                Exit::Failed
            }
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(Exit::Failed, Box::new(fault))
    }
}
