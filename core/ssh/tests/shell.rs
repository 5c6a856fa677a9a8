//! The renderer and the prelude under the real `/bin/sh`: quoting, facts, and
//! steps that need no root privileges, applied below a temporary folder.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use honey_model::Secret;
use honey_ports::host::{Content, Facts, FirewallRule, K3sBinary, K3sRole, Step};
use honey_ssh::{
    answer::{Answer, Line},
    prelude, script,
};
use proptest::prelude::*;

/// Runs a script the way a host does and returns its marked lines.
fn run(script: &[u8], environment: &[(&str, &Path)]) -> (Answer, String) {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-s").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, value) in environment {
        shell.env(name, value);
    }
    let mut child = shell.spawn().unwrap();
    child.stdin.take().unwrap().write_all(script).unwrap();
    let output = child.wait_with_output().unwrap();
    let mut answer = Answer::default();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let Some(line) = Line::parse(line) {
            answer.take(line);
        }
    }
    (answer, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn file(path: &Path, mode: u32, text: &str) -> Step {
    Step::File { path: path.to_str().unwrap().into(), mode, content: Content::Plain(text.into()) }
}

fn apply(steps: &[Step]) -> Answer {
    let (answer, noise) = run(script::steps(steps, None).unwrap().expose(), &[]);
    assert!(answer.ended, "{answer:?}\n{noise}");
    answer
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_text_survives_quoting(texts in prop::collection::vec("[^\0]{0,40}|['\"$()`\\\\ \n*;&|<>!#~-]{1,12}", 1..6)) {
        let quoted: Vec<String> = texts.iter().map(|text| script::quote(text)).collect();
        let program = format!("for h in {}; do printf '%s\\0' \"$h\"; done\n", quoted.join(" "));
        let output = Command::new("/bin/sh").arg("-c").arg(program).output().unwrap();
        let back: Vec<&[u8]> = output.stdout.split(|b| *b == 0).collect();
        let sent: Vec<&[u8]> = texts.iter().map(String::as_bytes).chain([&b""[..]]).collect();
        prop_assert_eq!(back, sent);
    }
}

#[test]
fn the_prelude_is_posix() {
    for library in [prelude::LOOK, prelude::WORK] {
        for shell in ["/bin/sh", "dash", "bash"] {
            let Ok(mut child) = Command::new(shell).arg("-n").stdin(Stdio::piped()).spawn() else {
                assert_ne!(shell, "/bin/sh", "this machine has no /bin/sh");
                continue;
            };
            child.stdin.take().unwrap().write_all(library.as_bytes()).unwrap();
            assert!(child.wait().unwrap().success(), "{shell} -n");
        }
    }
}

#[test]
fn facts_of_this_machine_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    let known = folder.path().join("a \"quoted\" \\ name");
    std::fs::write(&known, "abc").unwrap();
    let files = [known.to_str().unwrap().to_owned(), "/nonexistent/file".to_owned()];
    let (answer, noise) = run(script::facts(&files).finish().expose(), &[]);
    assert!(answer.ended, "{noise}");
    let facts: Facts = serde_json::from_str(answer.result("facts").unwrap()).unwrap();
    let kernel = Command::new("uname").arg("-m").output().unwrap();
    assert_eq!(facts.architecture, String::from_utf8_lossy(&kernel.stdout).trim());
    assert!(!facts.hostname.is_empty() && facts.memory_bytes > 0 && facts.disk_free_bytes > 0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(facts.epoch_seconds.unsigned_abs().abs_diff(now) < 3600);
    assert_eq!(
        facts.files[&files[0]],
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(facts.files.len(), 1);
    assert!(facts.services.contains_key("k3s") && facts.sysctl.contains_key("vm.swappiness"));
}

#[test]
fn a_file_is_written_once_then_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/it's a \"file\".conf");
    let text = "line $(touch /tmp/never) `x`\n\\ 'quotes' \"too\"\n";
    assert_eq!(apply(&[file(&path, 0o640, text)]).done, [(0, true)]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert_eq!(apply(&[file(&path, 0o640, text)]).done, [(0, false)]);
    assert_eq!(
        apply(&[file(&path, 0o600, text), file(&path, 0o600, text)]).done,
        [(0, true), (1, false)],
        "the mode counts"
    );
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing half-written stays");
}

#[test]
fn the_first_failure_stops_the_script_and_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let (good, after) = (folder.path().join("good"), folder.path().join("after"));
    let steps = [file(&good, 0o600, "x"), file(folder.path(), 0o600, "x"), file(&after, 0o600, "x")];
    let (answer, _) = run(script::steps(&steps, None).unwrap().expose(), &[]);
    assert_eq!(answer.done, [(0, true)]);
    let (number, word, text) = answer.failed.unwrap();
    assert_eq!((number, word.as_str()), (1, "error"));
    assert!(text.contains("directory") && !answer.ended && !after.exists());
}

#[test]
fn a_script_cut_on_its_way_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("never");
    let script = script::steps(&[file(&path, 0o600, "x"), file(&path, 0o600, "y")], None).unwrap();
    let whole = script.expose();
    let calls =
        whole.windows(prelude::MARKER.len()).position(|part| part == prelude::MARKER.as_bytes()).unwrap();
    for cut in [calls + 30, calls + 120, whole.len() - 30] {
        let (answer, _) = run(&whole[..cut], &[]);
        assert!(!answer.ended && answer.done.is_empty() && !path.exists(), "cut at {cut}");
    }
}

