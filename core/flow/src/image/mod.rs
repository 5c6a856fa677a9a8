//! Images of the stack: where they stand in rendered objects, what their
//! registries make of them, and which of them a standby takes from the active
//! instance.
//!
//! Only [`resolve`] asks anybody; the rest is pure.

pub(crate) mod follow;
pub(crate) mod pin;
pub(crate) mod place;
pub(crate) mod resolve;
