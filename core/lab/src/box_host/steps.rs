//! The steps that concern a box alone: packages, files, services, firewall.

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::Digest as _;

use super::{
    boxes::OneBox,
    calls::Call,
    disk::{Armed, File, Rules},
    faults,
};
use crate::world::World;

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// `honey <n> changed` or `same`.
    Step(bool),
    /// A named result.
    Result(String),
    /// Nothing to say.
    Silent,
    /// `honey <n> failed <word> <text>`, and what the tools printed.
    Failed(&'static str, String, String),
}

pub(super) fn failed(word: &'static str, text: impl Into<String>) -> Ended {
    Ended::Failed(word, text.into(), String::new())
}

fn disk_full() -> Ended {
    Ended::Failed(
        "disk",
        "no space is left on the host's root file system".into(),
        "base64: write error: No space left on device\n".into(),
    )
}

pub(super) async fn packages(world: &World, one: &OneBox, call: &Call) -> Ended {
    let wait = Duration::from_secs(call.argument(0).parse().unwrap_or(0));
    let names = call.arguments.get(2..).unwrap_or_default();
    let missing: Vec<&String> = names.iter().filter(|name| !one.disk().packages.contains(*name)).collect();
    if missing.is_empty() {
        return Ended::Step(false);
    }
    let began = Instant::now();
    loop {
        let held = one.disk().locked_until.filter(|until| *until > Instant::now());
        let Some(until) = held else { break };
        if began.elapsed() >= wait {
            return failed(
                "lock",
                format!("another program holds the package database for over {} seconds", wait.as_secs()),
            );
        }
        tokio::time::sleep(until.saturating_duration_since(Instant::now()).min(Duration::from_millis(50)))
            .await;
    }
    if one.disk().full {
        return failed("disk", "no space is left for packages");
    }
    world.clock.sleep(250).await;
    if faults::take(&mut one.pending().apt) {
        return Ended::Failed(
            "apt",
            "packages could not be installed".into(),
            "E: Failed to fetch http://archive.ubuntu.com/ubuntu/pool/main/f/fail2ban.deb  503  Service Unavailable\n".into(),
        );
    }
    let well_formed = |name: &&&String| {
        name.len() > 1
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c))
    };
    if let Some(unknown) = missing.iter().find(|name| !well_formed(name)) {
        return Ended::Failed(
            "apt",
            "packages could not be installed".into(),
            format!("E: Unable to locate package {unknown}\n"),
        );
    }
    for name in missing {
        world.clock.sleep(60).await;
        one.disk().install(name);
    }
    Ended::Step(true)
}

pub(super) fn file(one: &OneBox, call: &Call) -> Ended {
    let (path, mode) = (call.argument(0), u32::from_str_radix(call.argument(1), 8));
    let (Ok(mode), Ok(bytes)) = (mode, STANDARD.decode(call.argument(2))) else {
        return failed("error", "the file could not be written");
    };
    let mut disk = one.disk();
    let file = File { mode, bytes };
    if disk.files.get(path) == Some(&file) {
        return Ended::Step(false);
    }
    if disk.full {
        return disk_full();
    }
    if path.starts_with("/etc/rancher/k3s/") {
        disk.k3s_pending = true;
    }
    if path.starts_with("/etc/ssh/") {
        disk.ssh_pending = true;
    }
    disk.files.insert(path.to_owned(), file);
    Ended::Step(true)
}

pub(super) fn part(one: &OneBox, call: &Call) -> Ended {
    let (Ok(offset), Ok(bytes)) = (call.argument(1).parse::<u64>(), STANDARD.decode(call.argument(2))) else {
        return failed("error", "the part cannot be read");
    };
    let mut disk = one.disk();
    if disk.full {
        return disk_full();
    }
    if offset == 0 {
        disk.arriving = super::disk::Arriving { path: call.argument(0).to_owned(), ..Default::default() };
    }
    if disk.arriving.path != call.argument(0) || disk.arriving.length != offset {
        return failed("error", "the file does not end where the next part begins");
    }
    disk.arriving.hash.update(&bytes);
    disk.arriving.length += bytes.len() as u64;
    Ended::Silent
}