#[test]
fn a_file_sent_in_parts_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sent");
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let half = bytes.len() / 2;
    let text = path.to_str().unwrap();
    let parts = script::parts(text, [(0, &bytes[..half]), (half as u64, &bytes[half..])]);
    assert!(run(parts.expose(), &[]).0.ended);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    let wrong = script::parts(text, [(7, &bytes[..10])]);
    assert!(run(wrong.expose(), &[]).0.failed.is_some(), "a gap is noticed");
}

/// A folder with stand-ins for tools, put in front of PATH by the test's own
/// prelude, as the real one sets PATH.
fn with_tools(script: &Secret, tools: &Path) -> Vec<u8> {
    let text = String::from_utf8(script.expose().to_vec()).unwrap();
    text.replace("PATH=/usr/local/sbin", &format!("PATH={}:/usr/local/sbin", tools.display()))
        .replace("/var/lib/honey", tools.join("state").to_str().unwrap())
        .replace("/etc/ufw", tools.join("etc-ufw").to_str().unwrap())
        .replace("/etc/default/ufw", tools.join("etc-ufw/default").to_str().unwrap())
        .into_bytes()
}

fn tool(folder: &Path, name: &str, body: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Stand-ins for ufw and the kernel's tables: `enable` and `disable` are all
/// that honey calls of the first; the second lists rules in its own form.
const UFW: &str = r#"
here=$(dirname "$0"); echo "$*" >>"$here/ufw.log"
[ "$1" != --force ] || shift
case $1 in
enable)
    sed -i 's/^ENABLED=.*/ENABLED=yes/' "$here/etc-ufw/ufw.conf"
    for six in '' 6; do
        printf '%s\n' '-P INPUT DROP' "-A INPUT -j ufw$six-before-input" "-A ufw$six-before-input -j ufw$six-user-input" >"$here/kernel$six"
        "$here/ip${six}tables-restore" -w 10 -n "$here/etc-ufw/user$six.rules"
    done ;;
disable)
    sed -i 's/^ENABLED=.*/ENABLED=no/' "$here/etc-ufw/ufw.conf"
    rm -f "$here"/kernel* ;;
