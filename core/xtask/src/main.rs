//! Development commands. Each verb has a file of its own.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "development commands talk to a terminal")]

mod bench;
mod boxes;
mod cases;
mod contract;
mod control_plane;
mod crash;
mod demo;
mod plugins;
mod profile;
mod setup;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development commands of honey")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Build the guest crates below providers/ and plugins/ into artifacts.
    Plugins(plugins::Arguments),
    /// Build honey with its plugins inside.
    Build {
        /// With optimisation.
        #[arg(long)]
        release: bool,
    },
    /// Run every test.
    Test(test::Arguments),
    /// Play the runbook's story on the lab.
    Demo(demo::Arguments),
    /// Measure what the project claims.
    Bench(bench::Arguments),
    /// Hold the plugins against their vendors' contracts.
    Contract(contract::Arguments),
    /// Kill honey at every durable write of a run and look at what comes of it.
    Crash(crash::Arguments),
    /// Machines to test on.
    Boxes(boxes::Arguments),
    /// Run the handed cases on the built honey.
    Cases(cases::Arguments),
    /// Check what the layout promises.
    Tidy,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().verb {
        Verb::Plugins(arguments) => return plugins::run(&arguments),
        Verb::Build { release } => workspace::build_honey(release).map(|path| println!("{}", path.display())),
        Verb::Test(arguments) => test::run_verb(&arguments),
        Verb::Demo(arguments) => demo::run(&arguments),
        Verb::Bench(arguments) => bench::run(&arguments),
        Verb::Contract(arguments) => contract::run(&arguments),
        Verb::Crash(arguments) => crash::run(&arguments),
        Verb::Boxes(arguments) => boxes::run(&arguments),
        Verb::Cases(arguments) => cases::run(&arguments),
        Verb::Tidy => tidy::run_verb(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
