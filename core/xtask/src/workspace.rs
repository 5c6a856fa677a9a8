//! Where things are, and how tools are run.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Why a verb failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A tool is not there or could not be started.
    #[error("`{program}` could not be started: {error}")]
    Start {
        /// What was called.
        program: String,
        /// Why not.
        error: std::io::Error,
    },
    /// A tool said no.
    #[error("`{0}` failed")]
    Tool(String),
    /// A file could not be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// Something does not hold.
    #[error("{0}")]
    Holds(String),
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("xtask lies in core/").to_path_buf()
}

/// Cargo's target directory.
pub(crate) fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |set| root().join(set))
}

/// Where artifacts of plugins are.
pub(crate) fn plugins_directory() -> PathBuf {
    target_directory().join("plugins")
}

/// Cargo with the built-in plugins to be embedded.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root()).env("HONEY_EMBED_PLUGINS", plugins_directory());
    command
}

/// Runs to the end; what it prints goes to standard error, so that standard
/// output stays one document.
pub(crate) fn run(mut command: Command) -> Result<(), Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let shown = shown(&command);
    command.stdout(std::io::stderr());
    let status = command.status().map_err(|error| Failure::Start { program, error })?;
    if status.success() { Ok(()) } else { Err(Failure::Tool(shown)) }
}

/// Runs to the end and gives back what it printed on standard output.
pub(crate) fn output(mut command: Command) -> Result<(Option<i32>, String), Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| Failure::Start { program, error })?;
    Ok((output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Builds the honey binary with its plugins inside; gives back its path.
pub(crate) fn build_honey(release: bool) -> Result<PathBuf, Failure> {
    crate::plugins::build(&[]).map_err(|failures| {
        Failure::Holds(failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })?;
    Ok(build_programs(&["honey"], release)?.join("honey"))
}

/// Builds programs of the workspace; gives back the folder that they are in.
/// The whole workspace decides the features of what they depend on, as it does
/// for the tests: nothing is compiled twice.
pub(crate) fn build_programs(names: &[&str], release: bool) -> Result<PathBuf, Failure> {
    let mut command = cargo(&["build", "--quiet", "--workspace"]);
    command.args(names.iter().flat_map(|name| ["--bin", name]));
    if release {
        command.arg("--release");
    }
    run(command)?;
    Ok(target_directory().join(if release { "release" } else { "debug" }))
}
