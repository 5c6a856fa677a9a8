//! `honey unlock`: who works on the state, and breaking a lock whose holder is gone.

use clap::Args;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    wire,
};

/// Break the lock of a run that is gone.
///
/// Without an ID it only tells who holds the lock. Break it only when that
/// process is really gone: two runs at once on one state are what the lock prevents.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The lock's id, as told by the run that was refused
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  honey unlock
  honey unlock 3f9a51c2";

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    wire::unlock(context, arguments)
}
