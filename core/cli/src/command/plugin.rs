//! `honey plugin`: what plugins there are, what one may do, the lock file; and
//! for authors: a new one, packing it, putting it to the test.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::{
    context::Context,
    failure::{Exit, Failure},
    wire,
};

/// Work with plugins.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(List),
    Inspect(Inspect),
    Lock(Lock),
    New(New),
    Build(Build),
    Test(Test),
}

/// List the plugins that the configuration uses, with versions and whether they are locked.
#[derive(Args)]
#[command(after_long_help = "Examples:\n  honey plugin list\n  honey plugin list --json")]
pub(crate) struct List {}

/// Show one plugin: kinds, capabilities, what it asks for and what it is granted. Runs nothing of it.
#[derive(Args)]
#[command(after_long_help = "Examples:\n  honey plugin inspect hetzner\n  honey plugin inspect ./mine.wasm")]
pub(crate) struct Inspect {
    /// Its id in the configuration, or a `.wasm` file
    #[arg(value_name = "PLUGIN")]
    pub(crate) plugin: String,
}

/// Write the digests of all plugins into honey.lock; apply refuses others.
#[derive(Args)]
#[command(after_long_help = "Examples:\n  honey plugin lock\n  honey plugin lock --check")]
pub(crate) struct Lock {
    /// Write nothing; fail when the lock file is not current
    #[arg(long)]
    pub(crate) check: bool,
}

/// Begin a plugin of your own: a crate that builds and keeps every law as it is.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  honey plugin new postbox --role integration
  honey plugin new digitalocean --role provider --directory ~/code/digitalocean
  honey plugin new digitalocean --role provider --sdk ../honey/plugins/sdk")]
pub(crate) struct New {
    /// Its id: lower case letters, digits and `-`
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What it is for
    #[arg(long, value_enum)]
    pub(crate) role: Role,
    /// Where to write it [default: a folder of its name]
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// A checkout's SDK instead of the one that this honey brings along
    #[arg(long, value_name = "PATH")]
    pub(crate) sdk: Option<PathBuf>,
}

/// What a plugin is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Makes machines
    Provider,
    /// Everything else: DNS, databases, buckets …
    Integration,
}

/// Compile a guest and pack it into a plugin: one component with its manifest and kinds.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  honey plugin build .
  honey plugin build . -o ../shop/postbox.wasm
  honey plugin build . --wasm build/guest.wasm      # a guest of another language, compiled before")]
pub(crate) struct Build {
    /// The plugin's folder, with plugin.toml in it
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// The guest as its compiler left it [default: cargo builds the folder's crate]
    #[arg(long, value_name = "FILE")]
    pub(crate) wasm: Option<PathBuf>,
    /// Where to write the plugin [default: ID.wasm in the folder]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Put a plugin to the test: the laws that every component keeps, against a stand-in vendor.
///
/// Runs any component with the real plugin host. `conformance.toml` beside plugin.toml
/// describes the vendor and has one example for each kind; the vendor is served on loopback.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  honey plugin test .
  honey plugin test ./mine.wasm --conformance ./conformance.toml --json
  honey plugin test . --law create-twice-makes-one
  honey plugin test --laws                          # what each law promises")]
pub(crate) struct Test {
    /// The plugin's folder, or a `.wasm` file
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) path: PathBuf,
    /// Vendor and examples [default: conformance.toml beside it]
    #[arg(long, value_name = "FILE")]
    pub(crate) conformance: Option<PathBuf>,
    /// Only this law. May be repeated
    #[arg(long, value_name = "NAME", value_parser = law)]
    pub(crate) law: Vec<honey_conformance::Law>,
    /// Only tell what each law promises
    #[arg(long)]
    pub(crate) laws: bool,
    /// Only serve the stand-in vendor on this port of loopback, until Ctrl-C
    #[arg(long, value_name = "PORT", conflicts_with = "laws")]
    pub(crate) serve: Option<u16>,
}

fn law(name: &str) -> Result<honey_conformance::Law, String> {
    honey_conformance::Law::parse(name).ok_or_else(|| "`honey plugin test --laws` lists them".to_owned())
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::List(arguments) => wire::plugin_list(context, arguments),
        Command::Inspect(arguments) => wire::plugin_inspect(context, arguments),
        Command::Lock(arguments) => wire::plugin_lock(context, arguments),
        Command::New(arguments) => wire::plugin_new(context, arguments),
        Command::Build(arguments) => wire::plugin_build(context, arguments),
        Command::Test(arguments) => wire::plugin_test(context, arguments),
    }
}
