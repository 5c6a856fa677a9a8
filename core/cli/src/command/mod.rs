//! One command, one file: its arguments, its examples, its call.

pub(crate) mod apply;
pub(crate) mod auth;
pub(crate) mod completions;
pub(crate) mod cutover;
pub(crate) mod destroy;
pub(crate) mod dns;
pub(crate) mod etcd;
pub(crate) mod explain;
pub(crate) mod init;
pub(crate) mod kubeconfig;
pub(crate) mod lab;
pub(crate) mod man;
pub(crate) mod node;
pub(crate) mod plan;
pub(crate) mod plugin;
pub(crate) mod status;
pub(crate) mod unlock;
pub(crate) mod version;

use crate::{
    arguments::Command,
    context::Context,
    failure::{Exit, Failure},
};

/// Runs one command.
pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Init(arguments) => init::run(context, &arguments),
        Command::Plan(arguments) => plan::run(context, &arguments),
        Command::Apply(arguments) => apply::run(context, &arguments),
        Command::Status(arguments) => status::run(context, &arguments),
        Command::Kubeconfig(arguments) => kubeconfig::run(context, &arguments),
        Command::Node(arguments) => node::run(context, &arguments),
        Command::Etcd(arguments) => etcd::run(context, &arguments),
        Command::Unlock(arguments) => unlock::run(context, &arguments),
        Command::Cutover(arguments) => cutover::run(context, &arguments),
        Command::Dns(arguments) => dns::run(context, &arguments),
        Command::Destroy(arguments) => destroy::run(context, &arguments),
        Command::Plugin(arguments) => plugin::run(context, &arguments),
        Command::Auth(arguments) => auth::run(context, &arguments),
        Command::Lab(arguments) => lab::run(context, &arguments),
        Command::Explain(arguments) => explain::run(context, &arguments),
        Command::Completions(arguments) => completions::run(context, &arguments),
        Command::Man(arguments) => man::run(context, &arguments),
        Command::Version(arguments) => version::run(context, &arguments),
    }
}
