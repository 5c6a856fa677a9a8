//! Hosts over the operator's own ssh.
//!
//! The only crate that names `openssh`, and the only one that writes shell.
//! One look at a host and one batch of steps cost one round trip each: honey
//! sends one script on standard input of `sh -s` (behind `sudo -n` where the
//! login is not root) and reads marked lines back.
//!
//! * [`SshHosts`] keeps one shared connection per target ([`session`]).
//!   Looks after the first go through a shell that stays ([`kept_shell`]).
//! * [`script`] renders typed steps; [`prelude`] is the constant shell library.
//! * [`answer`] reads what comes back; everything in it counts as hostile.
//!
//! Not here: which packages, rules or k3s flags a host should have.

#![allow(clippy::result_large_err, reason = "a fault is the port's error type and rare")]

pub mod answer;
mod execute;
mod facts;
pub mod fault;
mod host;
mod hosts;
mod kept_shell;
mod known_hosts;
mod local_binary;
pub mod prelude;
pub mod rules;
pub mod script;
mod session;
mod target;
mod tunnel;

pub use hosts::{Become, SshHosts, SshOptions};
