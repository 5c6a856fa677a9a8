//! Embeds the plugins that come with honey: every `.wasm` in the folder that
//! `HONEY_EMBED_PLUGINS` names (.cargo/config.toml and `cargo xtask build` set it). Without it the
//! binary has none and plugins are named by file.

use std::{env, fmt::Write as _, fs, path::PathBuf};

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
}
