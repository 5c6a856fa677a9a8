//! The journalled executor of a plan.
//!
//! Decides nothing: it runs the operations of an approved plan, each recorded
//! before and after, so that a run that ended anywhere can go on. Drivers,
//! store, journal and lock are ports; nothing here knows a vendor.
#![allow(clippy::result_large_err, reason = "a fault is rare and carries all that a person should read")]

pub mod executor;
pub mod limits;
mod perform;
pub mod record;
mod recorder;
pub mod resume;
pub mod retry;
mod schedule;

pub use executor::{Drivers, Interruption, Outcome, OwnerOf, Run, execute};
pub use limits::Limits;
pub use record::{Entry, Ledger, Stage};
pub use retry::Retry;
