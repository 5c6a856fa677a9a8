//! Codes of everything that can go wrong with a host, and how ssh's words and
//! a script's failures become faults.

use honey_model::{Fault, FaultClass, text::visible};

/// Nothing listens on the port.
pub const REFUSED: &str = "HNY0501";
/// No answer in time, or no way to the host.
pub const UNREACHABLE: &str = "HNY0502";
/// The name cannot be resolved.
pub const UNRESOLVED: &str = "HNY0503";
/// The login was not accepted.
pub const LOGIN: &str = "HNY0504";
/// The host shows another key than expected.
pub const HOST_KEY: &str = "HNY0505";
/// The connection broke while it was being opened.
pub const BROKEN_OPENING: &str = "HNY0506";
/// sudo wants a password or is missing.
pub const SUDO: &str = "HNY0507";
/// The connection broke in the middle.
pub const LOST: &str = "HNY0508";
/// The local ssh client cannot be used.
pub const CLIENT: &str = "HNY0509";
/// A step failed on the host.
pub const STEP: &str = "HNY0510";
/// The package database, or the host, is locked.
pub const LOCKED: &str = "HNY0511";
/// No space left on the host.
pub const DISK: &str = "HNY0512";
/// Packages could not be installed.
pub const PACKAGES: &str = "HNY0513";
/// k3s did not come up.
pub const K3S: &str = "HNY0514";
/// A digest differs from the pinned one.
pub const CHECKSUM: &str = "HNY0515";
/// Firewall rules were refused or taken back.
pub const FIREWALL: &str = "HNY0516";
/// The answer could not be understood.
pub const MALFORMED: &str = "HNY0517";
/// The host sent too much.
pub const TOO_MUCH: &str = "HNY0518";
/// A value that honey does not send to a host.
pub const INVALID_VALUE: &str = "HNY0519";
/// The call's time is over.
pub const DEADLINE: &str = "HNY0520";
/// The host lacks something that cannot be installed.
pub const UNSUPPORTED: &str = "HNY0521";
/// Something could not be downloaded on the host.
pub const DOWNLOAD: &str = "HNY0522";
/// The operator stopped it.
pub const CANCELED: &str = "HNY0523";

/// The tunnel's own port cannot be listened on.
pub const TUNNEL: &str = "HNY0540";

/// A command of etcd's failed on the host.
pub const ETCD: &str = "HNY0541";

/// Longest piece of a host's words in a message.
const WORDS: usize = 600;

/// Turns the log of a failed ssh master into a fault.
pub(crate) fn connecting(name: &str, log: &str) -> Fault {
    let words: Vec<&str> = log
        .lines()
        .map(str::trim)
        .filter(|line| {
            !line.is_empty()
                && !line.starts_with("debug")
                && !line.starts_with("OpenSSH_")
                && !line.starts_with('@')
        })
        .collect();
    let said = visible(&words.join("; "), WORDS);
    let has = |needle: &str| log.contains(needle);

    if has("REMOTE HOST IDENTIFICATION HAS CHANGED") || has("Host key verification failed") {
        return Fault::new(
            FaultClass::Forbidden,
            HOST_KEY,
            format!("{name} shows another host key than the one honey expects; nothing was sent to it"),
        )
        .with_help(
            "if the machine was reinstalled, remove its recorded key (`honey explain HNY0505` says where); \
             if not, somebody may stand between you and it",
        );
    }
    if has("Could not resolve hostname") {
        let class = if has("Temporary failure") { FaultClass::Transient } else { FaultClass::Invalid };
        return Fault::new(class, UNRESOLVED, format!("{name} cannot be resolved: {said}"))
            .with_help("check the address, or the Host entry of your ssh configuration");
    }
    if has("Connection refused") {
        return Fault::new(
            FaultClass::Transient,
            REFUSED,
            format!("{name} refused the connection: nothing listens there yet"),
        )
        .with_help("check the port; a machine that is still booting refuses for a while");
    }
    if has("timed out") || has("No route to host") || has("Network is unreachable") {
        return Fault::new(FaultClass::Timeout, UNREACHABLE, format!("{name} cannot be reached: {said}"))
            .with_help("check the address, the vendor's firewall and whether the machine is on");
    }
    if has("Permission denied") || has("Too many authentication failures") || has("UNPROTECTED PRIVATE KEY") {
        return Fault::new(FaultClass::Auth, LOGIN, format!("{name} did not accept the login: {said}"))
            .with_help("check user and identity file; honey never types passwords, a key behind a passphrase needs an agent");
    }
    if has("Bad configuration option") || has("terminating, ") || has("Bad owner or permissions") {
        return Fault::new(
            FaultClass::Invalid,
            CLIENT,
            format!("ssh does not accept its configuration: {said}"),
        )
        .with_help("try `ssh -G` with the same host");
    }
    let said = if said.is_empty() { "ssh said nothing".to_owned() } else { said };
    Fault::new(
        FaultClass::Transient,
        BROKEN_OPENING,
        format!("the connection to {name} broke while it was being opened: {said}"),
    )
    .with_help("honey tries again; if it stays so, look at the host's ssh service")
}

