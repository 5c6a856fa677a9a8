//! The sandboxed plugin host: the only crate that names the WebAssembly runtime.
//!
//! [`PluginHost`] loads artifacts; a loaded [`Plugin`] is a
//! [`honey_ports::Driver`] with [`honey_ports::capability::Capabilities`].
//! A guest has no authority of its own: it reaches what manifest and
//! configuration both allow, through the files below `import/`.
#![allow(clippy::result_large_err, reason = "a fault is the error of every port, as it is")]

mod adapter;
mod bindings;
mod cache;
mod call;
mod capabilities;
mod clock;
mod convert;
mod desired;
mod engine;
mod error;
mod grant;
mod host;
mod http;
mod import;
mod limits;
mod linker;
mod lock;
mod plugin;
mod stamp;
mod watched;

pub use clock::Clock;
pub use error::{PluginError, Problem};
pub use grant::{Effective, Grant};
pub use honey_plugin_pack::{Artifact, Manifest, componentize};
pub use host::{HostSettings, PluginHost, PluginSource, PluginSpec, Reached, SshFacts};
pub use http::{HttpSettings, calls::CallCount, egress::Origin, retry::Retry};
pub use lock::{LockFile, LockedPlugin};
pub use plugin::Plugin;
pub use stamp::INTERFACE;
