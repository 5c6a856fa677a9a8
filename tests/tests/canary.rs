//! Secrets meet their use and nothing else: after a whole story with failures
//! whose errors echo them, no secret is found in anything that honey wrote,
//! printed, or gave to another process, in any usual spelling.

mod canary {
    pub(crate) mod needles;
    pub(crate) mod watch;
}

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use canary::{needles::Needles, watch::Watch};
use honey_lab::{Effect, FaultRule, LabOptions, RetryAfter, box_host::BoxFault};
use honey_tests::scene::Scene;

/// What an echoing vendor says before the secrets.
const ECHO: &str = "echo of what was sent:";

/// The object store's name for a key: part of every object's id there, no secret.
const IDENTIFIER: &str = "key-id";

/// What this configuration never gives honey: the lab's key for looking only,
/// and the service account that stands in for an application's keys.
const NOT_OURS: [&str; 3] = ["read-token", "client-id", "client-secret"];

/// Runs honey and keeps what it printed.
struct Told<'a> {
    scene: &'a Scene,
    outputs: Vec<(String, String)>,
}

impl Told<'_> {
    fn honey(&mut self, arguments: &[&str]) -> i32 {
        let mut command = self.scene.command(arguments);
        // A cache of its own, so that what is written there is looked at too.
        let ran =
            command.env("XDG_CACHE_HOME", self.scene.folder().join("cache")).output().expect("honey runs");
        let line = format!("honey {}", arguments.join(" "));
        for bytes in [&ran.stdout, &ran.stderr] {
            self.outputs.push((line.clone(), String::from_utf8_lossy(bytes).into_owned()));
        }
        ran.status.code().unwrap_or(-1)
    }

    fn done(&mut self, arguments: &[&str]) {
        let code = self.honey(arguments);
        assert_eq!(code, 0, "{:#?}", &self.outputs[self.outputs.len() - 2..]);
    }

    fn fails(&mut self, arguments: &[&str]) {
        let code = self.honey(arguments);
        assert!(code != 0 && code != 101, "exit {code}: {:#?}", &self.outputs[self.outputs.len() - 2..]);
    }
}

#[test]
fn no_secret_is_found_outside_its_use() {
    let scene = Scene::with(LabOptions { seed: 4242, ..LabOptions::default() });
    let mut told = Told { scene: &scene, outputs: Vec::new() };
    let watch = Watch::start();

    told.done(&["plugin", "lock"]);
    told.done(&["plan", "-o", "first.plan"]);
    vendors_echo(&mut told, &["apply", "--yes", "-vvv"]);
    told.done(&["apply", "--yes", "-vvv"]);
    told.done(&["plan", "--json"]);
    boxes_echo(&mut told);
    told.done(&["status", "-vvv"]);
    told.done(&["status", "--json"]);
    vendors_echo(&mut told, &["plan", "--json"]);
    vendors_echo(&mut told, &["plan", "--provider", "ovh", "-vvv"]);
    vendors_echo(&mut told, &["cutover", "--to", "ovh", "--yes"]);
    // A vendor that has no part in it did not hinder the move: this is the way back.
    told.done(&["cutover", "--to", "hetzner", "--yes", "-vvv"]);
    told.done(&["plan", "--provider", "ovh", "-o", "last.plan"]);
    told.fails(&["destroy", "--provider", "hetzner", "--yes", "--json"]);

    let echoed = told.outputs.iter().filter(|(_, text)| text.contains(ECHO)).count();
    assert!(echoed >= 6, "{echoed} outputs told what a vendor said: nothing was tried");
    let needles = needles(&scene);
    assert!(needles.secrets() > 15, "{} secrets are not all", needles.secrets());
    let mut found = Vec::new();
    for (line, text) in &told.outputs {
        found.extend(
            needles.find(text.as_bytes()).into_iter().map(|what| format!("{what} in the output of `{line}`")),
        );
    }
    let mut files = 0;
    walk(scene.folder(), &mut |path, bytes| {
        files += 1;
        found.extend(needles.find(bytes).into_iter().map(|what| format!("{what} in {}", path.display())));
    });
    let seen = watch.stop();
    assert!(seen.iter().any(|line| line.starts_with("ssh")), "no ssh was seen among {seen:?}");
    for line in &seen {
        found.extend(
            needles.find(line.as_bytes()).into_iter().map(|what| format!("{what} in the arguments {line}")),
        );
    }
    found.sort();
    found.dedup();
    assert!(found.is_empty(), "{found:#?}");
    assert!(files > 20, "{files} files are not all that honey wrote");
    modes(&scene.folder().join(".honey"));
    for plan in ["first.plan", "last.plan"] {
        assert_eq!(mode(&scene.folder().join(plan)), 0o600, "{plan}");
    }
}

