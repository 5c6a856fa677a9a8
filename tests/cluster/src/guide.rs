//! Files that GUIDE.md shows, word for word.

use std::path::Path;

/// The file that the guide shows under this title: its blocks one after another.
///
/// # Panics
/// When the guide shows none.
pub fn file(title: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../GUIDE.md");
    let text = std::fs::read_to_string(&page).expect("GUIDE.md");
    let (mut found, mut inside) = (String::new(), false);
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line.trim_end().ends_with(&format!(" title={title}"));
        } else if inside {
            found += line;
            found.push('\n');
        }
    }
    assert!(!found.is_empty(), "GUIDE.md shows no {title}");
    found
}