*) exit 1 ;;
esac
"#;
const IPTABLES: &str = r#"
here=$(dirname "$0"); six=; case $0 in *ip6*) six=6 ;; esac
[ "$4" = "" ] || { grep -q -- "$4" "$here/kernel$six" 2>/dev/null; exit; }
cat "$here/kernel$six" 2>/dev/null || echo '-P INPUT ACCEPT'
"#;
const RESTORE: &str = r#"
here=$(dirname "$0"); six= whole=/32; case $0 in *ip6*) six=6 whole=/128 ;; esac
sed -i '/^-A ufw6*-user-input /d' "$here/kernel$six"
sed -n "s,^-A \([^ ]*\) -p \([a-z]*\)\( .*\) -s \([^ /]*\) ,-A \1 -s \4$whole -p \2\3 ,
    s/ -p tcp --dport/ -p tcp -m tcp --dport/; /^-A ufw6*-user-input /p" "$4" >>"$here/kernel$six"
"#;
const USER_RULES: &str = "*filter\n:ufw-user-input - [0:0]\n### RULES ###\n\n### tuple ### limit tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n-A ufw-user-input -p tcp --dport 22 -j DROP\n\n### END RULES ###\n\n### LOGGING ###\n-A ufw-after-logging-input -j LOG\n### END LOGGING ###\nCOMMIT\n";

fn rule(port: &str, protocol: &str, from: &str) -> FirewallRule {
    FirewallRule { port: port.into(), protocol: protocol.into(), from: from.into() }
}

