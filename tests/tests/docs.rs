//! The pages for people are true: their commands are run by the real binary,
//! their files are built and loaded, their names and links exist.
//!
//! | File | What it does |
//! |---|---|
//! | `blocks` | fenced blocks of a page |
//! | `shell` | runs them in a folder of their own |

#[path = "docs/blocks.rs"]
mod blocks;
#[path = "docs/shell.rs"]
mod shell;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use blocks::{blocks, calls, read, root};
use honey_tests::scene::honey;
use shell::{Shell, target};

/// Pages whose every command is looked at.
const PAGES: [&str; 3] = ["README.md", "GUIDE.md", "PLUGIN-GUIDE.md"];

#[test]
fn the_readme_does_what_it_says() {
    let mut shell = Shell::new();
    for block in blocks("README.md") {
        shell.play(&block);
    }
}

#[test]
fn the_operators_guide_does_what_it_says() {
    let mut shell = Shell::new();
    for block in blocks("GUIDE.md") {
        shell.play(&block);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plugin_authors_guide_builds_a_provider_that_works() {
    let vendor = stand_in("PLUGIN-GUIDE.md").await;
    let address = vendor.origin().trim_start_matches("http://").to_owned();
    let seen = tokio::task::spawn_blocking(move || {
        let mut shell = Shell::new();
        shell.replace("127.0.0.1:8035", address);
        let folder = shell.folder().to_path_buf();
        for block in blocks("PLUGIN-GUIDE.md") {
            if block.language == "console" {
                // Line by line: cargo needs its surroundings as soon as the crate is there.
                for line in lines(&block) {
                    shell.play(&line);
                    prepare_for_cargo(&folder.join("digitalocean"));
                }
            } else {
                shell.play(&block);
            }
        }
        leaks(&folder.join("shop"))
    });
    assert_eq!(seen.await.expect("the guide is played"), Vec::<PathBuf>::new(), "a secret was written down");
    assert_eq!(vendor.census(), BTreeMap::from([("keys".to_owned(), 1)]), "one key, made once");
}

/// The vendor that a page's conformance.toml describes, letting in the page's token.
async fn stand_in(page: &str) -> honey_conformance::StandIn {
    let described = blocks(page).into_iter().find(|block| block.title.as_deref() == Some("conformance.toml"));
    let setup =
        honey_conformance::Setup::parse(&described.expect("a conformance.toml").text).expect("it is well");
    honey_conformance::serve(&setup, Some(format!("Bearer {TOKEN}")), 0).await.expect("a port")
}

/// The token of PLUGIN-GUIDE.md.
const TOKEN: &str = "dop_v1_guide";

/// A console block as one block a command.
fn lines(block: &blocks::Block) -> Vec<blocks::Block> {
    let mut all: Vec<blocks::Block> = Vec::new();
    for line in block.text.lines() {
        match all.last_mut() {
            Some(last) if !line.starts_with("$ ") => last.text.push_str(&format!("{line}\n")),
            _ => all.push(blocks::Block { text: format!("{line}\n"), ..block.clone() }),
        }
    }
    all
}

/// What a network would give: the workspace's versions, already downloaded;
/// and a target directory that lasts.
fn prepare_for_cargo(crate_folder: &Path) {
    let built = target().join("docs/plugin");
    std::fs::create_dir_all(&built).expect("a target directory");
    if crate_folder.is_dir() && !crate_folder.join("target").exists() {
        std::os::unix::fs::symlink(built, crate_folder.join("target")).expect("a link");
        std::fs::copy(root().join("Cargo.lock"), crate_folder.join("Cargo.lock")).expect("the lock file");
    }
}

/// Files with the token in them.
fn leaks(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(leaks(&path));
        } else if String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).contains(TOKEN) {
            found.push(path);
        }
    }
    found
}

