//! The real binary, as a shell runs it: exit code, standard output, standard error.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// A folder of its own for each test, and no environment but what the test sets.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(configuration: &str) -> Self {
        let place = Self::new();
        std::fs::write(place.path().join("honey.toml"), configuration).unwrap();
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_honey"));
        command.args(arguments).current_dir(self.path()).env_clear().stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Everything a shell would see, in one text.
    fn seen(&self, arguments: &[&str]) -> String {
        seen(&self.run(arguments))
    }
}

fn seen(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let code = output.status.code().unwrap();
    format!("exit {code}\n--- stdout\n{}--- stderr\n{}", text(&output.stdout), text(&output.stderr))
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Every command with its path, hidden ones too.
const COMMANDS: [&[&str]; 35] = [
    &[],
    &["init"],
    &["plan"],
    &["apply"],
    &["status"],
    &["kubeconfig"],
    &["node"],
    &["node", "list"],
    &["node", "drain"],
    &["node", "uncordon"],
    &["node", "reboot"],
    &["node", "replace"],
    &["etcd"],
    &["etcd", "snapshot"],
    &["etcd", "list"],
    &["etcd", "restore"],
    &["cutover"],
    &["dns"],
    &["dns", "swap"],
    &["destroy"],
    &["plugin"],
    &["plugin", "list"],
    &["plugin", "inspect"],
    &["plugin", "lock"],
    &["plugin", "new"],
    &["plugin", "build"],
    &["plugin", "test"],
    &["unlock"],
    &["auth"],
    &["lab"],
    &["lab", "up"],
    &["lab", "down"],
    &["lab", "status"],
    &["explain"],
    &["version"],
];

#[test]
fn every_command_has_help_with_examples() {
    let place = Place::new();
    for command in COMMANDS {
        let output = place.run(&[command, &["--help"]].concat());
        assert_eq!(output.status.code(), Some(0));
        let name = if command.is_empty() { "honey".to_owned() } else { command.join("-") };
        insta::assert_snapshot!(format!("help-{name}"), stdout(&output));
    }
}

#[test]
fn no_command_is_forgotten_in_the_help_tests() {
    let help = stdout(&Place::new().run(&["--help"]));
    let commands = help.split("Commands:").nth(1).unwrap().split("\n\n").next().unwrap();
    for line in commands.lines().filter(|line| !line.trim().is_empty()) {
        let name = line.split_whitespace().next().unwrap();
        assert!(name == "completions" || COMMANDS.iter().any(|command| command == &[name]), "{name}");
    }
}

#[test]
fn version_names_the_formats() {
    let place = Place::new();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(place.seen(&["version"]), format!("exit 0\n--- stdout\nhoney {version}\n--- stderr\n"));
    assert_eq!(place.seen(&["--version"]), place.seen(&["version"]));
    let json: serde_json::Value = serde_json::from_slice(&place.run(&["version", "--json"]).stdout).unwrap();
    assert_eq!(json["version"], version);
    assert_eq!(
        (json["plan"].as_u64(), json["state"].as_u64(), json["interface"].as_str()),
        (Some(1), Some(1), Some("0.1"))
    );
}

#[test]
fn codes_are_explained() {
    let place = Place::new();
    insta::assert_snapshot!("explain-page", place.seen(&["explain", "hny0103"]));
    insta::assert_snapshot!("explain-unknown", place.seen(&["explain", "HNY9999"]));
    insta::assert_snapshot!("explain-plugin", place.seen(&["explain", "hetzner::limit"]));
    let list = stdout(&place.run(&["explain"]));
    assert_eq!(list.lines().count(), honey_model::codes::PAGES.len());
    let json: serde_json::Value = serde_json::from_slice(&place.run(&["explain", "--json"]).stdout).unwrap();
    assert_eq!(json[0]["code"], "HNY0001");
}

#[test]
fn init_writes_what_honey_reads() {
    for provider in ["hetzner", "ovh", "generic-ssh"] {
        let place = Place::new();
        let output = place.run(&["init", "--provider", provider, "--name", "shop"]);
        insta::assert_snapshot!(format!("init-{provider}"), seen(&output));
        let written = std::fs::read_to_string(place.path().join("honey.toml")).unwrap();
        insta::assert_snapshot!(format!("init-{provider}-file"), written);
        let path = place.path().join("honey.toml");
        let loaded = honey_config::load(honey_config::LoadOptions { path, ..Default::default() }).unwrap();
        assert_eq!(loaded.config.project.name, "shop");
        assert_eq!(loaded.config.instances.values().next().unwrap().plugin, provider);
    }
}

#[test]
fn init_takes_the_operators_public_key() {
    let place = Place::new();
    let home = place.path().join("home");
    std::fs::create_dir_all(home.join(".ssh")).unwrap();
    std::fs::write(home.join(".ssh/id_ed25519.pub"), "ssh-ed25519 AAAA me@here\n").unwrap();
    let output = place.command(&["init", "--name", "shop"]).env("HOME", &home).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let path = place.path().join("honey.toml");
    let loaded = honey_config::load(honey_config::LoadOptions { path, ..Default::default() }).unwrap();
    assert_eq!(loaded.config.cluster.ssh_public_key.as_deref(), Some("ssh-ed25519 AAAA me@here"));
}

/// The commented suggestions must be settings that exist.
#[test]
fn what_init_suggests_is_accepted() {
    let place = Place::new();
    place.run(&["init", "--name", "shop"]);
    let path = place.path().join("honey.toml");
    let written = std::fs::read_to_string(&path).unwrap();
    let setting = |line: &str| {
        let bare = line.strip_prefix("# ").unwrap_or_default();
        bare.starts_with('[') && bare.ends_with(']')
            || bare.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))
    };
    let uncommented: Vec<&str> =
        written.lines().map(|line| if setting(line) { &line[2..] } else { line }).collect();
    assert!(uncommented.iter().filter(|line| line.starts_with('[')).count() > 10, "{written}");
    std::fs::write(&path, uncommented.join("\n")).unwrap();
    honey_config::load(honey_config::LoadOptions { path, ..Default::default() }).unwrap();
}

