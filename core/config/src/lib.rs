//! Configuration: file < profile < `HONEY_` environment < flags, by figment.
//!
//! | File | What it does |
//! |---|---|
//! | `schema` | the configuration as types; their comments are the reference |
//! | `load` | layers, merge, and one list of everything that is wrong |
//! | `document` | the file: reading, syntax, positions |
//! | `overrides` | environment variables and `--set` as layers |
//! | `shape` | unknown keys, wrong types, missing keys, all at once |
//! | `readable` | what rules can be applied to although keys or types are wrong |
//! | `validate` | what types cannot say |
//! | `interpolate` | `${…}` inside texts |
//! | `report` | findings to one list with places |
//! | `reference` | JSON Schema and the Markdown reference |
//!
//! Opens no file but the configuration, and reads no environment: the caller
//! hands the variables over. Nothing here lowers a configuration to resources.

mod document;
pub mod interpolate;
mod load;
mod overrides;
mod path;
mod readable;
pub mod reference;
mod report;
pub mod schema;
mod shape;
mod suggest;
mod validate;

pub use interpolate::{InvalidTemplate, Part, Template};
pub use load::{LoadOptions, Loaded, load};
pub use schema::Config;

/// A path of keys as findings name it; odd keys are quoted.
pub fn path_of(keys: &[&str]) -> String {
    path::render(&path::of(keys))
}
