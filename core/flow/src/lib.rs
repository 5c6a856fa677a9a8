//! Honey's verbs: observe, plan, apply, verify, cutover, destroy.
//!
//! One way: configuration → desired → plan → apply → verify → cutover. This
//! crate knows no vendor, no terminal and no file format but its own; it works
//! through ports that the command line wires.

pub mod action;
mod active_only;
mod error;
mod image;
pub mod instance;
mod kind;
pub mod kubeconfig;
mod looks;
pub mod lower;
pub mod phase;
mod ports;
mod session;
mod singleton;
pub mod stack;

pub use error::{FlowError, MovedThing};
pub use kind::DRIVER;
pub use looks::HostLooks;
pub use ports::Ports;
pub use session::Session;
