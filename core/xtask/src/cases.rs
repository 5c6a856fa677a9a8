//! `cargo xtask cases`: the checks of small inputs from public bug reports, on
//! the built honey, where this machine has their folder: the one in
//! `HONEY_CASES`, or `shared/cases` beside the checkout.

use std::{path::PathBuf, process::Command};

use crate::{
    setup,
    workspace::{Failure, build_honey, root},
};

/// Run the handed cases on the built honey.
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Only these; all of them by default.
    names: Vec<String>,
    /// One JSON document instead of a line for each.
    #[arg(long)]
    json: bool,
}

/// Runs the verb. Where there are no cases, says so in one line and succeeds.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Some(folder) = folder() else {
        eprintln!("no cases were run: set HONEY_CASES to their folder");
        return Ok(());
    };
    setup::ensure()?;
    let honey = build_honey(false)?;
    let mut command = Command::new(folder.join("run"));
    command.arg("--honey").arg(honey);
    if arguments.json {
        command.arg("--json");
    }
    command.args(&arguments.names);
    let status = command.status().map_err(|error| Failure::Start { program: "run".to_owned(), error })?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::Holds("not every case is as it should be".to_owned()))
    }
}

/// The cases, where this machine has them.
fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("HONEY_CASES").map(PathBuf::from);
    let beside = root().parent().map(|parent| parent.join("shared/cases"));
    named.or(beside).filter(|folder| folder.join("run").is_file())
}
