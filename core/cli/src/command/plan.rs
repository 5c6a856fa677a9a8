//! `honey plan`: what would be done, and why.

use std::path::PathBuf;

use clap::Args;
use honey_model::Address;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    wire,
};

/// Show what would be done. Changes nothing.
///
/// Reads vendors, hosts and the cluster, compares them with the configuration and prints every
/// action with its reasons. With -o the plan is saved; `honey apply FILE` then does exactly that,
/// or refuses when the infrastructure has changed since.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The instance to plan for [default: the active instance; project.default before the first apply]
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// Save the plan for `honey apply FILE`
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Exit with 3 when there is something to do
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    /// Explain what happens to one address: reasons, what it waits for, what waits for it
    #[arg(long, value_name = "ADDRESS", value_parser = crate::arguments::address)]
    pub(crate) why: Option<Address>,
    /// Allow this protected resource to be deleted or replaced; may be repeated
    #[arg(long, value_name = "ADDRESS", value_parser = crate::arguments::address)]
    pub(crate) allow_destroy: Vec<Address>,
    /// Give an instance that is not the active one the images of the configuration, though the
    /// active one runs others; migrations do not run there
    #[arg(long)]
    pub(crate) ahead_of_active: bool,
    /// Show every object and every field, changed objects of the cluster as YAML, and what is up to date
    #[arg(long)]
    pub(crate) full: bool,
}

const EXAMPLES: &str = "\
Examples:
  honey plan
  honey plan --provider ovh -o ovh.plan
  honey plan --why hetzner/machine/node-1
  honey plan --detailed-exitcode --json > plan.json";

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    wire::plan(context, arguments)
}
