//! `honey apply`: do what a plan says.

use std::path::PathBuf;

use clap::Args;
use honey_model::Address;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    wire,
};

/// Apply the configuration.
///
/// Plans, asks, and does exactly what was shown; or takes a plan saved with `honey plan -o`.
/// Every operation is recorded before it begins and when it ends: after Ctrl-C, a crash or a
/// failure, --resume finishes the same approved plan and makes nothing twice.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A plan saved with `honey plan -o FILE`
    #[arg(value_name = "PLAN", conflicts_with_all = ["provider", "resume", "allow_destroy"])]
    pub(crate) plan: Option<PathBuf>,
    /// The instance to build [default: the active instance; project.default before the first apply]
    #[arg(long, value_name = "NAME", conflicts_with = "resume")]
    pub(crate) provider: Option<String>,
    /// Finish the run that was stopped
    #[arg(long)]
    pub(crate) resume: bool,
    /// Abandon an unfinished run: nothing more of it is done, what it did stays recorded
    #[arg(long, conflicts_with_all = ["plan", "provider", "resume", "allow_destroy"])]
    pub(crate) abandon: bool,
    /// Allow this protected resource to be deleted or replaced; may be repeated
    #[arg(long, value_name = "ADDRESS", value_parser = crate::arguments::address, conflicts_with = "resume")]
    pub(crate) allow_destroy: Vec<Address>,
    /// Show every object and every field of the plan
    #[arg(long, conflicts_with_all = ["plan", "resume", "abandon"])]
    pub(crate) full: bool,
    /// Give an instance that is not the active one the images of the configuration, though the
    /// active one runs others; migrations do not run there
    #[arg(long, conflicts_with_all = ["plan", "resume", "abandon"])]
    pub(crate) ahead_of_active: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

const EXAMPLES: &str = "\
Examples:
  honey apply
  honey apply --provider ovh --yes
  honey plan -o build.plan && honey apply build.plan
  honey apply --resume
  honey apply --abandon";

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    wire::apply(context, arguments)
}
