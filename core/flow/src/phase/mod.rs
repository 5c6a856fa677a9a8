//! Steps that several actions share, one file each.

pub mod estimate;
pub(crate) mod keep_servers;
pub mod observe;
pub mod prepare;
mod scopes;
pub(crate) mod secrets;
pub(crate) mod servers;
pub mod strays;
pub mod verify;
pub(crate) mod wait;