#[test]
fn init_never_overwrites() {
    let place = Place::with("mine");
    insta::assert_snapshot!(place.seen(&["init"]));
    assert_eq!(std::fs::read_to_string(place.path().join("honey.toml")).unwrap(), "mine");
    let other = place.run(&["init", "--config", "other.toml", "--json"]);
    assert_eq!(other.status.code(), Some(0));
    let json: serde_json::Value = serde_json::from_slice(&other.stdout).unwrap();
    assert_eq!(json["written"], "other.toml");
}

const GOOD: &str = "\
version = 1
[project]
name = \"shop\"
[instances.main]
plugin = \"hetzner\"
[plugins.hetzner]
secrets = { token = \"hcloud-token\" }
[secrets]
hcloud-token = { env = \"HCLOUD_TOKEN\" }
";

#[test]
fn wrong_configurations_are_explained_with_their_lines() {
    let cases = [
        ("unknown-key", GOOD.replace("plugin = ", "plugn = ")),
        ("wrong-type", format!("{GOOD}[cluster]\nservers = \"three\"\n")),
        ("missing-secret", GOOD.replace("{ token = \"hcloud-token\" }", "{ token = \"hcloud-tken\" }")),
        ("bad-toml", GOOD.replace("[project]", "[project")),
        ("provider-without-plugin", GOOD.replace("plugin = \"hetzner\"", "plugin = \"hetzer\"")),
        ("literal-secret", GOOD.replace("{ env = \"HCLOUD_TOKEN\" }", "\"canary-4711\"")),
    ];
    for (name, text) in cases {
        assert_ne!(text, GOOD);
        let shown = Place::with(&text).seen(&["plan"]);
        assert!(shown.starts_with("exit 2\n"), "{shown}");
        assert!(!shown.contains("4711"), "{shown}");
        insta::assert_snapshot!(format!("configuration-{name}"), shown);
    }
}

#[test]
fn overrides_are_named_when_they_are_wrong() {
    let place = Place::with(GOOD);
    let output = place.command(&["plan"]).env("HONEY_CLUSTER__SERVERS", "many").output().unwrap();
    insta::assert_snapshot!("configuration-environment", seen(&output));
    insta::assert_snapshot!("configuration-set", place.seen(&["plan", "--set", "cluster.servers=2"]));
    insta::assert_snapshot!("configuration-set-usage", place.seen(&["plan", "--set", "cluster.servers"]));
    insta::assert_snapshot!("configuration-profile", place.seen(&["plan", "--profile", "x"]));
    insta::assert_snapshot!("configuration-instance", place.seen(&["plan", "--provider", "mian"]));
}

#[test]
fn a_missing_configuration_says_what_to_do() {
    let place = Place::new();
    insta::assert_snapshot!("configuration-missing", place.seen(&["plan"]));
    let output = place.command(&["plan"]).env("HONEY_CONFIG", "elsewhere.toml").output().unwrap();
    assert!(seen(&output).contains("elsewhere.toml"));
}

#[test]
fn findings_are_a_document_with_json() {
    let place = Place::with(&GOOD.replace("plugin = ", "plugn = "));
    let output = place.run(&["plan", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stderr.is_empty(), "{}", seen(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["diagnostics"][0]["code"], "HNY0103");
    assert_eq!(json["diagnostics"][0]["source"]["line"], 5);
}

#[test]
fn colour_is_only_used_where_asked() {
    let place = Place::with(&GOOD.replace("plugin = ", "plugn = "));
    assert!(!place.seen(&["plan"]).contains('\u{1b}'));
    assert!(place.seen(&["plan", "--color", "always"]).contains('\u{1b}'));
}

#[test]
fn a_line_of_any_length_is_shown_through_a_window() {
    let long = "x".repeat(100_000);
    let place = Place::with(
        &GOOD.replace("plugin = \"hetzner\"", &format!("plugin = \"hetzner\"\nmachines = [\"{long}\", 3]")),
    );
    let output = place.run(&["plan"]);
    assert_eq!(output.status.code(), Some(2), "{}", seen(&output));
    assert!(output.stderr.len() < 8000, "{} bytes", output.stderr.len());
    assert!(seen(&output).contains("honey.toml:6:100017"), "{}", seen(&output));
}

#[test]
fn acknowledged_warnings_are_not_shown() {
    let values = "version = 1\n[project]\nname = \"shop\"\n[values.a]\ninput = 1\n";
    let run = |text: &str| {
        let place = Place::with(text);
        place.command(&["plan", "--json"]).env("HONEY_CLUSTER_SERVERS", "1").output().unwrap()
    };
    assert_eq!(
        seen(&run(values)).matches("HNY0107").count(),
        2,
        "with the hint to its page: {}",
        seen(&run(values))
    );
    // With `--json` there is no progress on standard error, only what somebody should read.
    let quiet = run(&format!("{values}[diagnostics]\nacknowledge = [\"HNY0107\"]\n"));
    assert!(quiet.status.success() && quiet.stderr.is_empty(), "{}", seen(&quiet));
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let place = Place::new();
    for arguments in [
        &["apply", "a.plan", "--provider", "x"][..],
        &["apply", "--resume", "--provider", "x"],
        &["cutover"],
        &["cutover", "--resume", "--abort"],
        &["destroy"],
        &["dns", "swap"],
        &["plan", "--why", "nonsense"],
        &["lab", "up", "--time-scale", "-1"],
        &["init", "--name", "Has Spaces"],
        &["nonsense"],
    ] {
        let output = place.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}\n{}", seen(&output));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn completions_and_manual_pages_are_generated() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&place.run(&["completions", shell]));
        assert!(script.contains("cutover"), "{shell}");
    }
    assert!(stdout(&place.run(&["man"])).contains(".TH honey 1"));
    assert_eq!(place.run(&["man", "--directory", "pages"]).status.code(), Some(0));
    assert!(place.path().join("pages/honey-dns-swap.1").exists());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let place = Place::new();
    let mut child = place
        .command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_lab_starts_answers_and_stops() {
    let place = Place::new();
    insta::assert_snapshot!("lab-none", place.seen(&["lab", "status"]));
    assert_eq!(place.run(&["lab", "down"]).status.code(), Some(0));
    let up = place.run(&["lab", "up", "--detach", "--seed", "3", "--time-scale", "0"]);
    let log = std::fs::read_to_string(place.path().join("lab/lab.log")).unwrap_or_default();
    assert_eq!(up.status.code(), Some(0), "{}\n{log}", seen(&up));
    let path: PathBuf = place.path().join("lab/honey.toml");
    honey_config::load(honey_config::LoadOptions { path, ..Default::default() }).unwrap();
    let again = place.run(&["lab", "up"]);
    assert_eq!(again.status.code(), Some(1));
    let status: serde_json::Value =
        serde_json::from_slice(&place.run(&["lab", "status", "--json"]).stdout).unwrap();
    assert_eq!(status["overlap_ms"], 0);
    let down = place.run(&["lab", "down"]);
    assert_eq!(stdout(&down), "the lab in lab has stopped\n");
    assert_eq!(place.run(&["lab", "status"]).status.code(), Some(1));
}
