//! `honey cutover`: move traffic and singletons to another instance.

use clap::Args;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    wire,
};

/// Move live traffic and the singletons to another instance.
///
/// Checks the target, stops the source's singletons and waits until they are gone, swaps DNS in
/// one transaction, verifies, starts the target's singletons. At no instant do both run one.
/// A failure before the target becomes active restores the source; from then on only another
/// cutover goes back.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The instance that becomes active
    #[arg(long, value_name = "NAME", required_unless_present_any = ["resume", "abort"])]
    pub(crate) to: Option<String>,
    /// Finish a cutover that was stopped
    #[arg(long, conflicts_with_all = ["abort", "plan_only"])]
    pub(crate) resume: bool,
    /// Go back to the source of a cutover that was stopped
    #[arg(long, conflicts_with = "plan_only")]
    pub(crate) abort: bool,
    /// Only check and show the steps
    #[arg(long)]
    pub(crate) plan_only: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

const EXAMPLES: &str = "\
Examples:
  honey cutover --to ovh --plan-only
  honey cutover --to ovh
  honey cutover --resume
  honey cutover --abort";

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    wire::cutover(context, arguments)
}