/// Each vendor in turn refuses everything and repeats its caller's credentials,
/// and what it handed out before.
fn vendors_echo(told: &mut Told<'_>, arguments: &[&str]) {
    let scene = told.scene;
    for (vendor, secrets) in &scene.lab().credentials().secrets {
        let ours = |name: &str| name != IDENTIFIER && !NOT_OURS.contains(&name);
        let sent = secrets.iter().filter(|(name, _)| ours(name)).map(|(_, value)| value.as_bytes());
        let handed =
            vault(scene).into_iter().filter(|(name, _)| name.split('.').next() == Some(vendor.as_str()));
        let handed: Vec<Vec<u8>> = handed.map(|(_, bytes)| bytes).collect();
        let known = Needles::default().with_all(sent).with_all(handed.iter().map(Vec::as_slice));
        let message = Some(format!("{ECHO} {}", known.spelled().join(" and ")));
        let effect = Effect::Status { status: 403, code: None, message, retry_after: RetryAfter::Absent };
        scene.lab().inject(FaultRule { times: 0, ..FaultRule::new(vendor, effect) });
        told.honey(arguments);
        scene.lab().clear_faults();
        // Where something was begun, it is given up; mostly nothing was.
        told.honey(&["apply", "--abandon"]);
    }
}

/// Boxes whose k3s does not join, and prints the token that it was given. The
/// first one does start: the token is its.
fn boxes_echo(told: &mut Told<'_>) {
    let scene = told.scene;
    let first = scene.lab().options().ovh_services.first().cloned();
    let inject = |times, message: &str| {
        let machines = scene.lab().world().machines().into_iter();
        for machine in machines.filter(|one| one.vendor == "ovh" && one.service != first) {
            let message = message.to_owned();
            assert!(scene.lab().boxes().inject(&machine.id, BoxFault::K3sFails { times, message }));
        }
    };
    inject(50, "level=fatal msg=\"not today\"");
    told.fails(&["apply", "--provider", "ovh", "--yes", "-vvv"]);
    let token =
        vault(scene).into_iter().find(|(name, _)| name == "honey.ovh.k3s-token").expect("a token to echo");
    let token = String::from_utf8(token.1).expect("a token is text");
    inject(50, &format!("level=fatal msg=\"{ECHO} {}\"", token.trim()));
    told.fails(&["apply", "--resume", "-vvv"]);
    inject(0, "");
    told.done(&["apply", "--resume", "--json"]);
}

/// What honey keeps in its vault: generated, captured, written down.
fn vault(scene: &Scene) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(scene.folder().join(".honey/secrets")).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).expect("a secret"))
        })
        .collect()
}

/// Every secret there is: the operator's, and those of the vault.
fn needles(scene: &Scene) -> Needles {
    let lab = scene.lab().credentials();
    let entries =
        std::fs::read_dir(scene.folder().join("secrets")).expect("the operator's secrets").flatten();
    let secret = |entry: &std::fs::DirEntry| !entry.file_name().to_string_lossy().ends_with(IDENTIFIER);
    let own: Vec<Vec<u8>> =
        entries.filter(secret).map(|entry| std::fs::read(entry.path()).expect("a secret")).collect();
    let kept = vault(scene);
    Needles::default()
        .with_all(
            lab.secrets
                .values()
                .flatten()
                .filter(|(name, _)| *name != IDENTIFIER)
                .map(|(_, value)| value.as_bytes()),
        )
        .with_all([lab.private_key.as_bytes()])
        .with_all(own.iter().map(Vec::as_slice))
        .with_all(kept.iter().map(|(_, bytes)| bytes.as_slice()))
}

/// All files but those that are secrets.
fn walk(folder: &Path, look: &mut impl FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if name != "secrets" {
                walk(&path, look);
            }
        } else if name != "lab_ed25519" && path.is_file() {
            look(&path, &std::fs::read(&path).expect("a file"));
        }
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

fn modes(path: &Path) {
    let wanted = if path.is_dir() { 0o700 } else { 0o600 };
    assert_eq!(mode(path), wanted, "{}", path.display());
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("a folder").flatten() {
            modes(&entry.path());
        }
    }
}
