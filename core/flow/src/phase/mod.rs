//! Steps that several actions share, one file each.

pub mod estimate;
pub mod observe;
pub mod prepare;
pub(crate) mod secrets;
pub(crate) mod servers;
pub mod verify;
pub(crate) mod wait;
