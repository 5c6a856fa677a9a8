//! `honey version`: needs nothing but itself, so it starts nothing.

use clap::Args;
use serde_json::json;

use crate::{
    context::Context,
    failure::{Exit, Failure},
};

/// Print the version, and with --json the formats this build reads and writes.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {}

const EXAMPLES: &str = "\
Examples:
  honey version
  honey version --json";

/// The plugin interface that this build speaks.
const INTERFACE: &str = "0.1";

pub(crate) fn run(context: &Context, _arguments: &Arguments) -> Result<Exit, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let document = json!({
        "version": version,
        "interface": INTERFACE,
        "configuration": 1,
        "plan": honey_plan::plan::PLAN_VERSION,
        "state": honey_model::state::STATE_VERSION,
    });
    context.output.show(|_| format!("honey {version}"), &document)?;
    Ok(Exit::Done)
}
