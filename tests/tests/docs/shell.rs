//! An operator's shell: a folder of its own, `honey` on the path, one console
//! block after the other. Nothing outside the folder and the target directory.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command as Process, Stdio},
};

use honey_tests::scene::honey;
use tempfile::TempDir;

use super::blocks::{Block, Command, commands};

/// Cargo's target directory: this test lies in `<target>/<profile>/deps`.
pub(crate) fn target() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    test.ancestors().nth(3).expect("a test lies in the target directory").to_path_buf()
}

/// A shell in a folder of its own.
pub(crate) struct Shell {
    folder: TempDir,
    current: PathBuf,
    variables: BTreeMap<String, String>,
    replaced: Vec<(String, String)>,
    written: Vec<PathBuf>,
}

impl Shell {
    /// A fresh folder.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let current = folder.path().to_path_buf();
        let mut variables = BTreeMap::new();
        let mut keep = |name: &str, value: PathBuf| {
            variables.insert(name.to_owned(), value.display().to_string());
        };
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        let of =
            |name: &str, below: &str| std::env::var_os(name).map_or_else(|| home.join(below), PathBuf::from);
        keep("CARGO_HOME", of("CARGO_HOME", ".cargo"));
        keep("RUSTUP_HOME", of("RUSTUP_HOME", ".rustup"));
        keep("HOME", current.clone());
        keep("XDG_CACHE_HOME", target().join("docs/cache"));
        for name in ["RUSTUP_TOOLCHAIN", "LANG"] {
            if let Ok(value) = std::env::var(name) {
                variables.insert(name.to_owned(), value);
            }
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let folder_of_honey = honey().parent().map(|parent| parent.display().to_string()).unwrap_or_default();
        variables.insert("PATH".to_owned(), format!("{folder_of_honey}:{path}"));
        variables.insert("CARGO_NET_OFFLINE".to_owned(), "true".to_owned());
        Self { folder, current, variables, replaced: Vec::new(), written: Vec::new() }
    }

    /// Where it began.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Another text than the page's, for what only the machine knows: a port.
    pub(crate) fn replace(&mut self, from: &str, to: String) {
        self.replaced.push((from.to_owned(), to));
    }

    /// Writes the block's file, or runs its commands.
    pub(crate) fn play(&mut self, block: &Block) {
        let mut block = block.clone();
        for (from, to) in &self.replaced {
            block.text = block.text.replace(from, to);
        }
        match (&block.title, block.language.as_str()) {
            (Some(title), _) => self.write(title, &block.text),
            (None, "console") => {
                for command in commands(&block) {
                    self.run(&block.place, &command);
                }
            }
            (None, _) => {}
        }
    }

    /// The first block of a title begins the file, later ones go on with it.
    fn write(&mut self, title: &str, text: &str) {
        let path = self.current.join(title);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the folder");
        let before = if self.written.contains(&path) {
            std::fs::read_to_string(&path).unwrap_or_default() + "\n"
        } else {
            String::new()
        };
        std::fs::write(&path, before + text).unwrap_or_else(|error| panic!("{title}: {error}"));
        self.written.push(path);
    }

    fn run(&mut self, place: &str, command: &Command) {
        if let Some(folder) = command.line.strip_prefix("cd ") {
            self.current = std::path::absolute(self.current.join(folder)).expect("a path");
            self.current =
                self.current.canonicalize().unwrap_or_else(|error| panic!("{place}: cd {folder}: {error}"));
            return;
        }
        if let Some((name, value)) = command.line.strip_prefix("export ").and_then(|set| set.split_once('='))
        {
            self.variables.insert(name.to_owned(), value.trim_matches(['"', '\'']).to_owned());
            return;
        }
        let mut process = Process::new("sh");
        process.args(["-c", &command.line]).current_dir(&self.current).env_clear().envs(&self.variables);
        let output = process.stdin(Stdio::null()).output().expect("sh runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let seen = format!("{}{}", text(&output.stdout), text(&output.stderr));
        let exit = output.status.code().unwrap_or(-1);
        assert_eq!(
            exit, command.exit,
            "{place}: `{}` ended otherwise than the page says:\n{seen}",
            command.line
        );
        for line in &command.output {
            let shown = seen.lines().any(|seen| fits(line, seen));
            assert!(shown, "{place}: `{}` does not print `{line}`:\n{seen}", command.line);
        }
    }
}

impl Drop for Shell {
    /// A page that failed in the middle leaves no lab behind.
    fn drop(&mut self) {
        let folders = std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten();
        for folder in folders.filter(|folder| folder.path().join("lab.json").is_file()) {
            let mut down = Process::new(honey());
            let _ = down.args(["lab", "down", "--directory"]).arg(folder.path()).output();
        }
    }
}

/// Whether a printed line has the page's pieces, in order. Spans of blanks count as one.
fn fits(wanted: &str, seen: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let seen = plain(seen);
    let mut rest = seen.as_str();
    plain(wanted).split('…').map(str::trim).all(|piece| match rest.find(piece) {
        Some(at) => {
            rest = &rest[at + piece.len()..];
            true
        }
        None => false,
    })
}
