//! `honey lab`: a world on loopback to rehearse in.

mod control;
mod down;
mod status;
mod up;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    context::Context,
    failure::{Exit, Failure},
};

/// Rehearse in a world on loopback: simulated vendors, boxes, clusters.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Up(Up),
    Down(Down),
    Status(Status),
}

/// Start the lab and write a honey.toml that uses it. Runs until Ctrl-C or `honey lab down`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  honey lab up
  honey lab up --detach --directory rehearsal --seed 7
  cd lab && honey apply        (in another terminal)")]
pub(crate) struct Up {
    /// The lab's folder; its honey.toml, keys and books stand there
    #[arg(long, value_name = "FOLDER", default_value = "lab")]
    pub(crate) directory: PathBuf,
    /// Run in the background; the folder's lab.log gets its output
    #[arg(long)]
    pub(crate) detach: bool,
    /// Same seed, same identifiers, durations and keys
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Multiplies every simulated span; 0 is at once
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = factor)]
    pub(crate) time_scale: f64,
    /// Folder of the vendors' specifications to check requests against [or HONEY_SPECS]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) specs: Option<PathBuf>,
}

/// Stop the lab of a folder.
#[derive(Args)]
#[command(after_long_help = "Examples:\n  honey lab down\n  honey lab down --directory rehearsal")]
pub(crate) struct Down {
    /// The lab's folder
    #[arg(long, value_name = "FOLDER", default_value = "lab")]
    pub(crate) directory: PathBuf,
}

/// Say whether the lab of a folder runs, and what its books hold.
#[derive(Args)]
#[command(after_long_help = "Examples:\n  honey lab status\n  honey lab status --json")]
pub(crate) struct Status {
    /// The lab's folder
    #[arg(long, value_name = "FOLDER", default_value = "lab")]
    pub(crate) directory: PathBuf,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::Up(arguments) => up::run(context, arguments),
        Command::Down(arguments) => down::run(context, arguments),
        Command::Status(arguments) => status::run(context, arguments),
    }
}

fn factor(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if (0.0..=1000.0).contains(&factor) => Ok(factor),
        _ => Err("a number from 0 to 1000".to_owned()),
    }
}