/// The same where the way leads through jump hosts and ended there. `log` has their words first.
pub(crate) fn jumping(name: &str, jump: &str, log: &str) -> Fault {
    let mut fault = connecting(&format!("the jump host {jump} on the way to {name}"), log);
    if log.contains("Host key verification failed") {
        // Nobody can be asked here, so a key that is not known yet fails like one that changed.
        fault.message =
            format!("the host key of the jump host {jump} on the way to {name} is not known, or another one");
        fault.help =
            Some(format!("log in to it once by hand, `ssh {}`: ssh then records its key", first(jump)));
    }
    fault
}

fn first(jump: &str) -> &str {
    jump.split(',').next().unwrap_or(jump)
}

/// Turns a script's own failure line into a fault. `step` says in words what
/// was tried, `tail` is what the tools printed last.
pub(crate) fn step(name: &str, step: &str, word: &str, text: &str, tail: &str) -> Fault {
    let (class, code, help) = match word {
        "lock" => (
            FaultClass::Locked,
            LOCKED,
            "honey tries again; `unattended-upgrades` on a new machine may take minutes",
        ),
        "disk" => (
            FaultClass::Quota,
            DISK,
            "free space on the host's root file system, then run the same command again",
        ),
        "apt" => (
            FaultClass::Transient,
            PACKAGES,
            "run the same command again; if it stays so, try `apt-get install` on the host",
        ),
        "k3s" => (FaultClass::Conflict, K3S, "look at `journalctl -u k3s` on the host"),
        "etcd" => (
            FaultClass::Conflict,
            ETCD,
            "look at `journalctl -u k3s` on the host; the same command goes on from here",
        ),
        "checksum" => (
            FaultClass::Forbidden,
            CHECKSUM,
            "nothing was run; pin the digest of the file that you have checked",
        ),
        "firewall" => (
            FaultClass::Conflict,
            FIREWALL,
            "the old rules come back by themselves; look at `ufw status verbose` on the host",
        ),
        "unsupported" => (
            FaultClass::Unsupported,
            UNSUPPORTED,
            "honey prepares Debian 12 and 13 and Ubuntu 22.04 to 26.04 with systemd",
        ),
        "download" => {
            (FaultClass::Transient, DOWNLOAD, "check the address and whether the host reaches the internet")
        }
        _ => (FaultClass::Internal, STEP, "run the same command again; steps that are done are not repeated"),
    };
    let text = visible(text, WORDS);
    let mut message = format!("{step} failed on {name}: {text}");
    let tail = visible(last_lines(tail), WORDS);
    if !tail.trim().is_empty() {
        message.push_str("; last words: ");
        message.push_str(tail.trim());
    }
    Fault::new(class, code, message).with_help(help)
}