/// What `--help` says: subcommands and options of a command path.
fn help(known: &mut BTreeMap<String, String>, path: &[&str]) -> String {
    let key = path.join(" ");
    let ask = || {
        let output =
            Command::new(honey()).args(path).arg("--help").stdin(Stdio::null()).output().expect("honey runs");
        assert!(output.status.success(), "`honey {key} --help` fails");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    known.entry(key.clone()).or_insert_with(ask).clone()
}

fn subcommands(help: &str) -> BTreeSet<String> {
    let commands =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    commands.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Panics where a call names a command or an option that there is not.
fn exists(known: &mut BTreeMap<String, String>, page: &str, call: &str) {
    // `plugin list|inspect|lock` stands for three.
    let words: Vec<&str> = call.split_whitespace().skip(1).collect();
    let mut path: Vec<&str> = Vec::new();
    let mut options = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if matches!(word, "--config" | "-c" | "--profile" | "--set") {
            options.push(word);
            words.next();
        } else if word.starts_with('-') {
            options.push(word.split('=').next().unwrap_or(word));
        } else if path.len() < 2 && options.is_empty() {
            let below = subcommands(&help(known, &path));
            let all = word.split('|').all(|one| below.contains(one));
            assert!(all || below.is_empty(), "{page}: `{call}`: no command `{word}`");
            if all && !below.is_empty() && !word.contains('|') {
                path.push(word);
            }
        }
    }
    let help = help(known, &path);
    for option in options {
        let named =
            help.split(|c: char| c.is_whitespace() || ",[]()`".contains(c)).any(|word| word == option);
        assert!(named, "{page}: `{call}`: no option `{option}`");
    }
}

/// Texts that honey shows: the pages of its codes, and what stands between quotes in the sources.
fn own_texts(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !matches!(name.as_str(), "tests" | "target" | "snapshots") {
            own_texts(&path, found);
        } else if name.ends_with(".rs") || name.starts_with("HNY") {
            let text = std::fs::read_to_string(&path).expect("a text");
            // A text of several lines is one.
            let text = text.lines().filter(|line| !line.trim_start().starts_with("//")).fold(
                String::new(),
                |text, line| match text.strip_suffix('\\') {
                    Some(text) => format!("{text}{}\n", line.trim_start()),
                    None => text + line + "\n",
                },
            );
            found.push((path.display().to_string(), text));
        }
    }
}

