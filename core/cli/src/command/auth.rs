//! `honey auth`: ask a vendor for a credential.

use clap::Args;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    wire,
};

/// Ask a vendor for a credential that you confirm in the browser.
///
/// For plugins with the login capability. honey prints the vendor's page and waits until you
/// confirmed there; the credential goes into honey's store of secrets and is never printed.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The plugin
    #[arg(value_name = "PLUGIN")]
    pub(crate) plugin: String,
}

const EXAMPLES: &str = "\
Examples:
  honey auth ovh";

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    wire::auth(context, arguments)
}
