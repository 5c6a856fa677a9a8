//! State, journal, lock and secret vault on an object store.
//!
//! Implements the ports of `honey_ports::store` and `honey_ports::secrets`.
//! Reads no environment and no configuration: the wiring hands both in.
#![allow(clippy::result_large_err, reason = "a fault is rare and carries all that a person should read")]

mod durable;
pub mod journal;
pub mod lock;
mod random;
mod source;
pub mod store;
pub mod vault;

pub use random::lineage;
pub use store::{Options, Store};
pub use vault::{Source, Sources, Vault};
