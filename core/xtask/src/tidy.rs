//! `cargo xtask tidy`: what the layout promises, checked.

use std::path::{Path, PathBuf};

use crate::{
    profile::Profile,
    workspace::{Failure, cargo, root, run},
};

/// Longest source file; longer ones stand in the list below with a reason.
const LONGEST: usize = 800;
const LONG_FOR_A_REASON: &[(&str, &str)] = &[];
/// Names of vendors and what belongs to them: never in the core.
const VENDORS: &[&str] = &["hetzner", "ovh", "cloudflare", "neon", "backblaze", "gitea"];
/// Crates of the core that must not know any vendor.
const VENDOR_FREE: &[&str] = &[
    "model",
    "image",
    "ports",
    "config",
    "plan",
    "engine",
    "state",
    "ssh",
    "kube",
    "flow",
    "ui",
    "plugin-host",
    "plugin-pack",
    "conformance",
];
/// What a crate must not name, with the one crate that may.
const ONE_CRATE_ONLY: &[(&str, &str)] =
    &[("wasmtime", "plugin-host"), ("kube::", "kube"), ("openssh::", "ssh")];

/// Runs the verb: the layout, the format, and the lints over every target.
pub(crate) fn run_verb() -> Result<(), Failure> {
    check()?;
    run(cargo(&["fmt", "--all", "--check"]))?;
    let features = Profile::Cluster.features().join(",");
    let lints = ["clippy", "--workspace", "--all-targets", "--features", &features, "--", "-D", "warnings"];
    run(cargo(&lints))
}

/// Checks the layout.
pub(crate) fn check() -> Result<(), Failure> {
    let mut problems = Vec::new();
    let mut lengths = Vec::new();
    for path in sources(&root())? {
        let text =
            std::fs::read_to_string(&path).map_err(|error| Failure::File { path: path.clone(), error })?;
        let shown = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().into_owned();
        lengths.push(text.lines().count());
        check_file(&shown, &text, &mut problems);
    }
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or(0);
    eprintln!(
        "tidy: {} source files, median {median} lines, longest {}",
        lengths.len(),
        lengths.last().unwrap_or(&0)
    );
    if problems.is_empty() { Ok(()) } else { Err(Failure::Holds(problems.join("\n"))) }
}

fn check_file(shown: &str, text: &str, problems: &mut Vec<String>) {
    let lines = text.lines().count();
    let excused = LONG_FOR_A_REASON.iter().any(|(path, _)| *path == shown);
    if lines > LONGEST && !excused {
        problems.push(format!("{shown}: {lines} lines, more than {LONGEST}"));
    }
    if !text.trim_start().starts_with("//!") && !text.trim_start().starts_with("#!") {
        problems.push(format!("{shown}: does not open with `//!`"));
    }
    let product = text.split("#[cfg(test)]").next().unwrap_or(text).to_lowercase();
    let core = shown.strip_prefix("core/").and_then(|rest| rest.split_once('/'));
    if let Some((krate, rest)) = core
        && rest.starts_with("src/")
    {
        if VENDOR_FREE.contains(&krate) {
            for (number, line) in
                product.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
            {
                if let Some(vendor) = VENDORS.iter().find(|vendor| has_word(line, vendor)) {
                    problems.push(format!("{shown}:{}: names the vendor `{vendor}`", number + 1));
                }
            }
        }
        for (name, only) in ONE_CRATE_ONLY {
            let used = product.lines().any(|line| {
                line.trim_start().starts_with("use ") && has_word(line, name.trim_end_matches("::"))
            });
            let own_kube = *name == "kube::" && matches!(krate, "lab" | "flow");
            if used && krate != *only && !own_kube {
                problems.push(format!("{shown}: uses `{name}`, which only core/{only} may"));
            }
        }
    }
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part == word)
}

fn sources(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        ["core", "plugins", "providers", "tests"].map(|name| root.join(name)).to_vec();
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).map_err(|error| Failure::File { path: folder.clone(), error })?;
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
