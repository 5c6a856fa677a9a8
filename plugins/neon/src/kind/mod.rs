//! The kinds, one a file.

mod branch;
mod database;

pub use branch::Branch;
pub use database::Database;