/// A script that ended without its own failure line.
pub(crate) fn unfinished(name: &str, tail: &str, lost: bool) -> Fault {
    if tail.contains("a password is required") || tail.contains("a terminal is required") {
        return Fault::new(FaultClass::Forbidden, SUDO, format!("sudo on {name} wants a password"))
            .with_help("give the login `NOPASSWD` in /etc/sudoers.d, or use root");
    }
    if tail.contains("sudo: not found") || tail.contains("sudo: command not found") {
        return Fault::new(
            FaultClass::Forbidden,
            SUDO,
            format!("{name} has no sudo and the login is not root"),
        )
        .with_help("install sudo on the host, or use root");
    }
    if tail.contains("may not run sudo")
        || tail.contains("is not in the sudoers file")
        || tail.contains("not allowed to execute")
    {
        return Fault::new(FaultClass::Forbidden, SUDO, format!("the login on {name} may not use sudo"))
            .with_help("give the login `NOPASSWD` in /etc/sudoers.d, or use root");
    }
    if lost {
        return broken(name);
    }
    let tail = visible(last_lines(tail), WORDS);
    Fault::new(
        FaultClass::Malformed,
        MALFORMED,
        format!("{name} did not run honey's script to its end: {}", tail.trim()),
    )
    .with_help("the login shell must accept a command (`ssh HOST true`), and /bin/sh must be a POSIX shell")
}

/// The connection broke while a script ran.
pub(crate) fn broken(name: &str) -> Fault {
    Fault::new(FaultClass::Transient, LOST, format!("the connection to {name} broke in the middle"))
        .with_help("a step that had begun ends by itself on the host; run the same command again")
}

/// The host sent more than honey reads.
pub(crate) fn too_much(name: &str) -> Fault {
    Fault::new(
        FaultClass::Malformed,
        TOO_MUCH,
        format!("{name} sent more than honey is willing to read; the connection was dropped"),
    )
    .with_help("look for a login script on the host that prints without end")
}

/// The call's own time is over.
pub(crate) fn deadline(name: &str, seconds: u64) -> Fault {
    Fault::new(FaultClass::Timeout, DEADLINE, format!("{name} did not finish within {seconds} s"))
        .with_help("a step that had begun goes on by itself on the host; run the same command again")
}

/// The operator stopped it.
pub(crate) fn canceled(name: &str) -> Fault {
    Fault::new(FaultClass::Canceled, CANCELED, format!("stopped while working on {name}"))
        .with_help("`honey apply --resume` goes on from here")
}

/// The last lines of a text, at most half a screen.
fn last_lines(text: &str) -> &str {
    let text = text.trim_end();
    text.char_indices().rev().nth(WORDS - 1).map_or(text, |(at, _)| &text[at..])
}

#[cfg(test)]
mod tests {
    use super::{connecting, step, unfinished};
    use honey_model::FaultClass;

    #[test]
    fn ssh_s_words_become_codes() {
        let cases = [
            ("ssh: connect to host 192.0.2.1 port 22: Connection refused", "HNY0501", FaultClass::Transient),
            ("ssh: connect to host 192.0.2.1 port 22: Connection timed out", "HNY0502", FaultClass::Timeout),
            ("Connection timed out during banner exchange", "HNY0502", FaultClass::Timeout),
            ("ssh: Could not resolve hostname x: Name or service not known", "HNY0503", FaultClass::Invalid),
            ("u@h: Permission denied (publickey).", "HNY0504", FaultClass::Auth),
            ("@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @", "HNY0505", FaultClass::Forbidden),
            (
                "kex_exchange_identification: Connection closed by remote host",
                "HNY0506",
                FaultClass::Transient,
            ),
            ("", "HNY0506", FaultClass::Transient),
        ];
        for (log, code, class) in cases {
            let fault = connecting("h", &format!("debug1: Connecting\r\n{log}\r\n"));
            assert_eq!((fault.code.as_str(), fault.class), (code, class), "{log}");
            assert!(fault.help.is_some() && !fault.message.contains("debug1"));
        }
    }

    #[test]
    fn a_host_s_words_are_escaped_and_bounded() {
        let fault = step("h", "packages", "apt", "no", &format!("{}\u{1b}[2Jend", "x".repeat(100_000)));
        assert!(fault.message.len() < 2000 && !fault.message.contains('\u{1b}'));
        assert!(fault.message.contains("\\u{1b}"));
        assert_eq!(unfinished("h", "sudo: a password is required", false).code, "HNY0507");
    }
}
