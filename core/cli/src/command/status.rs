//! `honey status`: what exists, and who is active.

use clap::Args;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    wire,
};

/// Show every instance, which one is active, where names lead, and what is wrong
///
/// An alarm too: it asks every cluster and the names' vendor, marks what somebody has to look at
/// (a singleton that runs twice, or not where it should; a name that leads elsewhere; a node that is
/// cordoned, not Ready or missing; an API that does not answer; an unfinished run; a failed workload),
/// and then exits with 1. What is as it should be is none: a standby, an instance that was never built.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {}

const EXAMPLES: &str = "\
Examples:
  honey status
  honey status --json";

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    wire::status(context, arguments)
}
