//! The command line as types.
#![allow(clippy::doc_markdown, reason = "these comments are the help text that users read")]

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::command::{
    apply, auth, completions, cutover, destroy, dns, etcd, explain, init, kubeconfig, lab, man, node, plan,
    plugin, status, unlock, version,
};

/// Build k3s clusters on any VPS host, deploy a stack, move traffic between them.
///
/// One configuration file describes the cluster, the stack and the names; `plan` shows what would
/// be done, `apply` does exactly that, `cutover` moves live traffic to another cluster.
#[derive(Parser)]
#[command(
    name = "honey",
    version,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_long_help = EXAMPLES
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  honey init                     write a commented honey.toml
  honey plan                     see what would be done
  honey apply                    do it
  honey apply --provider ovh     build the second cluster from the same file
  honey cutover --to ovh         move traffic and the worker to it

Exit codes:
  0  done, or nothing to do
  1  failed
  2  wrong usage or configuration
  3  changes are pending (plan --detailed-exitcode)
  4  stopped; `honey apply --resume` goes on
  5  everything was done, and verification still failed";

/// What every command takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// The configuration [default: honey.toml, or HONEY_CONFIG]
    #[arg(short, long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(crate) config: Option<PathBuf>,
    /// Lay `[profile.NAME]` of the configuration over it [or HONEY_PROFILE]
    #[arg(long, global = true, value_name = "NAME", help_heading = "Global options")]
    pub(crate) profile: Option<String>,
    /// Set one setting, over everything else: `--set cluster.servers=1`
    #[arg(long, global = true, value_name = "PATH=VALUE", value_parser = path_and_value, help_heading = "Global options")]
    pub(crate) set: Vec<(String, String)>,
    /// Print one JSON document on standard output
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Global options")]
    pub(crate) color: Color,
    /// Say more on standard error; twice for debugging, three times for everything
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Global options")]
    pub(crate) verbose: u8,
}

/// When to colour.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    Init(init::Arguments),
    Plan(plan::Arguments),
    Apply(apply::Arguments),
    Status(status::Arguments),
    Kubeconfig(kubeconfig::Arguments),
    Node(node::Arguments),
    Etcd(etcd::Arguments),
    Unlock(unlock::Arguments),
    Cutover(cutover::Arguments),
    Dns(dns::Arguments),
    Destroy(destroy::Arguments),
    Plugin(plugin::Arguments),
    Auth(auth::Arguments),
    Lab(lab::Arguments),
    Explain(explain::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
    Version(version::Arguments),
}

fn path_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((path, value)) if !path.trim().is_empty() => Ok((path.trim().to_owned(), value.to_owned())),
        _ => Err("it takes PATH=VALUE, as in cluster.servers=1".to_owned()),
    }
}

/// An address on the command line.
pub(crate) fn address(text: &str) -> Result<honey_model::Address, String> {
    honey_model::Address::new(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_consistent() {
        super::Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_is_described_and_every_command_has_examples() {
        fn check(command: &clap::Command, path: &str) {
            assert!(command.get_about().is_some(), "{path}: no description");
            if !command.has_subcommands() && !command.is_hide_set() {
                let examples = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
                assert!(examples.contains("Examples:"), "{path}: no examples");
            }
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{path} {}: not described", argument.get_id());
            }
            for inner in command.get_subcommands() {
                check(inner, &format!("{path} {}", inner.get_name()));
            }
        }
        check(&super::Arguments::command(), "honey");
    }

    #[test]
    fn settings_are_split_at_the_first_equals_sign() {
        assert_eq!(super::path_and_value("a.b = x=y").unwrap(), ("a.b".to_owned(), " x=y".to_owned()));
        assert!(super::path_and_value("a.b").is_err());
        assert!(super::path_and_value("=x").is_err());
    }
}
