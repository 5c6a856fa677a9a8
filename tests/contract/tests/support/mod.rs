//! Where a test finds the built plugins and the vendors' own words.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The folder of plugin artifacts: `HONEY_PLUGINS`, or where `cargo xtask
/// plugins` puts them; where they are missing, it is run.
pub(crate) fn plugins() -> PathBuf {
    if let Some(named) = std::env::var_os("HONEY_PLUGINS").filter(|named| !named.is_empty()) {
        return PathBuf::from(named);
    }
    let program = std::env::current_exe().expect("a program knows where it is");
    let profile = program.ancestors().find(|folder| folder.join("deps").is_dir());
    let target = profile.and_then(Path::parent).expect("cargo builds into <target>/<profile>");
    let folder = target.join("plugins");
    if !folder.join("hetzner.wasm").is_file() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["run", "--quiet", "--package", "xtask", "--", "plugins"]).current_dir(root);
        let status = command.env("CARGO_TARGET_DIR", target).stdout(Stdio::null()).status();
        assert!(status.is_ok_and(|status| status.success()), "`cargo xtask plugins` failed");
    }
    folder
}

/// The vendors' specifications, where they are at hand; said in one line where not.
#[expect(clippy::print_stderr, reason = "a test says what it could not do")]
pub(crate) fn specifications() -> Option<PathBuf> {
    let named = std::env::var_os("HONEY_SPECS").filter(|named| !named.is_empty()).map(PathBuf::from);
    if named.is_none() {
        eprintln!("the vendor contract was not checked, only the lab's own rules: set HONEY_SPECS");
    }
    named
}
