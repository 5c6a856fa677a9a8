//! `honey kubeconfig`: the operator's way into a cluster.

use std::path::PathBuf;

use clap::Args;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    wire,
};

/// Pull a cluster's kubeconfig, for kubectl and other tools.
///
/// Read over ssh from the first server that answers, so that it works when the local copy, the state
/// or a server is lost. Addresses are rewritten to a server whose API answers; context, cluster and
/// user are named after the cluster. Files are written for you alone (0600) and replaced whole. The first
/// line says which instance it leads to, and what that is to the project.
#[derive(Args)]
#[expect(clippy::option_option, reason = "not given, given, given with a file")]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The instance [default: the active instance; project.default before the first apply]
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// Where to write it, `-` for standard output [default: a file in the state folder]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Add it to your own kubeconfig, which is kept as FILE.backup-N [default: $KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "tunnel")]
    pub(crate) merge: Option<Option<PathBuf>>,
    /// Reach the API through ssh, for as long as this command runs: Ctrl-C ends it
    #[arg(long)]
    pub(crate) tunnel: bool,
    /// The tunnel's port on this machine [default: a free one]
    #[arg(long, value_name = "PORT", requires = "tunnel", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    /// Only from this server: `node-2`, or its address
    #[arg(long, value_name = "NODE")]
    pub(crate) server: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  honey kubeconfig
  honey kubeconfig --provider ovh --output -
  honey kubeconfig --merge
  honey kubeconfig --tunnel --port 6443
  honey kubeconfig --server node-2 --output kubeconfig --json";

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    wire::kubeconfig(context, arguments)
}
