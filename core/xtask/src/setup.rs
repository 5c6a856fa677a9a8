//! Installs what is missing on a fresh machine: system packages here; WASM
//! targets are installed where guests are built.

use std::{path::Path, process::Command};

use crate::workspace::{Failure, run};

/// A program, and the Debian package that has it.
const PROGRAMS: &[(&str, &str)] =
    &[("ssh", "openssh-client"), ("sshd", "openssh-server"), ("clang", "clang")];

/// Makes sure that every needed program is there.
pub(crate) fn ensure() -> Result<(), Failure> {
    ensure_all(PROGRAMS)
}

/// What boxes need beside that.
pub(crate) fn ensure_for_boxes() -> Result<(), Failure> {
    ensure_all(honey_boxes::machine::PROGRAMS)
}

/// Why what boxes need could not even be installed.
pub(crate) fn cannot_install_for_boxes() -> Option<String> {
    let missing: Vec<&str> = honey_boxes::machine::missing();
    (!missing.is_empty() && !is_there("apt-get"))
        .then(|| format!("it has no apt-get; please install: {}", missing.join(" ")))
}

fn ensure_all(programs: &[(&str, &str)]) -> Result<(), Failure> {
    let missing: Vec<&str> =
        programs.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing)?;
    match programs.iter().find(|(program, _)| !is_there(program)) {
        None => Ok(()),
        Some((program, package)) => {
            Err(Failure::Holds(format!("`{program}` is missing: install `{package}`")))
        }
    }
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let standard = ["/usr/sbin", "/sbin"].map(Path::new).map(Path::to_path_buf);
    std::env::split_paths(&path).chain(standard).any(|folder| folder.join(program).is_file())
}

fn install(packages: &[&str]) -> Result<(), Failure> {
    let by_hand = Failure::Holds(format!("missing system packages, please install: {}", packages.join(" ")));
    if !is_there("apt-get") {
        return Err(by_hand);
    }
    let as_root: &[&str] = match (is_root(), is_there("sudo")) {
        (true, _) => &[],
        (false, true) => &["sudo", "-n"],
        (false, false) => return Err(by_hand),
    };
    let apt = |arguments: &[&str]| {
        let words: Vec<&str> =
            as_root.iter().chain(&["apt-get", "-qq", "-y"]).chain(arguments).copied().collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env("DEBIAN_FRONTEND", "noninteractive");
        run(command)
    };
    apt(&["update"])?;
    apt(&[&["install", "--no-install-recommends"], packages].concat())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
