//! Software development kit for honey plugins: the interface's bindings, the
//! traits that a plugin implements, and typed access to what the host offers.
//!
//! A plugin is a type that implements [`Plugin`] and one type per resource
//! kind that implements [`Kind`]; [`export_plugin!`] turns them into a
//! component. No vendor is known here.
//!
//! Natively (in `cargo test`) the host is [`testing::MockHost`].
#![allow(
    clippy::result_large_err,
    reason = "the interface's own type of failure, and a plugin fails once a call"
)]

extern crate self as honey_sdk;

pub mod bindings;
pub mod cache;
pub mod capability;
pub mod clock;
mod context;
mod export;
mod fault;
mod host;
pub mod http;
mod kind;
mod lifecycle;
pub mod log;
pub mod marks;
mod object;
pub mod once;
pub mod paging;
mod plugin;
pub mod poll;
pub mod random;
mod read;
pub mod schema;
pub mod secrets;
pub mod set;
pub mod signature;
pub mod ssh;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod tree;

pub use bindings::{
    exports::honey::plugin::lifecycle::Ownership,
    honey::plugin::types::{Diagnostic, Fault, Severity, VendorError},
};
pub use context::Context;
pub use kind::{Findings, Kind, Outcome, State, pending};
pub use lifecycle::Exported;
pub use object::{Object, gone};
pub use plugin::{Kinds, Plugin, current};
pub use read::{read, read_or_default};
pub use schema::Schema;
pub use serde_json::{Value, json};
pub use tree::secret;
#[doc(hidden)]
pub use wit_bindgen;
