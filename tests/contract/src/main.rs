//! The program behind `cargo xtask contract`: rehearses and tells the result as
//! one JSON document. Ends with failure where something does not hold.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of the tests tells its caller")]

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use honey_contract::{
    contract::{self, Wanted},
    report::Entry,
};

#[derive(Parser)]
struct Arguments {
    /// The built plugins.
    #[arg(long)]
    plugins: PathBuf,
    /// The vendors' specifications.
    #[arg(long)]
    specs: Option<PathBuf>,
    /// The vendors' example answers.
    #[arg(long)]
    examples: Option<PathBuf>,
    /// Only this plugin.
    #[arg(long)]
    plugin: Option<String>,
    /// Repeat every call and lose every answer.
    #[arg(long)]
    disturb: bool,
    /// Try every fault and every bad answer, too.
    #[arg(long)]
    faults: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { plugins, specs, examples, plugin, disturb, faults } = Arguments::parse();
    match contract::run(&Wanted { plugins, specs, examples, plugin, disturb, faults }).await {
        Ok(entries) => {
            println!("{}", serde_json::to_string_pretty(&entries).unwrap_or_default());
            if entries.iter().all(Entry::holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(2)
        }
    }
}
