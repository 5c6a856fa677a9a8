//! The simulated vendors and what they have in common.

pub mod fault;
