//! `honey plugin build`: a crate, or a guest of any language, becomes a plugin.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use honey_model::Diagnostic;
use honey_plugin_host::{Artifact, Manifest};
use honey_plugin_pack::{componentize_with, sections};

use super::plugin::of_artifact;
use crate::{
    command::plugin::Build,
    context::Context,
    failure::{Exit, Failure},
};

/// What guests are compiled for: no operating system at all.
const TARGET: &str = "wasm32-unknown-unknown";

pub(crate) fn plugin_build(context: &Context, arguments: &Build) -> Result<Exit, Failure> {
    let written = manifest(&arguments.folder)?;
    let compiled = match &arguments.wasm {
        Some(path) => path.clone(),
        None => compile(&arguments.folder)?,
    };
    let guest =
        std::fs::read(&compiled).map_err(|error| not_built(format!("{}: {error}", compiled.display())))?;
    let artifact = componentize_with(&guest, &described(&arguments.folder, &written))
        .map_err(|error| unusable(error.to_string()))?;
    let found = Artifact::read(&artifact).map_err(|error| unusable(error.to_string()))?;
    if found.manifest != written {
        let text = format!(
            "the guest carries another manifest than {} ({}, {})",
            arguments.folder.join("plugin.toml").display(),
            found.manifest.origin(),
            written.origin()
        );
        return Err(unusable(text));
    }
    let output =
        arguments.output.clone().unwrap_or_else(|| arguments.folder.join(format!("{}.wasm", written.id)));
    std::fs::write(&output, &artifact)?;
    let shown = of_artifact(&found, &artifact, output.display().to_string());
    context.output.show(
        |_| format!("{}: {} {}, {} bytes", output.display(), shown.id, shown.version, artifact.len()),
        &shown,
    )?;
    Ok(Exit::Done)
}

/// The folder's plugin.toml.
pub(super) fn manifest(folder: &Path) -> Result<Manifest, Failure> {
    let path = folder.join("plugin.toml");
    let wrong = |why: String| unusable(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
    Manifest::parse(&text).map_err(|error| wrong(error.to_string()))
}

/// The sections that a guest gets whose compiler puts none in.
fn described(folder: &Path, manifest: &Manifest) -> Vec<(&'static str, String)> {
    let mut all = vec![(sections::INTERFACE, manifest.interface.clone())];
    for (name, file) in [(sections::MANIFEST, "plugin.toml"), (sections::KINDS, "kinds.json")] {
        if let Ok(text) = std::fs::read_to_string(folder.join(file)) {
            all.push((name, text));
        }
    }
    all
}

/// Runs cargo in the folder and finds what it left.
fn compile(folder: &Path) -> Result<PathBuf, Failure> {
    if !folder.join("Cargo.toml").is_file() {
        let text = format!("{} is no crate", folder.display());
        return Err(with_help(
            text,
            "compile the guest with its own tools and name the result with `--wasm FILE`",
        ));
    }
    add_target(folder);
    let mut cargo = Command::new("cargo");
    cargo.args([
        "build",
        "--release",
        "--lib",
        "--target",
        TARGET,
        "--message-format",
        "json-render-diagnostics",
    ]);
    let output = cargo.current_dir(folder).stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(
        |error| with_help(format!("cargo does not start: {error}"), "install Rust: https://rustup.rs"),
    )?;
    if !output.status.success() {
        let help = format!("the compiler's words stand above; the target is `rustup target add {TARGET}`");
        return Err(with_help("the guest does not compile".to_owned(), &help));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut left = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|line| {
            let files = line.get("filenames")?.as_array()?;
            let wasm = files
                .iter()
                .filter_map(serde_json::Value::as_str)
                .find(|name| Path::new(name).extension().is_some_and(|extension| extension == "wasm"));
            wasm.map(PathBuf::from)
        });
    // Dependencies come first, the crate itself last.
    left.next_back().ok_or_else(|| {
        with_help(
            "cargo left no WebAssembly".to_owned(),
            "the crate needs `[lib] crate-type = [\"cdylib\", \"rlib\"]`",
        )
    })
}

/// Asks rustup for the target. Without rustup, or without a network, cargo tells what is missing.
fn add_target(folder: &Path) {
    let rustup = |arguments: &[&str]| {
        Command::new("rustup")
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
    };
    if let Ok(listed) = rustup(&["target", "list", "--installed"])
        && listed.status.success()
        && !String::from_utf8_lossy(&listed.stdout).lines().any(|line| line == TARGET)
    {
        let _ = rustup(&["target", "add", TARGET]);
    }
}

fn unusable(text: String) -> Failure {
    Failure::Diagnostics(Exit::Failed, vec![Diagnostic::error("HNY0486", text)])
}

fn not_built(text: String) -> Failure {
    Failure::Diagnostics(Exit::Failed, vec![Diagnostic::error("HNY0489", text)])
}

fn with_help(text: String, help: &str) -> Failure {
    Failure::Diagnostics(Exit::Failed, vec![Diagnostic::error("HNY0489", text).with_help(help)])
}
