//! Typed steps rendered to shell: the only place where shell is written.
//!
//! A script is the constant prelude, a function that holds the calls (so that
//! a script cut on its way does nothing), and its invocation. Every value is a
//! single-quoted argument; contents travel as base64. The script goes to
//! standard input, so nothing in it is ever in an argument list of a process.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use honey_model::{Fault, FaultClass, Secret};
use honey_ports::{
    etcd::EtcdStep,
    host::{Content, K3sBinary, K3sRole, Step},
};

use crate::{fault, prelude, rules};

/// Seconds a step waits for the package database's lock.
const PACKAGE_LOCK_WAIT: u32 = 300;
/// Seconds a script waits for another run of honey on the host.
const HONEY_LOCK_WAIT: u32 = 120;
/// Seconds a k3s service may take until it is up.
const K3S_WAIT: u32 = 600;
/// Where a binary from the operator's machine is put before it is checked.
pub const SENT_BINARY: &str = "/var/lib/honey/k3s.sent";
/// The first word of a shell that stays.
pub(crate) const KEPT: &str = "honey kept";

/// Puts a text into single quotes for any POSIX shell. NUL cannot be
/// represented and is dropped.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for c in text.chars() {
        match c {
            '\'' => quoted.push_str("'\\''"),
            '\0' => {}
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// A script under construction.
pub struct Script {
    prelude: &'static str,
    calls: String,
}

impl Script {
    /// A script that only looks.
    pub fn look() -> Self {
        Self { prelude: prelude::LOOK, calls: String::new() }
    }

    /// A script that may change the host.
    pub fn work() -> Self {
        Self { prelude: prelude::WORK, calls: String::new() }
    }

    /// Adds a call; every argument is quoted.
    pub fn call<'a>(&mut self, name: &'static str, arguments: impl IntoIterator<Item = &'a str>) {
        self.calls.push_str(name);
        for argument in arguments {
            self.calls.push(' ');
            self.calls.push_str(&quote(argument));
        }
        self.calls.push('\n');
    }

    /// The finished script. It may hold secrets, so it is one.
    pub fn finish(self) -> Secret {
        let mut text = String::with_capacity(self.prelude.len() + self.calls.len() + 64);
        text.push_str(self.prelude);
        self.invoke(&mut text, "h_calls </dev/null");
        drop(Secret::new(self.calls));
        Secret::new(text)
    }

    /// The calls alone, for a shell that stays.
    pub(crate) fn again(&self) -> Secret {
        let mut text = String::new();
        self.invoke(&mut text, prelude::KEPT_CALL);
        Secret::new(text)
    }

    /// What a shell that stays reads first; it answers [`KEPT`].
    pub(crate) fn kept_library() -> String {
        format!("{}h_tell kept\n", prelude::LOOK)
    }

    fn invoke(&self, text: &mut String, invocation: &str) {
        let _ = write!(text, "h_calls() {{\n{}\n{}h_end\n}}\n{invocation}\n", prelude::MARKER, self.calls);
    }
}

/// One look: facts, and digests of `files`.
pub fn facts(files: &[String]) -> Script {
    let mut script = Script::look();
    script.call("h_facts", files.iter().map(String::as_str));
    script
}

/// Reads one file.
pub fn read(path: &str, limit: usize) -> Secret {
    let mut script = Script::look();
    script.call("h_read", [path, &limit.to_string()]);
    script.finish()
}

/// Asks for the digest of one file.
pub fn digest(path: &str) -> Secret {
    let mut script = Script::look();
    script.call("h_digest", [path]);
    script.finish()
}

/// Confirms an armed rule set.
pub fn confirm_firewall() -> Secret {
    let mut script = Script::work();
    script.call("h_firewall_confirm", []);
    script.finish()
}

/// Sends parts of a file that is too large for one script.
pub fn parts<'a>(path: &str, parts: impl IntoIterator<Item = (u64, &'a [u8])>) -> Secret {
    let mut script = Script::work();
    for (offset, bytes) in parts {
        script.call("h_part", [path, &offset.to_string(), &STANDARD.encode(bytes)]);
    }
    script.finish()
}