#[test]
fn firewall_rules_are_armed_confirmed_and_idempotent() {
    let folder = tempfile::tempdir().unwrap();
    let tools = folder.path();
    for (name, body) in [
        ("ufw", UFW),
        ("iptables", IPTABLES),
        ("ip6tables", IPTABLES),
        ("iptables-restore", RESTORE),
        ("ip6tables-restore", RESTORE),
    ] {
        tool(tools, name, body);
    }
    std::fs::create_dir(tools.join("etc-ufw")).unwrap();
    for (name, text) in [
        ("ufw.conf", "ENABLED=no\nLOGLEVEL=low\n"),
        ("default", "IPV6=yes\nDEFAULT_INPUT_POLICY=\"DROP\"\nDEFAULT_OUTPUT_POLICY=\"ACCEPT\"\n"),
        ("user.rules", USER_RULES),
        ("user6.rules", &USER_RULES.replace("ufw-", "ufw6-").replace("0.0.0.0/0", "::/0")),
    ] {
        std::fs::write(tools.join("etc-ufw").join(name), text).unwrap();
    }
    let apply = |rules: Vec<FirewallRule>| {
        let step = Step::Firewall { rules, ssh_port: 2222, confirm_within_seconds: 600 };
        run(&with_tools(&script::steps(&[step], None).unwrap(), tools), &[])
    };
    let armed = tools.join("state/firewall/armed");
    let kept = |name: &str| {
        let text = std::fs::read_to_string(tools.join("etc-ufw").join(name)).unwrap();
        let tuples = text.lines().filter_map(|line| line.strip_prefix("### tuple ### allow "));
        tuples.map(str::to_owned).collect::<Vec<_>>()
    };
    let seen = || {
        let (answer, noise) = run(&with_tools(&script::facts(&[]).finish(), tools), &[]);
        let facts: Facts =
            serde_json::from_str(answer.result("facts").unwrap_or_else(|| panic!("{noise}"))).unwrap();
        let rules = facts.firewall.rules.iter().map(|r| format!("{}/{}/{}", r.port, r.protocol, r.from));
        (
            facts.firewall.active,
            rules.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>(),
        )
    };
    assert_eq!(seen(), (false, Vec::new()));

    let (answer, noise) = apply(vec![rule("443", "tcp", "any"), rule("2379:2380", "tcp", "192.0.2.7/32")]);
    assert_eq!(answer.done, [(0, true)], "{answer:?}\n{noise}");
    assert!(armed.exists());
    assert_eq!(
        kept("user.rules"),
        [
            "tcp 2222 0.0.0.0/0 any 0.0.0.0/0 in",
            "tcp 2379:2380 0.0.0.0/0 any 192.0.2.7 in",
            "tcp 443 0.0.0.0/0 any 0.0.0.0/0 in"
        ],
        "ssh comes first, and nothing else stays"
    );
    assert_eq!(kept("user6.rules"), ["tcp 2222 ::/0 any ::/0 in", "tcp 443 ::/0 any ::/0 in"]);
    assert!(std::fs::read_to_string(tools.join("etc-ufw/user.rules")).unwrap().contains("-j LOG"));
    assert_eq!(
        apply(vec![rule("443", "tcp", "any"), rule("2379:2380", "tcp", "192.0.2.7")]).0.done,
        [(0, true)],
        "still to be confirmed"
    );

    let confirm =
        || run(&with_tools(&script::confirm_firewall(), tools), &[]).0.result("confirmed").map(str::to_owned);
    assert_eq!(confirm().as_deref(), Some("yes"));
    assert_eq!(confirm().as_deref(), Some("idle"));
    assert!(!armed.exists());
    assert_eq!(
        apply(vec![rule("2379-2380", "tcp", "192.0.2.7"), rule("443", "tcp", "0.0.0.0/0")]).0.done,
        [(0, false)]
    );
    let (active, rules) = seen();
    assert!(active && rules.len() == 3, "{rules:?}");

    // A filtering firewall never stops, its rules change in one piece.
    std::fs::write(tools.join("ufw.log"), "").unwrap();
    assert_eq!(apply(vec![rule("80", "tcp", "any")]).0.done, [(0, true)]);
    assert_eq!(std::fs::read_to_string(tools.join("ufw.log")).unwrap(), "");
    assert_eq!(kept("user6.rules"), ["tcp 2222 ::/0 any ::/0 in", "tcp 80 ::/0 any ::/0 in"]);
    assert_eq!(confirm().as_deref(), Some("yes"), "and no timer stays behind");

    // Neither the kernel nor the files are believed alone.
    let kernel = std::fs::read_to_string(tools.join("kernel")).unwrap();
    std::fs::write(tools.join("kernel"), kernel.clone() + "-A ufw-user-input -j ACCEPT\n").unwrap();
    assert!(seen().1.iter().any(|rule| rule.contains("not-written:")), "{:?}", seen());
    std::fs::write(
        tools.join("kernel"),
        kernel.replace("-A ufw-user-input -p tcp -m tcp --dport 80 -j ACCEPT\n", ""),
    )
    .unwrap();
    assert!(seen().1.contains(&"80/tcp/not-loaded:any".to_owned()), "{:?}", seen());
    std::fs::write(tools.join("kernel"), kernel.replace("-A INPUT -j ufw-before-input\n", "")).unwrap();
    assert_eq!(seen(), (false, Vec::new()), "a chain that no packet passes");
    std::fs::write(tools.join("kernel"), &kernel).unwrap();
    let before = std::fs::read_to_string(tools.join("etc-ufw/user6.rules")).unwrap();
    std::fs::write(tools.join("etc-ufw/user6.rules"), before.replace("allow tcp 80", "deny tcp 80")).unwrap();
    assert!(seen().1.iter().any(|rule| rule.contains("other:deny")), "{:?}", seen());
    assert_eq!(apply(vec![rule("80", "tcp", "any")]).0.done, [(0, true)]);
    assert_eq!(confirm().as_deref(), Some("yes"));
    assert_eq!(seen(), (true, vec!["2222/tcp/any".to_owned(), "80/tcp/any".to_owned()]));
}

