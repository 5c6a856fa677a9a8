//! The planner: a pure function of desired, observed and state.
//!
//! No IO, no clock, no randomness. What a plan says is all that apply may do.
#![allow(clippy::result_large_err, reason = "a refusal is rare and carries all that a person should read")]

mod compare;
mod decide;
pub mod file;
mod graph;
pub mod input;
pub mod lint;
pub mod plan;
mod planner;
mod safety;
mod sequence;
pub mod stale;
mod table;
pub mod why;

pub use compare::{MASK, differences};
pub use input::{Input, Options, Schemas};
pub use plan::{Action, FieldChange, Operation, Plan, Purpose};
pub use planner::plan;
pub use stale::{Moved, moved};
pub use why::why;