#[test]
fn every_command_and_option_that_honey_itself_names_exists() {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(root().join("core")).expect("a folder").flatten() {
        let source = entry.path().join("src");
        if source.is_dir() {
            own_texts(&source, &mut texts);
        }
    }
    let mut known = BTreeMap::new();
    let mut seen = 0;
    for (file, text) in &texts {
        for line in text.lines() {
            let quoted = line.split('`').skip(1).step_by(2).map(str::trim);
            let listed = line.strip_prefix("    honey ").map(|_| line.trim());
            for call in quoted.chain(listed).filter(|call| call.starts_with("honey ")) {
                // What is filled in stands in the place of an argument.
                let call: Vec<&str> = call.split_whitespace().filter(|word| !word.contains('{')).collect();
                exists(&mut known, file, &call.join(" "));
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "{seen} commands were found");
}

#[test]
fn every_command_and_option_that_a_page_names_exists() {
    let mut known = BTreeMap::new();
    let pages = PAGES.iter().chain(&["CHANGELOG.md", "ARCHITECTURE.md", "CONFIGURATION.md", "wit/README.md"]);
    for page in pages {
        for call in calls(page, "honey") {
            exists(&mut known, page, &call);
        }
        let verbs = read("core/xtask/src/main.rs").to_lowercase();
        let is_verb = |word: &str| {
            verbs.lines().any(|line| {
                line.trim().strip_prefix(word).is_some_and(|rest| rest.starts_with(['(', ',', ' ']))
            })
        };
        for call in calls(page, "cargo xtask") {
            let verb = call.split_whitespace().nth(2).unwrap_or_default();
            assert!(is_verb(verb), "{page}: `{call}`: no verb `{verb}`");
        }
    }
}

#[test]
fn every_code_that_a_page_names_has_its_own_page() {
    for page in markdown(&root()) {
        let text = std::fs::read_to_string(&page).expect("a page");
        for (at, _) in text.match_indices("HNY") {
            let code: String = text[at..].chars().take(7).collect();
            if code[3..].len() == 4 && code[3..].chars().all(|c| c.is_ascii_digit()) {
                assert!(honey_model::codes::page(&code).is_some(), "{}: no code {code}", page.display());
            }
        }
    }
}

#[test]
fn every_configuration_of_a_page_can_be_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pages: Vec<String> = PAGES.iter().map(ToString::to_string).collect();
    for parent in ["plugins", "providers"] {
        for entry in std::fs::read_dir(root().join(parent)).expect("a folder").flatten() {
            let page = format!("{parent}/{}/README.md", entry.file_name().to_string_lossy());
            pages.extend(root().join(&page).is_file().then_some(page));
        }
    }
    let mut whole: BTreeMap<String, String> = BTreeMap::new();
    let mut checked = 0;
    for page in &pages {
        for block in blocks(page).into_iter().filter(|block| block.language == "toml") {
            match block.title.as_deref() {
                Some("honey.toml") => whole.entry(page.clone()).or_default().push_str(&block.text),
                Some(_) => {}
                // Keys of some table that the words around it name.
                None if !block.text.trim_start().starts_with(['[', '#']) => {}
                // A part of a file: its keys exist, its types fit. What it refers to stands elsewhere.
                None => {
                    let findings = load(folder.path(), &completed(&block.text));
                    let wrong: Vec<_> = findings
                        .iter()
                        .filter(|(code, _)| ["HNY0102", "HNY0103", "HNY0104"].contains(&code.as_str()))
                        .collect();
                    assert!(wrong.is_empty(), "{}: {wrong:?}", block.place);
                    checked += 1;
                }
            }
        }
    }
    for (page, text) in whole {
        let findings = load(folder.path(), &text);
        assert!(findings.is_empty(), "{page}: {findings:?}");
        checked += 1;
    }
    assert!(checked > 3, "the pages show configurations");
}

fn completed(part: &str) -> String {
    let mut text = String::new();
    if !part.contains("version =") {
        text.push_str("version = 1\n");
    }
    text.push_str(part);
    if !part.contains("[project]") {
        text.push_str("\n[project]\nname = \"example\"\n");
    }
    text
}

/// Findings of a configuration: codes and words. Nothing where it is well.
fn load(folder: &Path, text: &str) -> Vec<(String, String)> {
    let path = folder.join("honey.toml");
    std::fs::write(&path, text).expect("a file");
    std::fs::write(
        folder.join("id_ed25519.pub"),
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHoneyHoneyHoneyHoneyHoneyHoneyHoneyHoney operator\n",
    )
    .expect("a file");
    let options = honey_config::LoadOptions { path, ..honey_config::LoadOptions::default() };
    match honey_config::load(options) {
        Ok(_) => Vec::new(),
        Err(findings) => findings.into_iter().map(|finding| (finding.code, finding.summary)).collect(),
    }
}

#[test]
fn every_relative_link_leads_somewhere() {
    for page in markdown(&root()) {
        let text = std::fs::read_to_string(&page).expect("a page");
        for (at, _) in text.match_indices("](") {
            let link: String = text[at + 2..].chars().take_while(|c| *c != ')').collect();
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            if link.contains("://") || link.contains(char::is_whitespace) {
                continue;
            }
            let there =
                if file.is_empty() { page.clone() } else { page.parent().expect("a folder").join(file) };
            assert!(there.exists(), "{}: `{link}` leads nowhere", page.display());
            if !anchor.is_empty() {
                let headings = std::fs::read_to_string(&there).unwrap_or_default();
                assert!(
                    headings.lines().any(|line| anchor_of(line) == anchor),
                    "{}: no heading `{link}`",
                    page.display()
                );
            }
        }
    }
}

/// A heading's anchor, as forges make it.
fn anchor_of(line: &str) -> String {
    let Some(heading) = line.starts_with('#').then(|| line.trim_start_matches('#').trim()) else {
        return String::new();
    };
    let lower = heading.to_lowercase();
    lower
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Every Markdown file of the repository, but for what was built.
fn markdown(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let hidden = name.to_string_lossy().starts_with('.');
        if path.is_dir() && !path.is_symlink() && name != "target" && !hidden {
            found.extend(markdown(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found
}