/// What the renderer needs to know of a binary from the operator's machine.
#[derive(Clone, Debug)]
pub struct SentBinary {
    /// Hex digest of the file.
    pub sha256: String,
}

/// Renders steps in order. `sent` belongs to a [`K3sBinary::Local`] step.
pub fn steps(steps: &[Step], sent: Option<&SentBinary>) -> Result<Secret, Fault> {
    let mut script = Script::work();
    script.call("h_lock", [HONEY_LOCK_WAIT.to_string().as_str()]);
    for step in steps {
        render(&mut script, step, sent)?;
    }
    Ok(script.finish())
}

fn render(script: &mut Script, step: &Step, sent: Option<&SentBinary>) -> Result<(), Fault> {
    match step {
        Step::Packages { names, refresh } => {
            for name in names {
                check("package name", name, is_package_name(name))?;
            }
            let wait = PACKAGE_LOCK_WAIT.to_string();
            let refresh = if *refresh { "refresh" } else { "keep" };
            let fixed = [wait.as_str(), refresh];
            script.call("h_packages", fixed.into_iter().chain(names.iter().map(String::as_str)));
        }
        Step::File { path, mode, content } => {
            check("file path", path, is_plain_path(path))?;
            let encoded = match content {
                Content::Plain(text) => STANDARD.encode(text),
                Content::Secret(secret) => STANDARD.encode(secret.expose()),
            };
            script.call("h_file", [path.as_str(), &format!("{:o}", mode & 0o7777), &encoded]);
            drop(Secret::new(encoded));
        }
        Step::Sysctl => script.call("h_sysctl", []),
        Step::Service { name } => {
            check("service name", name, is_unit_name(name))?;
            script.call("h_service", [name.as_str()]);
        }
        Step::Hostname { name } => {
            check("host name", name, is_host_name(name))?;
            script.call("h_hostname", [name.as_str()]);
        }
        Step::TimeSync => script.call("h_time_sync", []),
        Step::Swap { bytes } => script.call("h_swap", [bytes.to_string().as_str()]),
        Step::Firewall { rules, ssh_port, confirm_within_seconds } => {
            let mut arguments = vec![confirm_within_seconds.to_string()];
            for rule in rules::with_ssh_first(rules, *ssh_port) {
                let text = format!("{}/{}/{}", rule.port, rule.protocol, rule.from);
                check("firewall rule", &text, rules::is_valid(&rule))?;
                arguments.push(text);
            }
            script.call("h_firewall", arguments.iter().map(String::as_str));
        }
        Step::K3s { version, binary, role } => {
            check("k3s version", version, is_version(version))?;
            let wait = K3S_WAIT.to_string();
            let role = match role {
                K3sRole::Server => "server",
                K3sRole::Agent => "agent",
            };
            match binary {
                K3sBinary::Installer { url, sha256 } => {
                    check("installer address", url, is_web_address(url))?;
                    let sha256 = sha256.as_deref().map_or("-", |text| text.trim_start_matches("sha256:"));
                    check("digest", sha256, sha256 == "-" || is_digest(sha256))?;
                    script.call("h_k3s", [version, role, &wait, "installer", url, sha256]);
                }
                K3sBinary::Local { path, .. } => {
                    let Some(sent) = sent else {
                        return Err(invalid("k3s binary", path));
                    };
                    script.call("h_k3s", [version, role, &wait, "binary", SENT_BINARY, &sent.sha256]);
                }
            }
        }
        Step::K3sUninstall => script.call("h_k3s_uninstall", []),
        Step::Etcd(step) => etcd(script, step)?,
        Step::Reboot => script.call("h_reboot", []),
    }
    Ok(())
}

