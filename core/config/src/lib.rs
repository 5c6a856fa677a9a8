//! Configuration: file < profile < `HONEY_` environment < flags, by figment.
//!
//! | File | What it does |
//! |---|---|
//! | `schema` | the configuration as types; their comments are the reference |
//! | `load` | layers, merge, and one list of everything that is wrong |
//! | `document` | the file: reading, syntax, positions |
//! | `overrides` | environment variables and `--set` as layers |
//! | `shape` | unknown keys, wrong types, missing keys, all at once |
//! | `validate` | what types cannot say |
//! | `interpolate` | `${…}` inside texts |
//! | `reference` | JSON Schema and the Markdown reference |
//!
//! Opens no file but the configuration, and reads no environment: the caller
//! hands the variables over. Nothing here lowers a configuration to resources.

mod document;
pub mod interpolate;
mod load;
mod overrides;
mod path;
pub mod reference;
pub mod schema;
mod shape;
mod suggest;
mod validate;

pub use interpolate::{InvalidTemplate, Part, Template};
pub use load::{LoadOptions, Loaded, load};
pub use schema::Config;