/// k3s started at 09:15:10; the look comes at `look` seconds past the minute.
#[test]
fn a_node_is_ready_by_the_word_of_this_run_of_k3s_only() {
    let folder = tempfile::tempdir().unwrap();
    let told = |heartbeat: &str, look: u32| {
        let now = 1_777_540_500 + look;
        let calls = format!("h_now={now}; if h_k3s_told '{heartbeat}'; then h_tell digest yes; fi\nh_end\n");
        let (answer, noise) =
            run(&with_tools(&Secret::new(format!("{}{calls}", prelude::LOOK)), folder.path()), &[]);
        assert!(answer.ended, "{noise}");
        answer.result("digest") == Some("yes")
    };
    tool(folder.path(), "stat", "echo \"1777540510 2026-04-30 09:15:10.583 +0000\"");
    assert!(!told("2026-04-30T09:15:09Z", 12), "the run before said so");
    assert!(!told("2026-04-30T09:15:10Z", 12), "in the second that it stopped");
    assert!(told("2026-04-30T09:15:11Z", 12));
    assert!(told("2026-04-30T09:15:09Z", 131), "heartbeats that are missed are told by then");
    assert!(told("2026-04-30T09:15:09Z", 2), "the clock was set back since");
    assert!(told("", 12) && told("<none> *", 12), "no time to go by");
    tool(folder.path(), "stat", "exit 1");
    assert!(told("2026-04-30T09:15:09Z", 12), "no systemd to go by");
}

#[test]
fn a_shell_that_stays_asks_for_packages_again_when_their_record_changed() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().display();
    tool(folder.path(), "stat", &format!("cat {here}/record"));
    tool(
        folder.path(),
        "dpkg-query",
        &format!("echo asked >>{here}/log; echo installed=curl=$(cat {here}/record)"),
    );
    let calls = format!(
        "look() {{ h_remember; h_tell \"digest $(h_facts_packages)\"; }}\n\
         echo 1 >{here}/record; look; look; echo 2 >{here}/record; look; : >{here}/record; look; h_end\n"
    );
    let (answer, noise) =
        run(&with_tools(&Secret::new(format!("{}{calls}", prelude::LOOK)), folder.path()), &[]);
    let told: Vec<bool> = answer.results.iter().map(|(_, text)| text.contains(r#""curl":"2""#)).collect();
    assert_eq!(told, [false, false, true, true], "{answer:?}\n{noise}");
    let asked = std::fs::read_to_string(folder.path().join("log")).unwrap().lines().count();
    assert_eq!(asked, 2, "once for each state of the record");
}

#[test]
fn packages_that_are_there_are_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    tool(folder.path(), "dpkg-query", "printf 'curl:installed ufw:not-installed '");
    tool(folder.path(), "dpkg", "exit 0");
    tool(folder.path(), "apt-get", "echo \"$*\" >>\"$(dirname \"$0\")/apt.log\"");
    let install = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let script = script::steps(&[Step::Packages { names, refresh: true }], None).unwrap();
        run(&with_tools(&script, folder.path()), &[]).0
    };
    assert_eq!(install(&["curl"]).done, [(0, false)]);
    assert!(!folder.path().join("apt.log").exists());
    assert_eq!(install(&["curl", "ufw"]).done, [(0, true)]);
    let log = std::fs::read_to_string(folder.path().join("apt.log")).unwrap();
    assert!(
        log.lines().next().unwrap().ends_with("update")
            && log.lines().last().unwrap().ends_with("install ufw"),
        "{log}"
    );
}

#[test]
fn values_that_could_be_options_are_refused_here() {
    let bad = [
        Step::Packages { names: vec!["-o=x".into()], refresh: false },
        Step::Service { name: "--force".into() },
        Step::Hostname { name: "a;b".into() },
        Step::File { path: "relative".into(), mode: 0o600, content: Content::Plain(String::new()) },
        Step::File { path: "/etc/../x".into(), mode: 0o600, content: Content::Plain(String::new()) },
        Step::Firewall { rules: vec![rule("80", "tcp", "any; x")], ssh_port: 22, confirm_within_seconds: 9 },
        Step::K3s {
            version: "v1 x".into(),
            role: K3sRole::Server,
            binary: K3sBinary::Installer { url: "https://get.k3s.io".into(), sha256: None },
        },
        Step::K3s {
            version: "v1".into(),
            role: K3sRole::Server,
            binary: K3sBinary::Installer { url: "file:///etc/passwd".into(), sha256: None },
        },
    ];
    for step in bad {
        let fault = script::steps(std::slice::from_ref(&step), None).map(|_| ()).unwrap_err();
        assert_eq!(fault.code, "HNY0519", "{step:?}");
    }
}
