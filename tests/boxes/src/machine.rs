//! Whether this machine can have boxes. Looks only, but for one limit of the
//! kernel; installing is the task of `cargo xtask`.

use std::path::Path;

use crate::Failure;

/// Programs that boxes need here, and the Debian package that has each.
pub const PROGRAMS: &[(&str, &str)] = &[
    ("mmdebstrap", "mmdebstrap"),
    ("apt-ftparchive", "apt-utils"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("setsid", "util-linux"),
];

/// Why this machine can never have boxes as this user, whatever is installed.
pub fn cannot() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("making network namespaces needs root".to_owned());
    }
    for namespace in ["net", "mnt", "pid", "uts", "ipc", "cgroup"] {
        if !Path::new("/proc/self/ns").join(namespace).exists() {
            return Some(format!("its kernel has no `{namespace}` namespaces"));
        }
    }
    let file_systems = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if !file_systems.lines().any(|line| line.trim_end().ends_with("overlay")) {
        return Some("its kernel has no overlayfs (`modprobe overlay`)".to_owned());
    }
    if crate::command::tool(&["unshare", "--net", "--mount", "--pid", "--fork", "true"]).is_err() {
        return Some("it may not make namespaces (a container without privileges?)".to_owned());
    }
    None
}

/// Programs that are missing, by package.
pub fn missing() -> Vec<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/bin"].map(std::path::PathBuf::from))
        .collect();
    let is_there = |program: &str| folders.iter().any(|folder| folder.join(program).is_file());
    let mut packages: Vec<_> =
        PROGRAMS.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    packages.dedup();
    packages
}

/// Watches on files are counted for root on the whole machine, boxes included.
/// A usual limit is used up by two clusters, and containerd then lacks its parts.
pub(crate) fn make_room() {
    const WANTED: u32 = 8192;
    let limit = Path::new("/proc/sys/fs/inotify/max_user_instances");
    let now = std::fs::read_to_string(limit).ok().and_then(|text| text.trim().parse::<u32>().ok());
    if now.is_some_and(|now| now < WANTED) {
        // Where it cannot be raised, few boxes still work.
        let _ = std::fs::write(limit, WANTED.to_string());
    }
}

/// Checks everything.
///
/// # Errors
/// What stands in the way, and what would help.
pub fn check() -> Result<(), Failure> {
    if let Some(why) = cannot() {
        return Err(Failure::Machine(why));
    }
    let missing = missing();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Failure::Machine(format!("please install: {}", missing.join(" "))))
    }
}
