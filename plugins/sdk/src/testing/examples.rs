//! The vendors' example answers, where they are at hand: `HONEY_SPECS`, or the
//! folder beside the repository. They are never part of it.

use std::{fs, path::PathBuf};

use serde_json::Value;

/// Every example of a vendor by its file name; none, said in one line, where there are no examples.
pub fn examples(vendor: &str) -> Vec<(String, Value)> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs");
    let folder =
        std::env::var_os("HONEY_SPECS").map_or_else(beside, PathBuf::from).join("examples").join(vendor);
    let Ok(entries) = fs::read_dir(&folder) else {
        #[expect(clippy::print_stderr, reason = "a test says what it could not do")]
        {
            eprintln!("no examples of {vendor} here: set HONEY_SPECS");
        }
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("an example can be read");
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (name, serde_json::from_str(&text).expect("an example is JSON"))
    };
    paths.into_iter().map(read).collect()
}
