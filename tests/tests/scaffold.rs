//! `honey plugin new` writes a plugin that builds, tests and keeps every law as
//! it is, outside any workspace. The guide's test does so with a provider and
//! the SDK that honey brings; here it is an integration and a checkout's SDK.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use honey_tests::scene::honey;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_path_buf()
}

/// Cargo's target directory: this test lies in `<target>/<profile>/deps`.
fn target() -> PathBuf {
    std::env::current_exe().expect("a path").ancestors().nth(3).expect("a target directory").to_path_buf()
}

/// Runs something in a folder, without a network; what it says.
fn run(folder: &Path, program: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env("CARGO_NET_OFFLINE", "true");
    command.env("CARGO_TARGET_DIR", target().join("docs/plugin"));
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}\n{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_new_integration_builds_and_keeps_every_law_as_it_is() {
    let place = tempfile::tempdir().expect("a folder");
    let sdk = root().join("plugins/sdk");
    let sdk = sdk.to_str().expect("a path");
    run(place.path(), &honey(), &["plugin", "new", "post-box", "--role", "integration", "--sdk", sdk]);
    let folder = place.path().join("post-box");
    assert!(!folder.join("vendor").exists(), "the checkout's SDK is used");
    // What a network would give: the workspace's versions, already downloaded.
    std::fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).expect("the lock file");
    let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    run(&folder, &cargo, &["test", "--quiet"]);
    run(&folder, &honey(), &["plugin", "build", "."]);
    let report = run(&folder, &honey(), &["plugin", "test", ".", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&report).expect("one JSON document");
    let laws = report["laws"].as_array().expect("laws");
    let open: Vec<_> = laws.iter().filter(|row| row["verdict"] != "holds").collect();
    assert!(laws.len() > 20 && open.is_empty(), "{open:#?}");

    let refused = Command::new(honey())
        .args(["plugin", "new", "post-box", "--role", "provider"])
        .current_dir(place.path())
        .output()
        .expect("honey runs");
    assert_eq!(refused.status.code(), Some(2), "nothing is overwritten");
}
