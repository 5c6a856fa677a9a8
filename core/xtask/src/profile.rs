//! What a machine must be able to do for which tests. A profile's tests are
//! test targets behind a feature, so what a profile leaves out is not built
//! and never counts as passed.

use clap::ValueEnum;

use crate::{control_plane, setup, workspace::Failure};

/// What a machine must be able to do. Each holds the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Profile {
    /// The lab and a real ssh daemon on loopback. Any Linux machine.
    Fast,
    /// Boxes: real machines in namespaces. Root, namespaces, overlayfs, apt.
    Hosts,
    /// Clusters: a real etcd, Kubernetes and pods in boxes. Go beside that.
    Cluster,
}

impl Profile {
    /// Name, and what it plays on.
    pub(crate) fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Fast => ("fast", "the lab, and a real ssh daemon on loopback"),
            Self::Hosts => ("hosts", "fast, and real machines in namespaces"),
            Self::Cluster => ("cluster", "hosts, and a real etcd, Kubernetes and pods on them"),
        }
    }

    /// Features that its tests stand behind.
    pub(crate) fn features(self) -> &'static [&'static str] {
        match self {
            Self::Fast => &[],
            Self::Hosts => &["honey-boxes/hosts", "honey-tests/hosts"],
            Self::Cluster => &["honey-boxes/hosts", "honey-tests/hosts", "honey-cluster-tests/cluster"],
        }
    }

    /// Why this machine cannot run it, and what would help.
    pub(crate) fn cannot(self) -> Option<String> {
        match self {
            Self::Fast => None,
            Self::Hosts => honey_boxes::machine::cannot().or_else(setup::cannot_install_for_boxes),
            Self::Cluster => Self::Hosts.cannot().or_else(control_plane::cannot),
        }
    }

    /// Installs and makes what its tests need.
    pub(crate) fn prepare(self) -> Result<(), Failure> {
        self.install()?;
        self.make()
    }

    /// Installs the packages that its tests, and their build, need.
    pub(crate) fn install(self) -> Result<(), Failure> {
        setup::ensure()?;
        if self >= Self::Hosts {
            setup::ensure_for_boxes()?;
        }
        Ok(())
    }

    /// Makes what its tests run on: nothing that Rust's build needs.
    pub(crate) fn make(self) -> Result<(), Failure> {
        if self >= Self::Hosts {
            let image = honey_boxes::Image::Prepared;
            if !image.is_made() {
                eprintln!("making the image of the boxes, once: a few minutes");
            }
            image.ensure()?;
        }
        if self >= Self::Cluster {
            control_plane::prepare()?;
        }
        Ok(())
    }

    /// All, the fullest first.
    fn all() -> impl Iterator<Item = Self> {
        Self::value_variants().iter().rev().copied()
    }
}

/// The profile that was asked for, or the fullest that this machine can run;
/// says which, and why not a fuller one.
pub(crate) fn choose(asked: Option<Profile>) -> Result<Profile, Failure> {
    let mut why_not = Vec::new();
    for profile in Profile::all() {
        let (name, what) = profile.describe();
        if asked.is_some_and(|asked| asked != profile) {
            continue;
        }
        match profile.cannot() {
            None => {
                eprintln!("profile: {name} ({what})");
                for line in &why_not {
                    eprintln!("{line}");
                }
                return Ok(profile);
            }
            Some(why) => why_not.push(format!("not profile {name} on this machine: {why}")),
        }
    }
    let can = Profile::all().find(|profile| profile.cannot().is_none());
    let can = can.map_or("none", |profile| profile.describe().0);
    Err(Failure::Holds(format!("{}; this machine can run --profile {can}", why_not.join("; "))))
}