pub(super) fn digest(one: &OneBox, call: &Call) -> Ended {
    let disk = one.disk();
    let path = call.argument(0);
    let found = if path == disk.arriving.path && !path.is_empty() {
        Some(disk.arriving.digest())
    } else if path == "/usr/local/bin/k3s" {
        disk.k3s.as_ref().and_then(|k3s| k3s.binary.clone())
    } else {
        disk.digest(path).map(|digest| digest.trim_start_matches("sha256:").to_owned())
    };
    Ended::Result(format!("digest {}", found.as_deref().unwrap_or("absent")))
}

pub(super) fn read(one: &OneBox, call: &Call) -> Ended {
    let limit: usize = call.argument(1).parse().unwrap_or(0);
    Ended::Result(match one.disk().files.get(call.argument(0)) {
        None => "read absent".to_owned(),
        Some(file) if file.bytes.len() > limit => format!("read large {}", file.bytes.len()),
        Some(file) => format!("read present {}", STANDARD.encode(&file.bytes)),
    })
}

pub(super) fn sysctl(one: &OneBox) -> Ended {
    let mut disk = one.disk();
    let wanted: Vec<(String, String)> = disk
        .files
        .iter()
        .filter(|(path, _)| path.starts_with("/etc/sysctl.d/") && path.contains("honey"))
        .flat_map(|(_, file)| {
            String::from_utf8_lossy(&file.bytes)
                .lines()
                .filter(|line| !line.trim_start().starts_with(['#', ';']))
                .filter_map(|line| line.split_once('='))
                .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
                .collect::<Vec<_>>()
        })
        .collect();
    let mut changed = false;
    for (key, value) in wanted {
        changed |= disk.sysctl.insert(key, value.clone()).as_ref() != Some(&value);
    }
    Ended::Step(changed)
}

pub(super) fn service(one: &OneBox, call: &Call) -> Ended {
    let name = call.argument(0).trim_end_matches(".service");
    let mut disk = one.disk();
    if matches!(name, "ssh" | "sshd") && std::mem::take(&mut disk.ssh_pending) {
        return Ended::Step(true);
    }
    match disk.services.get_mut(name) {
        None => Ended::Failed(
            "error",
            format!("the service {name} could not be started"),
            format!("Failed to enable unit: Unit file {name}.service does not exist.\n"),
        ),
        Some(active) => Ended::Step(!std::mem::replace(active, true)),
    }
}

pub(super) fn hostname(one: &OneBox, call: &Call) -> Ended {
    let mut disk = one.disk();
    let changed = disk.hostname != call.argument(0);
    call.argument(0).clone_into(&mut disk.hostname);
    Ended::Step(changed)
}

pub(super) fn time_sync(one: &OneBox) -> Ended {
    let mut disk = one.disk();
    for name in ["chrony", "systemd-timesyncd"] {
        if let Some(active) = disk.services.get_mut(name) {
            return Ended::Step(!std::mem::replace(active, true));
        }
    }
    failed("unsupported", "no time daemon is installed")
}

pub(super) fn swap(one: &OneBox, call: &Call) -> Ended {
    let bytes = call.argument(0).parse().unwrap_or(0);
    let mut disk = one.disk();
    if disk.full && bytes > disk.swap {
        return failed("disk", "no space is left for a swap file");
    }
    Ended::Step(std::mem::replace(&mut disk.swap, bytes) != bytes)
}

pub(super) fn firewall(one: &std::sync::Arc<OneBox>, call: &Call) -> Ended {
    let mut disk = one.disk();
    if !disk.packages.contains("ufw") {
        return failed("unsupported", "ufw is not installed");
    }
    let wanted = Rules { active: true, allowed: call.arguments.iter().skip(1).cloned().collect() };
    if disk.rules == wanted {
        return Ended::Step(disk.armed.is_some());
    }
    disk.armings += 1;
    let number = disk.armings;
    let old = std::mem::replace(&mut disk.rules, wanted);
    // An earlier change that nobody confirmed is not what to go back to.
    let old = disk.armed.take().map_or(old, |armed| armed.old);
    disk.armed = Some(Armed { number, old });
    disk.restored = false;
    drop(disk);
    let seconds = call.argument(0).parse().unwrap_or(0);
    let waiting = std::sync::Arc::downgrade(one);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        if let Some(one) = waiting.upgrade() {
            one.disk().restore_rules(number);
        }
    });
    Ended::Step(true)
}

pub(super) fn confirm(one: &OneBox) -> Ended {
    let mut disk = one.disk();
    let word = if disk.armed.take().is_some() {
        "yes"
    } else if disk.restored {
        "restored"
    } else {
        "idle"
    };
    Ended::Result(format!("confirmed {word}"))
}
