//! What honey can be asked to do, one file each: an ordered list of phases and
//! nothing else.

pub mod apply;
pub mod cutover;
pub mod destroy;
pub mod dns_swap;
pub mod plan;
pub mod status;
