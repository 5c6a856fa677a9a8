//! The file systems that boxes start from, made once and kept in a cache
//! outside the checkout, under the digest of the recipe.
//!
//! Three layers, each over the one before: `base` is a vendor's minimal machine
//! with a folder of packages that its apt installs from, `prepared` has the
//! packages of honey's baseline installed, `cluster` what real pods need.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use crate::{
    Failure,
    command::{command, run, tool},
};

/// What a box has installed before anybody touches it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Image {
    /// A minimal machine: sshd, sudo, python3, curl; no firewall tool.
    #[default]
    Bare,
    /// With the packages of honey's baseline.
    Prepared,
    /// With a container runtime too.
    Cluster,
}

/// The release of Debian that the programs in a box are of.
const RELEASE: &str = "bookworm";
const BASE: &str = "systemd,systemd-sysv,dbus,libpam-systemd,openssh-server,sudo,iproute2,iputils-ping,\
    procps,ca-certificates,curl,netcat-openbsd,python3,kmod,faketime";
const BASELINE: &[&str] = &[
    "ufw",
    "iptables",
    "fail2ban",
    "unattended-upgrades",
    "open-iscsi",
    "python3-systemd",
    "systemd-timesyncd",
];
const PODS: &[&str] =
    &["containerd", "runc", "containernetworking-plugins", "conntrack", "ethtool", "socat", "nftables"];
/// Installable in a box beside those above.
const FURTHER: &[&str] =
    &["python3-pyinotify", "chrony", "apparmor", "nfs-common", "wireguard-tools", "jq", "cron"];
const CUSTOMISE: &str = include_str!("../assets/customise.sh");

impl Image {
    fn layers(self) -> &'static [(&'static str, &'static [&'static str])] {
        const LAYERS: &[(&str, &[&str])] = &[("prepared", BASELINE), ("cluster", PODS)];
        match self {
            Self::Bare => &LAYERS[..0],
            Self::Prepared => &LAYERS[..1],
            Self::Cluster => LAYERS,
        }
    }

    /// Makes what is missing of the image; gives back its layers, topmost
    /// first. Several at once wait for each other.
    ///
    /// # Errors
    /// When it cannot be made; what was begun is made anew the next time.
    pub fn ensure(self) -> Result<Vec<PathBuf>, Failure> {
        let folder = cache().join(recipe());
        fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, error))?;
        let lock = File::create(folder.join("lock")).map_err(|error| Failure::file(&folder, error))?;
        lock.lock().map_err(|error| Failure::file(&folder, error))?;
        let base = folder.join("base");
        made(&base, make_base)?;
        let mut layers = vec![base];
        for (name, packages) in self.layers() {
            let layer = folder.join(name);
            made(&layer, |draft| make_layer(draft, &layers, packages))?;
            layers.insert(0, layer);
        }
        Ok(layers)
    }

    /// Whether it is there already.
    pub fn is_made(self) -> bool {
        let last = self.layers().last().map_or("base", |(name, _)| name);
        cache().join(recipe()).join(last).is_dir()
    }
}

/// Where images are kept.
pub fn cache() -> PathBuf {
    if let Some(set) = std::env::var_os("HONEY_BOXES_CACHE") {
        return set.into();
    }
    let home = std::env::home_dir().unwrap_or_else(|| "/root".into());
    home.join(".cache/honey/boxes")
}

fn recipe() -> String {
    let mut digest = Sha256::new();
    for text in [RELEASE, BASE, CUSTOMISE, &installable()] {
        digest.update(text);
        digest.update([0]);
    }
    hex::encode(digest.finalize())[..16].to_owned()
}

fn installable() -> String {
    [BASELINE, PODS, FURTHER].concat().join(" ")
}

/// Makes a folder that is there completely or not at all.
fn made(path: &Path, make: impl FnOnce(&Path) -> Result<(), Failure>) -> Result<(), Failure> {
    if path.is_dir() {
        return Ok(());
    }
    let draft = path.with_extension("draft");
    let _ = fs::remove_dir_all(&draft);
    make(&draft)?;
    fs::rename(&draft, path).map_err(|error| Failure::file(path, error))
}

fn make_base(draft: &Path) -> Result<(), Failure> {
    let script = draft.with_extension("customise");
    fs::write(&script, CUSTOMISE).map_err(|error| Failure::file(&script, error))?;
    let mut make = command(&["mmdebstrap", "--quiet", "--variant=apt", RELEASE]);
    make.arg(draft)
        .arg(format!("--include={BASE}"))
        .arg(format!("--customize-hook=sh '{}' \"$1\"", script.display()))
        .env("BOX_PACKAGES", installable());
    run(make)?;
    Ok(())
}

fn make_layer(draft: &Path, below: &[PathBuf], packages: &[&str]) -> Result<(), Failure> {
    let (work, root) = (draft.with_extension("work"), draft.with_extension("root"));
    for folder in [draft, &work, &root] {
        fs::create_dir_all(folder).map_err(|error| Failure::file(folder, error))?;
    }
    mount_overlay(below, draft, &work, &root)?;
    let shown = root.display().to_string();
    let installed = tool(
        &[
            "chroot",
            &shown,
            "sh",
            "-euc",
            "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
         chmod 755 /usr/sbin/policy-rc.d
         export DEBIAN_FRONTEND=noninteractive
         apt-get -qq update
         apt-get -qq -y install \"$@\"
         apt-get -qq clean
         rm -rf /var/lib/apt/lists/* /usr/sbin/policy-rc.d",
            "sh",
        ]
        .into_iter()
        .chain(packages.iter().copied())
        .collect::<Vec<_>>(),
    );
    tool(&["umount", &shown])?;
    for folder in [&work, &root] {
        let _ = fs::remove_dir_all(folder);
    }
    installed.map(drop)
}

/// Mounts `root`: `upper` over the layers below, topmost first.
pub(crate) fn mount_overlay(
    below: &[PathBuf],
    upper: &Path,
    work: &Path,
    root: &Path,
) -> Result<(), Failure> {
    let below = below.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(":");
    let options = format!("lowerdir={below},upperdir={},workdir={}", upper.display(), work.display());
    tool(&["mount", "-t", "overlay", "overlay", "-o", &options, &root.display().to_string()]).map(drop)
}
