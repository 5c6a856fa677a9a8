//! Where the built plugins are: `HONEY_PLUGINS`, or where `cargo xtask plugins`
//! puts them; where they are missing, it is run once.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

/// The folder of plugin artifacts.
pub fn plugins() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(find).clone()
}

fn find() -> PathBuf {
    if let Some(named) = std::env::var_os("HONEY_PLUGINS").filter(|named| !named.is_empty()) {
        return PathBuf::from(named);
    }
    let folder = target().join("plugins");
    if !folder.join("hetzner.wasm").is_file() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace");
        let mut command = Command::new(cargo);
        command.args(["run", "--quiet", "--package", "xtask", "--", "plugins"]).current_dir(root);
        let status = command.env("CARGO_TARGET_DIR", target()).stdout(Stdio::null()).status();
        assert!(status.is_ok_and(|status| status.success()), "`cargo xtask plugins` failed");
    }
    folder
}

/// Cargo's target folder: the one that this program was built in.
fn target() -> PathBuf {
    let program = std::env::current_exe().expect("a program knows where it is");
    let profile = program.ancestors().find(|folder| folder.join("deps").is_dir());
    let target = profile.and_then(Path::parent);
    target.expect("cargo builds into <target>/<profile>").to_path_buf()
}
