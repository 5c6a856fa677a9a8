//! Embeds the plugins that come with honey: every `.wasm` in the folder that
//! `HONEY_EMBED_PLUGINS` names (.cargo/config.toml and `cargo xtask build` set it). Without it the
//! binary has none and plugins are named by file. Embeds the guest SDK and the
//! interface too, which `honey plugin new` writes beside a new plugin.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn main() {
    println!("cargo:rerun-if-env-changed=HONEY_EMBED_PLUGINS");
    let mut list = String::from("/// Id and artifact.\nconst BUILTIN: &[(&str, &[u8])] = &[\n");
    if let Some(folder) = env::var_os("HONEY_EMBED_PLUGINS").map(PathBuf::from) {
        println!("cargo:rerun-if-changed={}", folder.display());
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
        files.sort();
        for path in files {
            println!("cargo:rerun-if-changed={}", path.display());
            let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let _ = writeln!(list, "    ({id:?}, include_bytes!({:?})),", path.display().to_string());
        }
    }
    list.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("builtin.rs");
    if let Err(error) = fs::write(&out, list) {
        panic!("{}: {error}", out.display());
    }
    if let Err(error) = fs::write(out.with_file_name("sdk.rs"), sdk()) {
        panic!("the SDK cannot be embedded: {error}");
    }
}

/// The SDK's files as a list of path and text. Its Cargo.toml is made to stand
/// alone: what it takes from the workspace is written out.
fn sdk() -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in ["plugins/sdk/src", "wit"] {
        collect(&root.join(folder), &mut files);
    }
    files.push(root.join("LICENSE"));
    files.sort();
    let mut list = String::from("/// Path and text.\nconst SDK: &[(&str, &str)] = &[\n");
    for path in files {
        println!("cargo:rerun-if-changed={}", path.display());
        let shown = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        let _ = writeln!(list, "    ({shown:?}, include_str!({:?})),", path.display().to_string());
    }
    let manifest = root.join("plugins/sdk/Cargo.toml");
    println!("cargo:rerun-if-changed={}", manifest.display());
    println!("cargo:rerun-if-changed={}", root.join("Cargo.toml").display());
    let _ =
        writeln!(list, "    (\"plugins/sdk/Cargo.toml\", {:?}),", alone(&manifest, &root.join("Cargo.toml")));
    list.push_str("];\n");
    list
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    println!("cargo:rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn table(path: &Path) -> toml::Table {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A member's Cargo.toml without its workspace.
fn alone(member: &Path, workspace: &Path) -> String {
    let (mut member, workspace) = (table(member), table(workspace));
    let workspace = &workspace["workspace"];
    member.remove("lints");
    inherit(&mut member["package"], &workspace["package"]);
    inherit(&mut member["dependencies"], &workspace["dependencies"]);
    if let Some(toml::Value::Table(targets)) = member.get_mut("target") {
        for (_, target) in targets.iter_mut() {
            inherit(&mut target["dependencies"], &workspace["dependencies"]);
        }
    }
    format!("# Written by honey: the SDK that it was built with.\n{member}")
}

/// Writes `name.workspace = true` out.
fn inherit(part: &mut toml::Value, from: &toml::Value) {
    let toml::Value::Table(part) = part else { return };
    for (name, value) in part.iter_mut() {
        let inherits = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
        let Some(found) = from.get(name).filter(|_| inherits) else { continue };
        // What the member says beside it stays: `optional`, more features.
        let own = value.as_table().cloned().unwrap_or_default();
        *value = found.clone();
        for (key, own) in own.into_iter().filter(|(key, _)| key != "workspace") {
            if let toml::Value::String(version) = &*value {
                *value =
                    toml::Table::from_iter([("version".to_owned(), toml::Value::String(version.clone()))])
                        .into();
            }
            match (value.get_mut(&key), own) {
                (Some(toml::Value::Array(there)), toml::Value::Array(more)) => there.extend(more),
                (_, own) => {
                    if let toml::Value::Table(table) = value {
                        table.insert(key, own);
                    }
                }
            }
        }
    }
}
