//! `honey dns`: the DNS step alone.

use clap::{Args, Subcommand};

use crate::{
    context::Context,
    failure::{Exit, Failure},
    wire,
};

/// Work with the public names alone.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Swap(Swap),
}

/// Point every name to another instance, in one transaction.
///
/// The DNS step of a cutover alone: singletons stay where they run, and honey says so. Each change
/// carries the value that it expects to replace; when somebody changed a record, nothing is swapped.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Swap {
    /// The instance that names shall point to
    #[arg(long, value_name = "NAME")]
    pub(crate) to: String,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

const EXAMPLES: &str = "\
Examples:
  honey dns swap --to ovh
  honey dns swap --to hetzner --yes --json";

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::Swap(swap) => wire::dns_swap(context, swap),
    }
}
