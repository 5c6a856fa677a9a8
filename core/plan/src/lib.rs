//! The planner: a pure function of desired, observed and state.
//!
//! No IO, no clock, no randomness. What a plan says is all that apply may do.

pub mod plan;

pub use plan::{Action, FieldChange, Operation, Plan, Purpose};
