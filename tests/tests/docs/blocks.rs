//! Fenced blocks of a Markdown file. The info string says what a block is:
//! `console` is run, `LANGUAGE title=PATH` is written to a file, the rest is read.

use std::path::{Path, PathBuf};

/// A fenced block.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// The file and line of the fence.
    pub(crate) place: String,
    /// `console`, `toml`, `rust`, `sh`, `text` …
    pub(crate) language: String,
    /// The file that the block is, relative to the folder of the console.
    pub(crate) title: Option<String>,
    /// What stands in it.
    pub(crate) text: String,
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_path_buf()
}

/// The text of a file of the repository.
pub(crate) fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Every fenced block of a file, in order.
pub(crate) fn blocks(file: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut inside = false;
    for (at, line) in read(file).lines().enumerate() {
        if let Some(info) = line.strip_prefix("```") {
            inside = !inside;
            if inside {
                let mut words = info.split_whitespace();
                let language = words.next().unwrap_or_default().to_owned();
                assert!(!language.is_empty(), "{file}:{}: a block without a language", at + 1);
                let title = words.find_map(|word| word.strip_prefix("title=")).map(str::to_owned);
                found.push(Block {
                    place: format!("{file}:{}", at + 1),
                    language,
                    title,
                    text: String::new(),
                });
            }
        } else if inside && let Some(block) = found.last_mut() {
            block.text.push_str(line);
            block.text.push('\n');
        }
    }
    assert!(!inside, "{file}: the last block does not end");
    found
}

/// A command of a console block, and what the page says about it.
#[derive(Debug)]
pub(crate) struct Command {
    /// The line without `$ `.
    pub(crate) line: String,
    /// The exit code: 0, or what `# exit N` says.
    pub(crate) exit: i32,
    /// Lines of output; `…` stands for anything.
    pub(crate) output: Vec<String>,
}

/// The commands of a console block.
pub(crate) fn commands(block: &Block) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    for line in block.text.lines().filter(|line| !line.trim().is_empty()) {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(line), _) => {
                let (line, exit) = match line.split_once("# exit ") {
                    Some((line, exit)) => (line, exit.trim().parse().expect("a number after `# exit`")),
                    None => (line, 0),
                };
                let line = line.split("  # ").next().unwrap_or(line).trim().to_owned();
                commands.push(Command { line, exit, output: Vec::new() });
            }
            (None, Some(command)) => command.output.push(line.to_owned()),
            (None, None) => panic!("{}: output before the first command", block.place),
        }
    }
    commands
}

/// Every line in which a program is called, in blocks for people's eyes too:
/// `honey plan --why …` in `sh` blocks and in code spans.
pub(crate) fn calls(file: &str, program: &str) -> Vec<String> {
    let text = read(file);
    let mut found = Vec::new();
    let mut inside = false;
    let start = format!("{program} ");
    for line in text.lines() {
        if line.starts_with("```") {
            inside = !inside;
            continue;
        }
        let parts: Vec<&str> = if inside {
            vec![line.trim_start().trim_start_matches("$ ")]
        } else {
            line.split('`').skip(1).step_by(2).collect()
        };
        for part in parts {
            for one in part.split(" && ").flat_map(|part| part.split(" | ")) {
                let one = one.trim().split("  # ").next().unwrap_or_default();
                let one = one.split("  ").next().unwrap_or_default();
                if one.starts_with(&start) {
                    found.push(one.to_owned());
                }
            }
        }
    }
    found
}
