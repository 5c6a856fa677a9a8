//! Application stacks: a `catalogue.toml` with phases and typed parameters, and
//! the templates it names.
//!
//! Parameters in, Kubernetes objects out, in the order in which they are
//! applied. No cluster, no clock, no secret's value: templates name secrets,
//! honey makes them in the phase that says so.

#![allow(clippy::result_large_err, reason = "a diagnostic carries what an operator needs and is made seldom")]
#![allow(clippy::format_push_string, reason = "messages and paths, made seldom")]

mod comments;
mod declaration;
mod lines;
mod list;
mod load;
mod manifest;
mod object;
mod parameters;
mod render;
mod template;

pub use declaration::{Declaration, ExpectedSecret, Parameter, ParameterType, Phase, PhaseFile};
pub use load::{BUILT_IN, Catalogue};
pub use render::RenderedObject;

/// The catalogue cannot be read.
pub const UNREADABLE: &str = "HNY0630";
/// A parameter is unknown, missing or of another type.
pub const BAD_PARAMETER: &str = "HNY0631";
/// A template cannot be rendered.
pub const BAD_TEMPLATE: &str = "HNY0632";
/// A rendered file is not YAML that kubectl reads, or not one that it reads without loss.
pub const BAD_YAML: &str = "HNY0633";
/// An object stands twice.
pub const DUPLICATE: &str = "HNY0634";
/// A document is not an object.
pub const NOT_AN_OBJECT: &str = "HNY0635";
/// A `{#` that is no comment on lines of its own.
pub const INLINE_COMMENT: &str = "HNY0640";
/// An object has `generateName` and no name.
pub const GENERATED_NAME: &str = "HNY0641";
/// A list of objects cannot be expanded.
pub const BAD_LIST: &str = "HNY0642";
/// A number, a boolean or more stands where only a text may.
pub const NO_TEXT: &str = "HNY0643";