fn etcd(script: &mut Script, step: &EtcdStep) -> Result<(), Fault> {
    match step {
        EtcdStep::Save { name } => {
            check("snapshot name", name, is_snapshot_name(name))?;
            script.call("h_etcd_save", [name.as_str()]);
        }
        EtcdStep::Stop => script.call("h_etcd_stop", []),
        EtcdStep::Restore { snapshot } => {
            check("snapshot name", snapshot, is_snapshot_name(snapshot))?;
            script.call("h_etcd_restore", [snapshot.as_str()]);
        }
        EtcdStep::Start { quarantined } => {
            let wait = K3S_WAIT.to_string();
            script.call("h_etcd_start", [if *quarantined { "quarantined" } else { "open" }, wait.as_str()]);
        }
        EtcdStep::SetAside { run } => {
            check("run", run, is_snapshot_name(run))?;
            script.call("h_etcd_aside", [run.as_str()]);
        }
    }
    Ok(())
}

/// Lists the snapshots of etcd.
pub fn etcd_snapshots() -> Secret {
    let mut script = Script::look();
    script.call("h_etcd_list", []);
    script.finish()
}

/// A few words for progress.
pub fn describe(step: &Step) -> String {
    match step {
        Step::Packages { .. } => "packages".to_owned(),
        Step::File { path, .. } => format!("file {path}"),
        Step::Sysctl => "kernel settings".to_owned(),
        Step::Service { name } => format!("service {name}"),
        Step::Hostname { .. } => "host name".to_owned(),
        Step::TimeSync => "time".to_owned(),
        Step::Swap { .. } => "swap".to_owned(),
        Step::Firewall { .. } => "firewall".to_owned(),
        Step::K3s { version, .. } => format!("k3s {version}"),
        Step::K3sUninstall => "k3s removal".to_owned(),
        Step::Etcd(EtcdStep::Save { .. }) => "snapshot of etcd".to_owned(),
        Step::Etcd(EtcdStep::Stop) => "stopping k3s and its containers".to_owned(),
        Step::Etcd(EtcdStep::Restore { snapshot }) => format!("restoring {snapshot}"),
        Step::Etcd(EtcdStep::Start { .. }) => "starting k3s".to_owned(),
        Step::Etcd(EtcdStep::SetAside { .. }) => "setting old etcd data aside".to_owned(),
        Step::Reboot => "restart of the machine".to_owned(),
    }
}

fn invalid(what: &str, value: &str) -> Fault {
    let value = honey_model::text::visible(value, 120);
    Fault::new(
        FaultClass::Invalid,
        fault::INVALID_VALUE,
        format!("`{value}` is not a {what} that honey sends to a host"),
    )
}

fn check(what: &str, value: &str, good: bool) -> Result<(), Fault> {
    if good { Ok(()) } else { Err(invalid(what, value)) }
}

fn made_of(text: &str, limit: usize, extra: &str) -> bool {
    !text.is_empty()
        && text.len() <= limit
        && !text.starts_with('-')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
}

fn is_package_name(text: &str) -> bool {
    made_of(text, 200, "+-.")
}

fn is_unit_name(text: &str) -> bool {
    made_of(text, 200, "@:_.-")
}

/// A file's name and nothing else, as k3s makes them.
pub fn is_snapshot_name(text: &str) -> bool {
    made_of(text, 200, "._-") && !text.starts_with('.')
}

fn is_version(text: &str) -> bool {
    made_of(text, 64, "+-._")
}

fn is_host_name(text: &str) -> bool {
    made_of(text, 63, "-") && !text.ends_with('-')
}

fn is_plain_path(text: &str) -> bool {
    text.starts_with('/')
        && text.len() <= 1024
        && !text.ends_with('/')
        && !text.chars().any(char::is_control)
        && !text.split('/').any(|part| part == "..")
}

fn is_web_address(text: &str) -> bool {
    (text.starts_with("https://") || text.starts_with("http://"))
        && text.len() <= 2048
        && text.chars().all(|c| c.is_ascii_graphic())
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}
