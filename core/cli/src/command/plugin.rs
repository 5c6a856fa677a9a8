//! `honey plugin`: what plugins there are, what one may do, the lock file, packing.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    context::Context,
    failure::{Exit, Failure},
    wire,
};

/// Work with plugins.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(List),
    Inspect(Inspect),
    Lock(Lock),
    Build(Build),
}

/// List the plugins that the configuration uses, with versions and whether they are locked.
#[derive(Args)]
#[command(after_long_help = "Examples:\n  honey plugin list\n  honey plugin list --json")]
pub(crate) struct List {}

/// Show one plugin: kinds, capabilities, what it asks for and what it is granted. Runs nothing of it.
#[derive(Args)]
#[command(after_long_help = "Examples:\n  honey plugin inspect hetzner\n  honey plugin inspect ./mine.wasm")]
pub(crate) struct Inspect {
    /// Its id in the configuration, or a `.wasm` file
    #[arg(value_name = "PLUGIN")]
    pub(crate) plugin: String,
}

/// Write the digests of all plugins into honey.lock; apply refuses others.
#[derive(Args)]
#[command(after_long_help = "Examples:\n  honey plugin lock\n  honey plugin lock --check")]
pub(crate) struct Lock {
    /// Write nothing; fail when the lock file is not current
    #[arg(long)]
    pub(crate) check: bool,
}

/// Pack a compiled guest into a plugin: one component with its manifest and kinds.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  cargo build --release --target wasm32-unknown-unknown
  honey plugin build . --wasm target/wasm32-unknown-unknown/release/mine.wasm -o mine.wasm")]
pub(crate) struct Build {
    /// The plugin's folder, with plugin.toml in it
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// The guest as the compiler left it
    #[arg(long, value_name = "FILE")]
    pub(crate) wasm: PathBuf,
    /// Where to write the plugin
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::List(arguments) => wire::plugin_list(context, arguments),
        Command::Inspect(arguments) => wire::plugin_inspect(context, arguments),
        Command::Lock(arguments) => wire::plugin_lock(context, arguments),
        Command::Build(arguments) => wire::plugin_build(context, arguments),
    }
}
