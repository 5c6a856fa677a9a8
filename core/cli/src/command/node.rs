//! `honey node`: one machine of a cluster.

use std::time::Duration;

use clap::{Args, Subcommand};

use crate::{
    context::Context,
    failure::{Exit, Failure},
    wire,
};

/// Look after one machine of a cluster: give its pods away, restart it, replace it.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(List),
    Drain(Drain),
    Uncordon(Uncordon),
    Reboot(Reboot),
    Replace(Replace),
}

/// Show every server: its machine, its node, its etcd member.
#[derive(Args)]
#[command(after_long_help = LIST)]
pub(crate) struct List {
    /// The instance [default: the active instance; project.default before the first apply]
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
}

const LIST: &str = "\
Examples:
  honey node list
  honey node list --provider ovh --json";

/// How pods leave a node.
#[derive(Args)]
pub(crate) struct Leaving {
    /// The instance [default: the active instance; project.default before the first apply]
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// Give up what pods keep in emptyDir volumes
    #[arg(long)]
    pub(crate) delete_emptydir_data: bool,
    /// Give up pods that nothing makes again
    #[arg(long)]
    pub(crate) delete_unmanaged: bool,
    /// How long pods may take to leave: `90s`, `10m`
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time)]
    pub(crate) timeout: Duration,
    /// Also where etcd has no majority without this server: the API stops until it is back
    #[arg(long)]
    pub(crate) allow_quorum_loss: bool,
}

/// Close a node for new pods and move its pods elsewhere.
///
/// Pods leave by eviction, as their disruption budgets allow; pods of daemon sets stay. A singleton
/// is stopped first, and started elsewhere only when it is gone: two never run. What cannot leave is
/// named, and the node stays closed; the same command goes on.
#[derive(Args)]
#[command(after_long_help = DRAIN)]
pub(crate) struct Drain {
    /// The server: `node-2`, its node's name or its address
    #[arg(value_name = "NODE")]
    pub(crate) node: String,
    #[command(flatten)]
    pub(crate) leaving: Leaving,
}

const DRAIN: &str = "\
Examples:
  honey node drain node-2
  honey node drain node-2 --delete-emptydir-data --timeout 5m
  honey node drain vps-1624d691 --provider ovh --json";

/// Let a node take pods again.
///
/// Ends what a drain or a restart of this node left unfinished: singletons that it stopped come back.
#[derive(Args)]
#[command(after_long_help = UNCORDON)]
pub(crate) struct Uncordon {
    /// The server: `node-2`, its node's name or its address
    #[arg(value_name = "NODE")]
    pub(crate) node: String,
    /// The instance [default: the active instance; project.default before the first apply]
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
}

const UNCORDON: &str = "\
Examples:
  honey node uncordon node-2
  honey node uncordon node-2 --provider ovh";

/// Drain a node, restart its machine, wait until it counts again.
///
/// Over ssh where the machine answers, else by its vendor's power control. A machine that does not
/// answer cannot be drained; its singletons start again only after the restart.
#[derive(Args)]
#[command(after_long_help = REBOOT)]
pub(crate) struct Reboot {
    /// The server: `node-2`, its node's name or its address
    #[arg(value_name = "NODE")]
    pub(crate) node: String,
    #[command(flatten)]
    pub(crate) leaving: Leaving,
    /// How long the machine may take to come back: `90s`, `10m`
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time)]
    pub(crate) back_within: Duration,
    /// By the vendor's power control, also where the machine answers
    #[arg(long)]
    pub(crate) hard: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

const REBOOT: &str = "\
Examples:
  honey node reboot node-2
  honey node reboot node-2 --hard --yes
  honey node reboot node-1 --allow-quorum-loss";

/// Take a dead server out for good and put another in its place.
///
/// Makes sure that nothing runs there any more, removes the node and with it its etcd member, then
/// plans and applies the new machine and its joining like any other change. A machine that stays
/// (paid for, or your own) is emptied or reinstalled instead.
#[derive(Args)]
#[command(after_long_help = REPLACE)]
pub(crate) struct Replace {
    /// The servers: `node-2`, its node's name or its address
    #[arg(value_name = "NODE", required = true)]
    pub(crate) nodes: Vec<String>,
    /// The instance [default: the active instance; project.default before the first apply]
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// Also a server that still works
    #[arg(long)]
    pub(crate) alive: bool,
    /// You made sure that the machine is off: nobody else can tell
    #[arg(long)]
    pub(crate) machine_is_off: bool,
    /// The servers' names (node-2,node-3), where nobody can type them
    #[arg(long, value_name = "NODES")]
    pub(crate) confirm: Option<String>,
}

const REPLACE: &str = "\
Examples:
  honey node replace node-2
  honey node replace node-2 --confirm node-2
  honey node replace node-2 node-3 --confirm node-2,node-3
  honey node replace node-3 --provider home --machine-is-off";

/// `90s`, `10m`, `2h`.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || "a time is a number and s, m or h, as in 10m".to_owned();
    let at = text.char_indices().last().map_or(0, |(at, _)| at);
    let (number, unit) = text.split_at(at);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(3600),
        _ => None,
    };
    seconds.filter(|seconds| *seconds <= 7 * 24 * 3600).map(Duration::from_secs).ok_or_else(wrong)
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::List(arguments) => wire::node_list(context, arguments),
        Command::Drain(arguments) => wire::node_drain(context, arguments),
        Command::Uncordon(arguments) => wire::node_uncordon(context, arguments),
        Command::Reboot(arguments) => wire::node_reboot(context, arguments),
        Command::Replace(arguments) => wire::node_replace(context, arguments),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    #[test]
    fn times_are_read_and_nonsense_is_refused() {
        assert_eq!(super::time("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(super::time("10m"), Ok(Duration::from_mins(10)));
        for bad in ["", "10", "m", "1d", "-1s", "99999999999999999999s", "9999999h", "1ü"] {
            assert!(super::time(bad).is_err(), "{bad}");
        }
    }
}
