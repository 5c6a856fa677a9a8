//! Builds guest crates into plugin artifacts: `target/plugins/<id>.wasm`.
//!
//! Guests are found by folder: every crate below providers/ and plugins/ except
//! the SDK. Their target is wasm32-unknown-unknown, unless their Cargo.toml says
//! otherwise in `[package.metadata.honey] target`.
#![expect(clippy::print_stderr, reason = "a development command talks to a terminal")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use honey_plugin_pack::{Artifact, PackError, componentize};

use crate::workspace::{root, target_directory};

const DEFAULT_TARGET: &str = "wasm32-unknown-unknown";

/// Build the guest crates into artifacts.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only this one: folder name or package name. May be repeated.
    #[arg(long)]
    only: Vec<String>,
}

/// Why an artifact could not be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A file could not be read or written.
    #[error("{path}: {error}")]
    File { path: PathBuf, error: std::io::Error },
    /// A Cargo.toml is not what it should be.
    #[error("{path}: {why}")]
    Cargo { path: PathBuf, why: String },
    /// A tool failed.
    #[error("`{0}` failed")]
    Tool(String),
    /// The guest is not fit to be a plugin.
    #[error("{folder}: {error}")]
    Pack { folder: String, error: PackError },
    /// Nothing matches what was asked for.
    #[error("no guest crate is called `{0}`")]
    Unknown(String),
}

/// A guest crate.
struct Guest {
    folder: String,
    package: String,
    target: String,
}

/// One line of the table.
struct Built {
    id: String,
    version: String,
    kinds: usize,
    module: usize,
    component: usize,
}

/// Runs the verb.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match build(&arguments.only) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failures) => {
            for failure in failures {
                eprintln!("error: {failure}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Builds the named guests, or all.
pub(crate) fn build(only: &[String]) -> Result<(), Vec<Failure>> {
    let guests = discover(only).map_err(|failure| vec![failure])?;
    let mut by_target: BTreeMap<&str, Vec<&Guest>> = BTreeMap::new();
    for guest in &guests {
        by_target.entry(&guest.target).or_default().push(guest);
    }
    let (mut built, mut failures) = (Vec::new(), Vec::new());
    for (target, guests) in by_target {
        if let Err(failure) = install_target(target).and_then(|()| compile(target, &guests)) {
            failures.push(failure);
            continue;
        }
        for guest in guests {
            match pack(guest) {
                Ok(one) => built.push(one),
                Err(failure) => failures.push(failure),
            }
        }
    }
    built.sort_by(|a, b| a.id.cmp(&b.id));
    eprintln!("{:<18} {:>8} {:>6} {:>12} {:>12}", "plugin", "version", "kinds", "guest bytes", "artifact");
    for one in &built {
        eprintln!(
            "{:<18} {:>8} {:>6} {:>12} {:>12}",
            one.id, one.version, one.kinds, one.module, one.component
        );
    }
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

fn discover(only: &[String]) -> Result<Vec<Guest>, Failure> {
    let mut guests = Vec::new();
    for parent in ["plugins", "providers"] {
        let folder = root().join(parent);
        let entries =
            std::fs::read_dir(&folder).map_err(|error| Failure::File { path: folder.clone(), error })?;
        for entry in entries.flatten() {
            let manifest = entry.path().join("Cargo.toml");
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "sdk" && manifest.is_file() {
                guests.push(describe(name, &manifest)?);
            }
        }
    }
    guests.sort_by(|a, b| a.folder.cmp(&b.folder));
    for wanted in only {
        if !guests.iter().any(|guest| guest.is(wanted)) {
            return Err(Failure::Unknown(wanted.clone()));
        }
    }
    guests.retain(|guest| only.is_empty() || only.iter().any(|wanted| guest.is(wanted)));
    Ok(guests)
}

impl Guest {
    fn is(&self, name: &str) -> bool {
        self.folder == name || self.package == name
    }
}

fn describe(folder: String, manifest: &Path) -> Result<Guest, Failure> {
    let wrong = |why: String| Failure::Cargo { path: manifest.to_path_buf(), why };
    let text = std::fs::read_to_string(manifest)
        .map_err(|error| Failure::File { path: manifest.to_path_buf(), error })?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let package = table.get("package").ok_or_else(|| wrong("no [package]".to_owned()))?;
    let name =
        package.get("name").and_then(toml::Value::as_str).ok_or_else(|| wrong("no name".to_owned()))?;
    let target = package
        .get("metadata")
        .and_then(|metadata| metadata.get("honey"))
        .and_then(|honey| honey.get("target"))
        .and_then(toml::Value::as_str);
    Ok(Guest { folder, package: name.to_owned(), target: target.unwrap_or(DEFAULT_TARGET).to_owned() })
}

/// Asks rustup for the target where it is not there. Without rustup, cargo itself will tell.
fn install_target(target: &str) -> Result<(), Failure> {
    let listed = Command::new("rustup").args(["target", "list", "--installed"]).current_dir(root()).output();
    match listed {
        Ok(listed) if !String::from_utf8_lossy(&listed.stdout).lines().any(|line| line == target) => {
            tool(Command::new("rustup").args(["target", "add", target]))
        }
        _ => Ok(()),
    }
}

fn compile(target: &str, guests: &[&Guest]) -> Result<(), Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--lib", "--profile", "plugin", "--target", target]);
    for guest in guests {
        command.args(["--package", &guest.package]);
    }
    tool(&mut command)
}

fn tool(command: &mut Command) -> Result<(), Failure> {
    let shown = format!("{command:?}").replace('"', "");
    match command.current_dir(root()).status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Failure::Tool(shown)),
    }
}

fn pack(guest: &Guest) -> Result<Built, Failure> {
    let file = format!("{}.wasm", guest.package.replace('-', "_"));
    let source = target_directory().join(&guest.target).join("plugin").join(file);
    let module = std::fs::read(&source).map_err(|error| Failure::File { path: source, error })?;
    let wrong = |error: PackError| Failure::Pack { folder: guest.folder.clone(), error };
    let component = componentize(&module).map_err(wrong)?;
    let artifact = Artifact::read(&component).map_err(|error| wrong(error.into()))?;
    let folder = target_directory().join("plugins");
    let path = folder.join(format!("{}.wasm", artifact.manifest.id));
    std::fs::create_dir_all(&folder).map_err(|error| Failure::File { path: folder.clone(), error })?;
    let unfinished = path.with_extension("unfinished");
    std::fs::write(&unfinished, &component)
        .and_then(|()| std::fs::rename(&unfinished, &path))
        .map_err(|error| Failure::File { path, error })?;
    Ok(Built {
        id: artifact.manifest.id,
        version: artifact.manifest.version,
        kinds: artifact.kinds.len(),
        module: module.len(),
        component: component.len(),
    })
}
