//! Loading as a caller sees it: layers, positions, everything wrong at once.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::PathBuf;

use honey_config::{LoadOptions, Loaded, load, schema::SecretOrigin};
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
fn keys_types_and_rules_are_reported_in_one_run() {
    let text = r#"version = 1
[project]
name = "Shop"
colour = "red"
[cluster]
servers = 4
k3s = { versoin = "v1.34.6+k3s1" }
[instances.a]
plugin = "hetznr"
ssh = { port = "22" }
cluster = { servers = 2, firewall = { ssh-from = ["office"] } }
[dns]
plugin = "cloudflare-dns"
zone = "example.com"
names = ["@", 3, "a b"]
[stack]
source = "stack"
namespace = "Shop"
conflicts = "ignore"
images = { api = "nope" }
[stack.secrets.app.data]
ONE = "${secret:one}"
TWO = "${secret:two}"
[secrets]
one = { fil = "one.txt" }
three = { env = "A", file = "b" }
[limits]
parallel = 0
per-host = "all"
[diagnostics]
acknowledge = ["HNY0109", "HNY019O", "hny0190", "hetzner::old"]
"#;
    insta::assert_snapshot!(bad(text, |_| {}));
}

/// Each is one mistake, whatever follows from it.
#[test]
fn what_follows_from_a_mistake_is_no_second_one() {
    let stack = "[stack]\nsource = \"s\"\nnamespace = \"n\"\n[stack.secrets.app.data]\n\
                 A = \"${secret:a}\"\nB = \"${secret:b}\"\nC = \"${secret:neon.db.password}\"\n";
    let shared = "[shared.db]\nplugin = \"neon\"\nkind = \"database\"\n";
    let secrets = "[secrets]\na = { env = \"A\" }\nb = { env = \"B\" }\n";
    let good = format!(
        "version = 1\n[project]\nname = \"shop\"\ndefault = \"main\"\n[cluster]\nservers = 1\n\
         [instances.main]\nplugin = \"hetzner\"\nmachines = [{{ size = \"cx22\" }}]\n[values.v]\ninput = \"${{shared.db.host}}\"\n\
         [dns]\nplugin = \"cloudflare-dns\"\nzone = \"example.com\"\nnames = [\"a.example.org\"]\n{stack}{shared}{secrets}"
    );
    self::good(&good, |_| {});
    let cases = [
        ("[secrets]", "[secerts]", "HNY0103"),
        ("a = { env = \"A\" }", "a = \"canary\"", "HNY0104"),
        ("a = { env = \"A\" }", "a = {}", "HNY0104"),
        ("a = { env = \"A\" }", "a = { env = 3 }", "HNY0104"),
        ("a = { env = \"A\" }", "a = { evn = \"A\" }", "HNY0103"),
        ("a = { env = \"A\" }", "a = { path = \"A\" }", "HNY0103"),
        ("a = { env = \"A\" }\n", "", "HNY0115"),
        ("[shared.db]", "[shard.db]", "HNY0103"),
        ("plugin = \"neon\"", "plugni = \"neon\"", "HNY0103"),
        ("plugin = \"neon\"", "plugin = 3", "HNY0104"),
        ("[instances.main]", "[instnces.main]", "HNY0103"),
        ("default = \"main\"", "default = 3", "HNY0104"),
        ("servers = 1", "servers = \"one\"", "HNY0104"),
        ("servers = 1", "sevrers = 1", "HNY0103"),
        ("machines = [{ size = \"cx22\" }]", "machines = 1", "HNY0104"),
        ("zone = \"example.com\"", "zone = 1", "HNY0104"),
        ("zone = \"example.com\"", "", "HNY0105"),
        ("names = [\"a.example.org\"]", "names = \"a\"", "HNY0104"),
        ("[stack.secrets.app.data]", "[stack.secrets.app.dota]", "HNY0103"),
        ("[stack.secrets.app.data]", "[stack.secrets.app.entries]", "HNY0103"),
        ("name = \"shop\"", "name = 1", "HNY0104"),
        ("version = 1", "version = 2\nnew-in-two = true", "HNY0106"),
    ];
    for (from, to, code) in cases {
        assert!(good.contains(from), "{from}");
        let found = bad(good.replacen(from, to, 1), |_| {});
        assert_eq!(found.lines().count(), 1, "{from} -> {to}:\n{found}");
        assert!(found.contains(code), "{from} -> {to}:\n{found}");
    }
    let no_table = format!("secrets = 1\n{}", good.replace(secrets, ""));
    assert_eq!(
        bad(no_table, |_| {}),
        "1:11 HNY0104 `secrets` must be a table, not a whole number",
        "what refers to it follows from it"
    );
}

