//! Where artifacts are, and building the guests that only tests need.
#![allow(dead_code, unreachable_pub, reason = "two tests share it, each uses a part")]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use honey_conformance::{Law, Report, Setup, Subject};

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("core/conformance lies in the root")
        .to_path_buf()
}

/// Cargo's target folder: the one that this program was built in.
pub fn target() -> PathBuf {
    let program = std::env::current_exe().expect("a program knows where it is");
    let profile = program.ancestors().find(|folder| folder.join("deps").is_dir());
    profile.and_then(Path::parent).expect("cargo builds into <target>/<profile>").to_path_buf()
}

fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).env("CARGO_TARGET_DIR", target());
    cargo
}

/// The folder of the plugins that come with honey.
pub fn plugins() -> PathBuf {
    if let Some(named) = std::env::var_os("HONEY_PLUGINS").filter(|named| !named.is_empty()) {
        return PathBuf::from(named);
    }
    let folder = target().join("plugins");
    if !folder.join("hetzner.wasm").is_file() {
        let built = cargo().args(["run", "--quiet", "--package", "xtask", "--", "plugins"]).status();
        assert!(built.is_ok_and(|status| status.success()), "`cargo xtask plugins` failed");
    }
    folder
}

/// A guest of this workspace, as its compiler left it.
pub fn guest(package: &str, triple: &str) -> Vec<u8> {
    let installed =
        Command::new("rustup").args(["target", "list", "--installed"]).current_dir(root()).output();
    if installed
        .is_ok_and(|list| list.status.success() && !String::from_utf8_lossy(&list.stdout).contains(triple))
    {
        let added = Command::new("rustup").args(["target", "add", triple]).current_dir(root()).status();
        assert!(added.expect("rustup runs").success(), "rustup target add {triple}");
    }
    let arguments =
        ["build", "--quiet", "--lib", "--profile", "plugin", "--target", triple, "--package", package];
    assert!(cargo().args(arguments).status().expect("cargo runs").success(), "{package} builds for {triple}");
    let file = format!("{}.wasm", package.replace('-', "_"));
    std::fs::read(target().join(triple).join("plugin").join(file)).expect("the guest")
}

/// The kit's setup of a folder.
pub fn setup(folder: &str) -> Setup {
    Setup::read(&root().join(folder).join(honey_conformance::FILE)).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs the kit.
pub async fn run(artifact: Vec<u8>, setup: Setup) -> Report {
    look(artifact, setup, Vec::new()).await
}

/// Looks at some laws.
pub async fn look(artifact: Vec<u8>, setup: Setup, laws: Vec<Law>) -> Report {
    let cache = Some(target().join("conformance-cache"));
    let subject = Subject { artifact, setup, laws, cache };
    honey_conformance::run(subject, &|_| {}).await.unwrap_or_else(|fault| panic!("{fault}"))
}

/// What is broken, for people.
pub fn broken(report: &Report) -> String {
    let mut text = format!("{} {}\n", report.plugin, report.version);
    for row in &report.laws {
        for failure in &row.failures {
            text.push_str(&format!("  {} [{}]: {}\n", row.law, failure.kind, failure.what));
        }
    }
    text
}
