//! Traits named by role, between the phases and the outside world.
//!
//! Nothing here does IO. Implementations: `plugin-host` (drivers and
//! capabilities), `ssh` (hosts), `kube` (clusters), `state` (store, journal,
//! lock, vault). Only the command line wires them together.

pub mod call;
pub mod capability;
pub mod cluster;
pub mod driver;
pub mod etcd;
pub mod host;
pub mod progress;
pub mod secrets;
pub mod store;

pub use call::{CallContext, Checkpoint};
pub use driver::{Applied, ApplyAction, ApplyRequest, Checked, Driver, Target};
pub use progress::{Event, Progress};
pub use secrets::Secrets;
