//! `honey plugin new`: a crate that builds, tests and keeps every law as it is,
//! with the SDK that this honey was built with beside it.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use honey_model::Diagnostic;
use serde_json::json;

use crate::{
    command::plugin::{New, Role},
    context::Context,
    failure::{Exit, Failure},
};

include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

/// Where the SDK lies in a new plugin's folder.
const VENDORED: &str = "vendor/honey";

macro_rules! asset {
    ($name:literal) => {
        include_str!(concat!("../../assets/plugin/", $name, ".txt"))
    };
}

/// The files of a plugin of either role.
fn files(role: Role) -> (Words, Vec<(&'static str, &'static str)>) {
    let mut all = vec![
        ("Cargo.toml", asset!("Cargo.toml")),
        ("plugin.toml", asset!("plugin.toml")),
        (".gitignore", asset!("gitignore")),
        ("README.md", asset!("README.md")),
        ("src/lib.rs", asset!("lib.rs")),
    ];
    match role {
        Role::Provider => {
            all.extend([
                ("kinds.json", asset!("provider.kinds.json")),
                ("conformance.toml", asset!("provider.conformance.toml")),
                ("src/api.rs", asset!("provider.api.rs")),
                ("src/machine.rs", asset!("provider.kind.rs")),
                ("tests/machine.rs", asset!("provider.test.rs")),
            ]);
            (Words { role: "provider", kind: "machine", kind_type: "Machine" }, all)
        }
        Role::Integration => {
            all.extend([
                ("kinds.json", asset!("integration.kinds.json")),
                ("conformance.toml", asset!("integration.conformance.toml")),
                ("src/api.rs", asset!("integration.api.rs")),
                ("src/item.rs", asset!("integration.kind.rs")),
                ("tests/item.rs", asset!("integration.test.rs")),
            ]);
            (Words { role: "integration", kind: "item", kind_type: "Item" }, all)
        }
    }
}

/// What the files call things.
struct Words {
    role: &'static str,
    kind: &'static str,
    kind_type: &'static str,
}

pub(crate) fn plugin_new(context: &Context, arguments: &New) -> Result<Exit, Failure> {
    let name = named(&arguments.name)?;
    let folder = arguments.directory.clone().unwrap_or_else(|| PathBuf::from(name));
    let sdk = match &arguments.sdk {
        None => format!("{VENDORED}/plugins/sdk"),
        Some(path) => checkout(path)?,
    };
    free(&folder)?;
    let (words, files) = files(arguments.role);
    let fill = |text: &str| {
        text.replace("@NAME@", name)
            .replace("@CRATE@", &name.replace('-', "_"))
            .replace("@TYPE@", &camel(name, words.kind_type))
            .replace("@ROLE@", words.role)
            .replace("@KIND_FILE@", words.kind)
            .replace("@KIND_TYPE@", words.kind_type)
            .replace("@KIND@", words.kind)
            .replace("@SDK@", &sdk)
    };
    for (path, text) in files {
        write(&folder.join(path), &fill(text))?;
    }
    if arguments.sdk.is_none() {
        for (path, text) in SDK {
            write(&folder.join(VENDORED).join(path), text)?;
        }
    }
    let shown = folder.display().to_string();
    let next = ["cargo test", "honey plugin build .", "honey plugin test ."];
    context.output.show(
        |_| {
            format!("wrote the {} `{name}` to {shown}\nnext, in that folder: {}", words.role, next.join(", "))
        },
        &json!({ "written": shown, "name": name, "role": words.role, "sdk": sdk, "next": next }),
    )?;
    Ok(Exit::Done)
}

fn named(name: &str) -> Result<&str, Failure> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = (1..=40).contains(&name.len())
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-');
    if fits {
        return Ok(name);
    }
    let text = format!("`{}` cannot be a plugin's id", honey_model::text::visible(name, 60));
    let help = "lower case letters, digits and `-`, at most 40, a letter first";
    Err(Failure::usage(Diagnostic::error("HNY0901", text).with_help(help)))
}

/// `my-vendor` as `MyVendor`; never the name that the kind's type has.
fn camel(name: &str, taken: &str) -> String {
    let word = |part: &str| part[..1].to_uppercase() + &part[1..];
    let joined: String = name.split('-').filter(|part| !part.is_empty()).map(word).collect();
    if joined == taken { format!("{joined}Plugin") } else { joined }
}

/// The SDK of a checkout, as a path for Cargo.toml.
fn checkout(path: &Path) -> Result<String, Failure> {
    let whole = std::path::absolute(path).map_err(Failure::Output)?;
    if whole.join("Cargo.toml").is_file() && whole.join("../../wit/v0.1").is_dir() {
        return Ok(whole.display().to_string());
    }
    let text = format!("{} is not the folder plugins/sdk of a checkout of honey", path.display());
    Err(Failure::usage(
        Diagnostic::error("HNY0901", text).with_help("without `--sdk`, this honey brings its own"),
    ))
}

/// Nothing is overwritten.
fn free(folder: &Path) -> Result<(), Failure> {
    match std::fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => {
            let finding = Diagnostic::error("HNY0901", format!("`{}` is not empty", folder.display()));
            Err(Failure::usage(finding.with_help("`--directory DIR` names another folder")))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => {
            let text = format!("`{}`: {error}", folder.display());
            Err(Failure::usage(Diagnostic::error("HNY0906", text)))
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written =
        path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, text));
    written.map_err(|error| {
        Failure::usage(Diagnostic::error("HNY0906", format!("cannot write `{}`: {error}", path.display())))
    })
}

#[cfg(test)]
mod tests {
    use super::{SDK, camel, named};

    #[test]
    fn ids_are_plain_and_types_are_their_own() {
        for bad in ["", "A", "a_b", "a-", "1a", "-a", &"a".repeat(41)] {
            assert!(named(bad).is_err(), "{bad}");
        }
        assert_eq!(named("digital-ocean").ok(), Some("digital-ocean"));
        assert_eq!(camel("digital-ocean", "Machine"), "DigitalOcean");
        assert_eq!(camel("machine", "Machine"), "MachinePlugin");
    }

    #[test]
    fn the_sdk_stands_alone() {
        let (_, manifest) = SDK.iter().find(|(path, _)| *path == "plugins/sdk/Cargo.toml").unwrap();
        assert!(!manifest.contains("workspace"), "{manifest}");
        assert!(SDK.iter().any(|(path, _)| *path == "wit/v0.1/worlds.wit"));
    }
}
