//! Development commands. Each verb has a file of its own.

mod plugins;

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
}

fn main() -> ExitCode {
    match Arguments::parse().verb {
        Verb::Plugins(arguments) => plugins::run(&arguments),
    }
}
