//! `honey init`: a commented configuration to begin with.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write as _},
    path::Path,
};

use clap::{Args, ValueEnum};
use honey_model::Diagnostic;
use serde_json::json;

use crate::{
    context::Context,
    environment,
    failure::{Exit, Failure},
};

/// Write a commented honey.toml. Never overwrites one.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Where the first cluster is built
    #[arg(long, value_name = "PLUGIN", default_value = "hetzner")]
    provider: Provider,
    /// The project's name [default: the folder's name]
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  honey init
  honey init --provider ovh --name shop
  honey init --provider generic-ssh --config staging.toml";

const COMMON: &str = include_str!("../../assets/init/common.toml");

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Provider {
    /// Hetzner Cloud
    Hetzner,
    /// OVHcloud VPS
    Ovh,
    /// Machines that exist, by address
    GenericSsh,
}

impl Provider {
    fn plugin(self) -> &'static str {
        match self {
            Self::Hetzner => "hetzner",
            Self::Ovh => "ovh",
            Self::GenericSsh => "generic-ssh",
        }
    }

    fn instance_name(self) -> &'static str {
        match self {
            Self::GenericSsh => "main",
            other => other.plugin(),
        }
    }

    fn instance(self) -> &'static str {
        match self {
            Self::Hetzner => include_str!("../../assets/init/hetzner.toml"),
            Self::Ovh => include_str!("../../assets/init/ovh.toml"),
            Self::GenericSsh => include_str!("../../assets/init/generic-ssh.toml"),
        }
    }

    /// The plugin's secret, the operator's name for it, the variable it is in.
    fn secrets(self) -> &'static [(&'static str, &'static str, &'static str)] {
        match self {
            Self::Hetzner => &[("token", "hcloud-token", "HCLOUD_TOKEN")],
            Self::Ovh => &[
                ("application-key", "ovh-application-key", "OVH_APPLICATION_KEY"),
                ("application-secret", "ovh-application-secret", "OVH_APPLICATION_SECRET"),
                ("consumer-key", "ovh-consumer-key", "OVH_CONSUMER_KEY"),
            ],
            Self::GenericSsh => &[],
        }
    }
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let path = context.configuration();
    let project = arguments.name.clone().unwrap_or_else(|| folder_name(&path));
    write(&path, &text(arguments.provider, &project, environment::public_key().as_deref()))?;
    let shown = path.display().to_string();
    let variables: Vec<&str> =
        arguments.provider.secrets().iter().map(|(_, _, variable)| *variable).collect();
    let next = match variables.is_empty() {
        true => "next: set the machines' addresses in it, then `honey plan`".to_owned(),
        false => format!(
            "next: set {} in the environment, look through the file, then `honey plan`",
            variables.join(", ")
        ),
    };
    let document = json!({ "written": shown, "project": project, "variables": variables });
    context.output.show(|_| format!("wrote {shown} for project `{project}`\n{next}"), &document)?;
    Ok(Exit::Done)
}

/// Creates the file; an existing one stays as it is.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let shown = path.display();
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
        let finding = match error.kind() {
            ErrorKind::AlreadyExists => Diagnostic::error("HNY0901", format!("`{shown}` exists already"))
                .with_help("`--config FILE` writes another one"),
            _ => Diagnostic::error("HNY0906", format!("cannot write `{shown}`: {error}")),
        };
        Failure::usage(finding)
    })?;
    file.write_all(text.as_bytes())?;
    Ok(())
}

fn text(provider: Provider, project: &str, public_key: Option<&str>) -> String {
    let secrets = provider
        .secrets()
        .iter()
        .fold(String::new(), |text, (_, name, variable)| text + name + " = { env = \"" + variable + "\" }\n");
    let grants: Vec<String> =
        provider.secrets().iter().map(|(own, name, _)| format!("{own} = \"{name}\"")).collect();
    let grants = match provider {
        Provider::GenericSsh => "# What the machines are is read over ssh.\nssh = true".to_owned(),
        Provider::Hetzner | Provider::Ovh => format!("secrets = {{ {} }}", grants.join(", ")),
    };
    let plugin = format!("[plugins.{}]\n{grants}", provider.plugin());
    let ssh_key = match public_key {
        Some(key) => format!("ssh-public-key = \"{key}\""),
        None => "# ssh-public-key = \"file:id_ed25519.pub\"".to_owned(),
    };
    COMMON
        .replace("@INSTANCE_TABLE@", provider.instance())
        .replace("@INSTANCE@", provider.instance_name())
        .replace("@PROJECT@", project)
        .replace("@SSH_KEY@", &ssh_key)
        .replace("@SECRETS@", &secrets)
        .replace("@PLUGIN_TABLE@", &plugin)
}

/// The folder's name as far as it can be a project's.
fn folder_name(path: &Path) -> String {
    let folder = std::path::absolute(path).ok();
    let folder = folder.as_deref().and_then(Path::parent).and_then(Path::file_name);
    let raw = folder.map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let plain: String =
        raw.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
    match plain.trim_matches('-') {
        "" => "honey".to_owned(),
        name => name.to_owned(),
    }
}

fn name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = (1..=40).contains(&text.len())
        && text.chars().all(plain)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if fits {
        Ok(text.to_owned())
    } else {
        Err("lower case letters, digits and `-`, at most 40 characters".to_owned())
    }
}
