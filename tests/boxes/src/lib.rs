//! Boxes: machines to test on, as bare as a vendor's on its first day.
//!
//! A box is a set of namespaces (network, mount, process, host name, cgroup)
//! with a private root file system over a Debian image. Everything in it is the
//! real program: systemd as its first process, sshd, sudo, apt and dpkg (with a
//! folder of packages as the only source), ufw and the kernel's packet filter,
//! which is private to a network namespace. Only four things are not what a
//! vendor's machine has, and tests say so where it matters:
//!
//! * the kernel is shared: `vm.*`, `fs.*` and `kernel.*` settings are private
//!   copies that a box reads back, modules cannot be loaded, and only what
//!   `date` tells can be moved ([`TestBox::shift_clock`]);
//! * `/etc/os-release` is a label ([`System`]); the programs are Debian 12's;
//! * where the kernel has no iSCSI, `iscsid` is a process that sleeps;
//! * nothing outside is ever reached: boxes, the machine under them, no more.
//!
//! The boxes of one [`Boxes`] stand on a switch of their own in a network
//! namespace of its own. The machine under them is the operator: it has the
//! first address of the network, and [`Boxes::ssh_config`] is a configuration
//! for its `ssh` with one `Host` a box. Two runs never meet: names, addresses
//! and folders belong to one run, and what a run that died left behind is taken
//! away by the next.
//!
//! ```no_run
//! use honey_boxes::{Boxes, Options};
//!
//! let boxes = Boxes::up(3, &Options::default())?;
//! let first = &boxes[0];
//! assert_eq!(first.shell("uname -n")?.text(), "box-1\n");
//! first.cut()?; // and heal(), slow(), reboot(), power_off(), power_on()
//! # Ok::<(), honey_boxes::Failure>(())
//! ```
//!
//! By hand: `cargo xtask boxes up 3`, `list`, `exec`, `down`. Needs root, an
//! x86-64 or ARM Linux with namespaces and overlayfs, and mmdebstrap, apt-utils,
//! iproute2 and openssh-client ([`machine::check`] says what is missing). The
//! image is made once (two minutes, from Debian's mirrors) and kept below
//! `HONEY_BOXES_CACHE`, else `~/.cache/honey/boxes`.

mod boxes;
mod command;
pub mod image;
mod link;

pub mod machine;
mod run;
mod settings;
mod test_box;

pub use boxes::{Boxes, Options};
pub use command::Ended;
pub use image::Image;
pub use link::Link;

pub use run::Listed;
pub use settings::System;
pub use test_box::TestBox;

/// Why something about boxes failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A tool is not there or could not be started.
    #[error("`{program}` could not be started: {error}")]
    Start {
        /// What was called.
        program: String,
        /// Why not.
        error: std::io::Error,
    },
    /// A tool said no.
    #[error("`{what}` failed: {said}")]
    Tool {
        /// What was called.
        what: String,
        /// The end of what it printed.
        said: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: String,
        /// Why not.
        error: std::io::Error,
    },
    /// The machine cannot have boxes.
    #[error("this machine cannot have boxes: {0}")]
    Machine(String),
    /// A box did not come to where it was wanted.
    #[error("{name}: {what}; its boot said: {said}")]
    Box {
        /// Which.
        name: String,
        /// What was waited for.
        what: &'static str,
        /// The end of its boot log.
        said: String,
    },
    /// No such run or box.
    #[error("there is no {0}; `cargo xtask boxes list` shows what is there")]
    Unknown(String),
}

impl Failure {
    fn file(path: &std::path::Path, error: std::io::Error) -> Self {
        Self::File { path: path.display().to_string(), error }
    }
}
