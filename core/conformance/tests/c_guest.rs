//! A guest in another language than Rust: C, compiled by clang for no operating
//! system at all, keeps the same laws.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod support;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use honey_conformance::Verdict;
use honey_plugin_host::Artifact;
use support::{broken, root, run, setup};

/// Where the guest's sources are.
fn sources() -> PathBuf {
    root().join("tests/c-guest")
}

fn tool(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; install clang"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// The linker for WebAssembly that every Rust brings.
fn linker() -> PathBuf {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said =
        Command::new(&rustc).args(["--print", "sysroot"]).current_dir(root()).output().expect("rustc runs");
    let sysroot = PathBuf::from(String::from_utf8_lossy(&said.stdout).trim());
    let hosts = std::fs::read_dir(sysroot.join("lib/rustlib")).expect("a sysroot").flatten();
    let found = hosts.map(|host| host.path().join("bin/rust-lld")).find(|path| path.is_file());
    found.expect("rust-lld lies in the sysroot")
}

/// Compiles and links; the module is as its compiler leaves it.
fn compile(folder: &Path) -> Vec<u8> {
    let bindings = sources().join("bindings");
    let mut objects = vec![bindings.join("plugin_component_type.o")];
    let own = ["plugin.c", "json.c", "libc.c"].map(|name| sources().join("src").join(name));
    let files = own.iter().map(|path| (path.clone(), format!("own-{}", path.file_stem().unwrap().display())));
    for (source, name) in files.chain([(bindings.join("plugin.c"), "bindings".to_owned())]) {
        let object = folder.join(format!("{name}.o"));
        let mut clang = Command::new("clang");
        clang.args([
            "--target=wasm32-unknown-unknown",
            "-Os",
            "-ffreestanding",
            "-fno-builtin",
            "-Wall",
            "-Werror",
        ]);
        if name == "bindings" {
            // What a generator writes is not ours to tidy.
            clang.arg("-w");
        }
        clang
            .arg("-I")
            .arg(sources().join("include"))
            .arg("-I")
            .arg(sources().join("src"))
            .arg("-I")
            .arg(&bindings);
        tool(clang.arg("-c").arg(&source).arg("-o").arg(&object));
        objects.push(object);
    }
    let module = folder.join("guest.wasm");
    let mut link = Command::new(linker());
    link.args([
        "-flavor",
        "wasm",
        "--no-entry",
        "--gc-sections",
        "--strip-debug",
        "--stack-first",
        "-z",
        "stack-size=262144",
    ]);
    tool(link.args(&objects).arg("-o").arg(&module));
    std::fs::read(module).expect("a module")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_in_c_keeps_every_law() {
    let folder = tempfile::tempdir().expect("a folder");
    let module = compile(folder.path());
    let text = |name: &str| std::fs::read_to_string(sources().join(name)).expect("a file");
    // As `honey plugin build . --wasm guest.wasm` does it.
    let artifact = honey_plugin_pack::componentize_with(
        &module,
        &[
            (honey_plugin_pack::sections::INTERFACE, "0.1".to_owned()),
            (honey_plugin_pack::sections::MANIFEST, text("plugin.toml")),
            (honey_plugin_pack::sections::KINDS, text("kinds.json")),
        ],
    )
    .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(Artifact::read(&artifact).expect("an artifact").manifest.id, "c-guest");
    let bytes = artifact.len();
    let report = run(artifact, setup("tests/c-guest")).await;
    assert!(report.holds(), "{}", broken(&report));
    let held = report.laws.iter().filter(|row| row.verdict == Verdict::Holds).count();
    println!("a plugin in C: {bytes} bytes, {held} laws hold");
    assert_eq!(held, report.laws.len(), "laws that nobody looked at: {:?}", report.laws);
}
