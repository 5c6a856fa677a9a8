//! Configuration: file < profile < `HONEY_` environment < flags, by figment.
//!
//! Reads text it is given; it opens no file but the configuration and reads no
//! environment but `HONEY_*`. Every finding points at line and column.

pub mod schema;

pub use schema::Config;
