//! Steps that several actions share, one file each.

pub mod estimate;
pub mod observe;
pub mod prepare;
pub mod verify;
