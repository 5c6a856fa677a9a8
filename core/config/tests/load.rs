//! Loading as a caller sees it: layers, positions, everything wrong at once.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::PathBuf;

use honey_config::{LoadOptions, Loaded, load};
use honey_model::{Diagnostic, Severity};

const SAMPLE: &str = include_str!("sample.toml");

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(text: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("honey.toml"), text).unwrap();
        Self(folder)
    }

    fn options(&self) -> LoadOptions {
        let built_in =
            ["b2", "cloudflare-dns", "generic-ssh", "gitea", "hetzner", "neon", "ovh"].map(str::to_owned);
        LoadOptions { path: self.path(), built_in: Some(built_in.to_vec()), ..LoadOptions::default() }
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("honey.toml")
    }
}

fn good(text: &str, adjust: impl FnOnce(&mut LoadOptions)) -> Loaded {
    let folder = Folder::new(text);
    let mut options = folder.options();
    adjust(&mut options);
    load(options).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// What is wrong, one line each: place, code, summary, help.
fn bad(text: impl AsRef<[u8]>, adjust: impl FnOnce(&mut LoadOptions)) -> String {
    let folder = Folder::new(text);
    let mut options = folder.options();
    adjust(&mut options);
    let problems = load(options).expect_err("it should be refused");
    shown(&problems, &folder)
}

fn shown(problems: &[Diagnostic], folder: &Folder) -> String {
    let line = |problem: &Diagnostic| {
        let place = problem
            .source
            .as_ref()
            .map_or("-".to_owned(), |source| format!("{}:{}", source.line, source.column));
        let help = problem.help.as_ref().map(|help| format!(" | {help}")).unwrap_or_default();
        format!("{place} {} {}{help}", problem.code, problem.summary)
    };
    let all = problems.iter().map(line).collect::<Vec<_>>().join("\n");
    all.replace(&folder.0.path().display().to_string(), "DIR")
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

/// The sample with a line put in below the line that begins with `below`.
fn with(below: &str, line: &str) -> String {
    assert!(SAMPLE.contains(below), "{below}");
    SAMPLE.replacen(below, &format!("{below}\n{line}"), 1)
}

#[test]
fn the_sample_is_accepted() {
    let loaded = good(SAMPLE, |_| {});
    assert_eq!(loaded.instance.as_deref(), Some("hetzner"));
    assert_eq!(loaded.diagnostics, vec![]);
    assert_eq!(loaded.config.cluster.servers, 3);
    assert_eq!(loaded.config.shared["database"].settings["pg_version"], 17);
}

#[test]
fn later_layers_win() {
    let text =
        format!("{SAMPLE}\n[profile.small.cluster]\nservers = 1\n[profile.small.limits]\nparallel = 2\n");
    let base = good(&text, |_| {});
    assert_eq!((base.config.cluster.servers, base.config.limits.parallel), (3, 16));
    let profile = good(&text, |options| options.profile = Some("small".into()));
    assert_eq!((profile.config.cluster.servers, profile.config.limits.parallel), (1, 2));
    let environment = good(&text, |options| {
        options.environment =
            pairs(&[("HONEY_PROFILE", "small"), ("HONEY_CLUSTER__SERVERS", "5"), ("PATH", "x")]);
    });
    assert_eq!((environment.config.cluster.servers, environment.config.limits.parallel), (5, 2));
    let flags = good(&text, |options| {
        options.profile = Some("small".into());
        options.environment = pairs(&[("HONEY_CLUSTER__SERVERS", "5")]);
        options.overrides = pairs(&[("cluster.servers", "3")]);
    });
    assert_eq!((flags.config.cluster.servers, flags.config.limits.parallel), (3, 2));
    assert_eq!(flags.sources.len(), 4);
    assert_eq!(flags.sources[1..], ["profile small", "HONEY_CLUSTER__SERVERS", "--set cluster.servers"]);
}

#[test]
fn an_instances_own_cluster_settings_lie_over_the_file_and_under_flags() {
    let text = with(
        "[instances.ovh]",
        "cluster = { firewall = { web = \"edge\" }, k3s = { version = \"v1.35.0+k3s1\" } }",
    );
    let hetzner = good(&text, |_| {});
    assert_eq!(hetzner.config.cluster.k3s.version, "v1.34.6+k3s1");
    let ovh = hetzner.for_instance("ovh").unwrap();
    assert_eq!(ovh.config.cluster.k3s.version, "v1.35.0+k3s1");
    assert_eq!(ovh.config.cluster.servers, 3);
    let flagged = good(&text, |options| {
        options.instance = Some("ovh".into());
        options.overrides = pairs(&[("cluster.k3s.version", "v1.36.0+k3s1")]);
    });
    assert_eq!(flagged.config.cluster.k3s.version, "v1.36.0+k3s1");
}

#[test]
fn variables_find_the_settings_that_are_meant() {
    let loaded = good(SAMPLE, |options| {
        options.environment = pairs(&[
            ("HONEY_CLUSTER__K3S__SECRETS_ENCRYPTION", "false"),
            ("HONEY_CLUSTER__SSH_PUBLIC_KEY", "ssh-ed25519 AAAA"),
            ("HONEY_SHARED__DATABASE__SETTINGS__PG_VERSION", "16"),
            ("HONEY_DNS__NAMES", "@, api"),
            ("HONEY_PROJECT__NAME", "17"),
            ("HONEY_LOG", "debug"),
        ]);
    });
    assert!(!loaded.config.cluster.k3s.secrets_encryption);
    assert_eq!(loaded.config.cluster.ssh_public_key.as_deref(), Some("ssh-ed25519 AAAA"));
    assert_eq!(loaded.config.shared["database"].settings["pg_version"], 16);
    assert_eq!(loaded.config.dns.unwrap().names, ["@", "api"]);
    assert_eq!(loaded.config.project.name, "17");
    assert_eq!(loaded.diagnostics, vec![]);
}

#[test]
fn a_variable_with_one_underscore_too_few_is_pointed_out() {
    let loaded = good(SAMPLE, |options| options.environment = pairs(&[("HONEY_CLUSTER_SERVERS", "1")]));
    assert_eq!(loaded.config.cluster.servers, 3);
    assert_eq!(loaded.diagnostics[0].severity, Severity::Warning);
    assert!(loaded.diagnostics[0].help.as_ref().unwrap().contains("HONEY_CLUSTER__SERVERS"));
}

#[test]
fn shapes_are_reported_all_at_once_with_places() {
    let text = r#"version = 1
[project]
nam = "x"
[cluster]
servers = "three"
[cluster.firewall]
web = "edgee"
[instances.a]
plugin = "hetzner"
ssh = { port = 70000, usr = "root" }
machines = [{ service = "x" }, 3]
[secrets]
one = "hunter2"
two = { env = "A", file = "b" }
three = { generate = -1 }
four = {}
[values.x]
after = "y"
[bananas]
"#;
    insta::assert_snapshot!(bad(text, |_| {}));
}

#[test]
fn what_types_cannot_say_is_reported_all_at_once() {
    let text = r#"version = 1
[project]
name = "Honey_Due"
default = "hetzer"
[cluster]
servers = 4
[instances.hetzner]
plugin = "hetznr"
cluster-label = "same"
machine = { image = "${shared.nothing.id}" }
[instances.ovh]
plugin = "ovh"
cluster-label = "same"
[instances.shared]
plugin = "ovh"
[dns]
plugin = "cloudflare-dns"
zone = "Example.com."
names = ["@", "api", "api", "a b", "x.Example.com."]
ttl = 5
[shared.database]
plugin = "neon"
kind = "database"
settings = { a = ["x", { b = "${shared.databse.id}" }], c = "${oops" }
[stack]
source = "builtin:honeydue"
namespace = "honeydue"
images = { api = "https://git.example.com/a/b" }
[stack.secrets.app.data]
KEY = "${secret:reds-password} ${secret:neon.x.password} ${secret:nobody.x}"
[stack.secrets.pull]
registry = { host = "h", username = "u", password = "gitea.token" }
[stack.secrets.empty]
[secrets]
redis-password = { generate = 4 }
"neon.x" = { env = "NEON X" }
[plugins.mine]
egress = ["https://a/b"]
secrets = { token = "nope" }
[values.a]
input = "${values.b}"
after = ["c"]
"#;
    insta::assert_snapshot!(bad(text, |_| {}));
}

#[test]
fn overrides_are_named_not_the_file() {
    let found = bad(SAMPLE, |options| {
        options.environment =
            pairs(&[("HONEY_CLUSTER__SERVERS", "many"), ("HONEY_CLUSTER__SERVRS", "3"), ("HONEY___X", "1")]);
        options.overrides = pairs(&[("limits.parallel", "all"), ("a b", "1"), ("dns.proxied", "yes")]);
    });
    insta::assert_snapshot!(found);
}

#[test]
fn profiles_are_checked_chosen_or_not() {
    let text = format!("{SAMPLE}\n[profile.small.cluster]\nservrs = 1\n");
    assert_eq!(
        bad(&text, |_| {}),
        format!(
            "{}:1 HNY0103 unknown key `servrs` in `profile.small.cluster` | did you mean `servers`?",
            text.lines().count()
        )
    );
    let chosen = format!("{SAMPLE}\n[profile.small.cluster]\nservers = 2\n");
    let found = bad(&chosen, |options| options.profile = Some("small".into()));
    assert!(found.starts_with(&format!("{}:11 HNY0113", chosen.lines().count())), "{found}");
    let found = bad(&chosen, |options| options.profile = Some("smal".into()));
    assert_eq!(found, "- HNY0108 there is no profile `smal` | did you mean `small`?");
}

#[test]
fn an_instances_cluster_settings_are_checked_chosen_or_not() {
    let text = with("[instances.ovh]", "cluster = { servers = \"x\", k4s = {} }");
    let line = text.lines().position(|line| line.starts_with("cluster =")).unwrap() + 1;
    let found = bad(&text, |_| {});
    assert!(found.contains(&format!("{line}:23 HNY0104 `instances.ovh.cluster.servers`")), "{found}");
    assert!(found.contains("unknown key `k4s`"), "{found}");
    let chosen = bad(&text, |options| options.instance = Some("ovh".into()));
    assert!(chosen.contains(&format!("{line}:23 HNY0104")), "{chosen}");
    assert_eq!(chosen.lines().count(), 2, "each is told once:\n{chosen}");
}

#[test]
fn broken_files_are_positioned() {
    let cases: [(&str, &[u8]); 8] = [
        ("no closing quote", b"version = 1\n[project]\nname = \"x\n"),
        ("key twice", b"version = 1\nversion = 2\n"),
        ("table twice", b"[project]\nname = \"x\"\n[project]\n"),
        ("no value", b"version =\n[project]\nname = \n"),
        ("latin-1", b"version = 1\n# \xfc\n"),
        ("utf-16", b"\xff\xfev\0e\0"),
        ("empty", b""),
        ("huge number", b"version = 99999999999999999999\n"),
    ];
    let found: Vec<String> =
        cases.iter().map(|(name, text)| format!("== {name}\n{}", bad(text, |_| {}))).collect();
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn a_byte_order_mark_does_no_harm() {
    assert_eq!(good(&format!("\u{feff}{SAMPLE}"), |_| {}).config.project.name, "honeydue");
    let found = bad("\u{feff}versio = 1", |_| {});
    assert!(found.contains("1:1 HNY0103"), "{found}");
}

#[test]
fn deep_nesting_is_refused_not_a_crash() {
    for depth in [100, 100_000] {
        let deep = format!("version = 1\n[values.x]\ninput = {}{}\n", "[".repeat(depth), "]".repeat(depth));
        assert!(bad(&deep, |_| {}).contains("HNY0102"));
    }
}

#[test]
fn a_missing_file_says_what_to_do() {
    let problems =
        load(LoadOptions { path: "/nowhere/honey.toml".into(), ..LoadOptions::default() }).unwrap_err();
    assert_eq!(problems[0].code, "HNY0101");
    assert!(problems[0].help.as_ref().unwrap().contains("honey init"));
    let folder = tempfile::tempdir().unwrap();
    let problems = load(LoadOptions { path: folder.path().into(), ..LoadOptions::default() }).unwrap_err();
    assert_eq!(problems[0].code, "HNY0101");
}

#[test]
fn secrets_in_the_wrong_place_are_not_repeated() {
    for line in ["hcloud-token = \"canary-5317\"", "hcloud-token = { env = \"canary 5317\" }"] {
        let text = SAMPLE.replace("hcloud-token = { env = \"HCLOUD_TOKEN\" }", line);
        assert!(text.contains("5317"));
        assert!(!bad(&text, |_| {}).contains("5317"));
    }
    let text = SAMPLE
        .replace("secrets = { token = \"hcloud-token\" }", "secrets = { token = \"CanaryCanary5317\" }");
    assert!(text.contains("5317"));
    assert!(!bad(&text, |_| {}).contains("5317"));
}

#[test]
fn every_code_has_a_page() {
    for code in 101..=119 {
        assert!(honey_model::codes::page(&format!("HNY0{code}")).is_some(), "HNY0{code}");
    }
}

#[test]
fn ten_thousand_values_load_and_their_errors_are_bounded() {
    let many = |count: usize, input: &str| {
        let entries: Vec<String> = (0..count).map(|n| format!("[values.v{n}]\ninput = {input}\n")).collect();
        format!("version = 1\n[project]\nname = \"x\"\n{}", entries.concat())
    };
    assert_eq!(good(&many(10_000, "\"text\""), |_| {}).config.values.len(), 10_000);
    let found = bad(many(10_000, "\"${values.none}\""), |_| {});
    assert_eq!(found.lines().count(), 51);
    assert!(found.ends_with("9950 more findings are not shown"), "{found}");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(200))]
    #[test]
    fn no_change_of_one_place_makes_it_panic(at in 0..SAMPLE.len(), with in "[\\[\\]{}=\".#a1\n ]{0,3}") {
        let mut text = SAMPLE.to_owned();
        text.replace_range(at..=at, &with);
        let folder = Folder::new(&text);
        if let Err(problems) = load(folder.options()) {
            for problem in problems {
                let source = problem.source.expect("everything here comes from the file");
                proptest::prop_assert!(source.offset <= text.len() && source.line <= text.lines().count() + 1);
            }
        }
    }
}
