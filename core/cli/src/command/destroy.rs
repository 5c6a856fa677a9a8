//! `honey destroy`: remove what honey made for one instance.

use clap::Args;
use honey_model::Address;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    wire,
};

/// Remove everything that honey made for one instance.
///
/// Shows the plan first and asks for the cluster's name. What instances share (databases, buckets,
/// names) stays, and so do protected resources that are not named with --allow-destroy.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The instance to remove
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: String,
    /// Also when it is the active instance
    #[arg(long)]
    pub(crate) allow_active: bool,
    /// Allow this protected resource to be deleted; may be repeated
    #[arg(long, value_name = "ADDRESS", value_parser = crate::arguments::address)]
    pub(crate) allow_destroy: Vec<Address>,
    /// The cluster's name (PROJECT-INSTANCE), where nobody can type it
    #[arg(long, value_name = "CLUSTER")]
    pub(crate) confirm: Option<String>,
    /// Show every object and every field of the plan
    #[arg(long)]
    pub(crate) full: bool,
    /// Only show what would be removed
    #[arg(long)]
    pub(crate) plan_only: bool,
}

const EXAMPLES: &str = "\
Examples:
  honey destroy --provider hetzner --plan-only
  honey destroy --provider hetzner
  honey destroy --provider hetzner --confirm honeydue-hetzner";

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    wire::destroy(context, arguments)
}
