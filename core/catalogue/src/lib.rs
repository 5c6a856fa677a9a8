//! Application stacks: a `catalogue.toml` with phases and typed parameters, and
//! the templates it names.
//!
//! Parameters in, Kubernetes objects out, in the order in which they are
//! applied. No cluster, no clock, no secret's value: templates name secrets,
//! honey makes them in the phase that says so.

#![allow(clippy::result_large_err, reason = "a diagnostic carries what an operator needs and is made seldom")]
#![allow(clippy::format_push_string, reason = "messages and paths, made seldom")]

mod declaration;
mod load;
mod parameters;
mod render;

pub use declaration::{Declaration, ExpectedSecret, Parameter, ParameterType, Phase};
pub use load::{BUILT_IN, Catalogue};
pub use render::RenderedObject;

/// The catalogue cannot be read.
pub const UNREADABLE: &str = "HNY0630";
/// A parameter is unknown, missing or of another type.
pub const BAD_PARAMETER: &str = "HNY0631";
/// A template cannot be rendered.
pub const BAD_TEMPLATE: &str = "HNY0632";
/// A rendered file is not YAML.
pub const BAD_YAML: &str = "HNY0633";
/// An object stands twice.
pub const DUPLICATE: &str = "HNY0634";
/// A document is not an object.
pub const NOT_AN_OBJECT: &str = "HNY0635";