#[test]
fn rules_for_the_cluster_hold_for_every_instance() {
    let text = with("[instances.ovh]", "cluster = { servers = 2, firewall = { ssh-from = [\"office\"] } }");
    let line = text.lines().position(|line| line.starts_with("cluster = { servers")).unwrap() + 1;
    for instance in ["hetzner", "ovh"] {
        let found = bad(&text, |options| options.instance = Some(instance.into()));
        let places: Vec<&str> = found.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(places, [format!("{line}:23"), format!("{line}:51")], "{instance}:\n{found}");
    }
}

#[test]
fn a_secret_that_is_used_at_several_places_is_missing_once() {
    let text = "version = 1\n[project]\nname = \"x\"\n[values.a]\ninput = [\"${secret:gone}\", \"${secret:gone}\"]\n\
                [values.b]\ninput = \"${secret:gone}\"\n";
    let found = bad(text, |_| {});
    assert_eq!(
        found,
        "5:10 HNY0115 there is no secret `gone` | add it under [secrets]; the same at `values.a.input[1]`, `values.b.input`"
    );
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_move_no_place() {
    let text = "version = 1\n[project]\nname = \"Grün\" # ünter\n[cluster]\nservrs = 3\nhost = { swap = 4, x = 1 }\n";
    let plain = bad(text, |_| {});
    let windows = text.replace('\n', "\r\n");
    for other in [windows.clone(), format!("\u{feff}{text}"), format!("\u{feff}{windows}")] {
        assert_eq!(bad(&other, |_| {}), plain);
    }
    let syntax = "version = 1\r\n[project]\r\nname = x\r\n";
    assert!(bad(syntax, |_| {}).starts_with("3:8 "), "{}", bad(syntax, |_| {}));
    assert!(bad("\u{feff}x = 99999999999999999999\n", |_| {}).starts_with("1:5 "));
}

#[test]
fn secrets_have_exactly_one_source() {
    let loaded = good(&with("[secrets]", "cert = { file = \"c.der\", raw = true }"), |_| {});
    let cert = &loaded.config.secrets["cert"];
    assert_eq!((cert.origin(), cert.raw), (Some(SecretOrigin::File("c.der")), true));
    let written = serde_json::to_string(&loaded.config.secrets["hcloud-token"]).unwrap();
    assert_eq!(written, r#"{"env":"HCLOUD_TOKEN"}"#);
    let found = bad(with("[secrets]", "made = { generate = 32, raw = true }"), |_| {});
    assert!(found.contains("HNY0112"), "{found}");
}

#[test]
fn warnings_can_be_acknowledged_and_errors_cannot() {
    let variables = pairs(&[("HONEY_CLUSTER_SERVERS", "1")]);
    let acknowledged = format!("{SAMPLE}\n[diagnostics]\nacknowledge = [\"HNY0107\"]\n");
    let loaded = good(&acknowledged, |options| options.environment.clone_from(&variables));
    assert_eq!(loaded.diagnostics, vec![]);
    let variables = pairs(&[("HONEY_CLUSTER_SERVERS", "1"), ("HONEY___X", "1")]);
    let found = bad(&acknowledged, |options| options.environment.clone_from(&variables));
    assert_eq!(found.matches("HNY0107").count(), 1, "the error of that code stays: {found}");
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
    for code in 101..=123 {
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
    let wrong: Vec<String> =
        (0..10_000).map(|n| format!("[values.v{n}]\ninput = \"${{values.none{n}}}\"\n")).collect();
    let found = bad(format!("version = 1\n[project]\nname = \"x\"\n{}", wrong.concat()), |_| {});
    assert_eq!(found.lines().count(), 51);
    assert!(found.ends_with("9950 more findings are not shown"), "{found}");
    let one = bad(many(10_000, "\"${values.none}\""), |_| {});
    assert_eq!(one.lines().count(), 1, "one mistake is told once: {one}");
    assert!(one.contains("the same at `values.v1.input`") && one.ends_with("and 9996 more"), "{one}");
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
