//! `honey etcd`: snapshots of what a cluster knows, and the way back.

use clap::{Args, Subcommand};

use crate::{
    context::Context,
    failure::{Exit, Failure},
    wire,
};

/// Take snapshots of a cluster's etcd, and go back to one.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Snapshot(Snapshot),
    List(List),
    Restore(Restore),
}

/// Take a snapshot on one of the servers.
///
/// k3s takes one every 12 hours by itself and keeps five; these are beside them.
#[derive(Args)]
#[command(after_long_help = SNAPSHOT)]
pub(crate) struct Snapshot {
    /// The instance [default: the active instance; project.default before the first apply]
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// Begin of its name; the server and the time are added
    #[arg(long, value_name = "NAME", default_value = "honey")]
    pub(crate) name: String,
    /// Only on this server: `node-2`, or its address
    #[arg(long, value_name = "NODE")]
    pub(crate) server: Option<String>,
}

const SNAPSHOT: &str = "\
Examples:
  honey etcd snapshot
  honey etcd snapshot --name before-upgrade
  honey etcd snapshot --server node-2 --json";

/// List the snapshots that lie on the servers, also while the cluster is down.
#[derive(Args)]
#[command(after_long_help = LIST)]
pub(crate) struct List {
    /// The instance [default: the active instance; project.default before the first apply]
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
}

const LIST: &str = "\
Examples:
  honey etcd list
  honey etcd list --provider ovh --json";

/// Set a cluster back to a snapshot, when quorum is lost or its data is no good.
///
/// Shows how old the snapshot is and asks for the cluster's name: what happened in the cluster since
/// is lost, and every pod stops on the way. k3s is stopped on all servers, one is reset, its
/// singletons are held back unless this is the active instance, then the others join again with
/// clean data, one after another. The same command goes on after a crash.
#[derive(Args)]
#[command(after_long_help = RESTORE)]
pub(crate) struct Restore {
    /// The snapshot's name, as `honey etcd list` shows it, or `latest`
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshot: String,
    /// The instance [default: the active instance; project.default before the first apply]
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// A server that is dead for good and is given up; may be repeated
    #[arg(long, value_name = "NODE")]
    pub(crate) without: Vec<String>,
    /// The cluster's name (PROJECT-INSTANCE), where nobody can type it
    #[arg(long, value_name = "CLUSTER")]
    pub(crate) confirm: Option<String>,
    /// Only show what would be done
    #[arg(long)]
    pub(crate) plan_only: bool,
}

const RESTORE: &str = "\
Examples:
  honey etcd restore latest --plan-only
  honey etcd restore etcd-snapshot-node-1-1757000000
  honey etcd restore honey-node-1-1757000000 --without node-2 --without node-3";

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::Snapshot(arguments) => wire::etcd_snapshot(context, arguments),
        Command::List(arguments) => wire::etcd_list(context, arguments),
        Command::Restore(arguments) => wire::etcd_restore(context, arguments),
    }
}
