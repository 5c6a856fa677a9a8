//! Plugin artifacts: made from a compiled guest, and read without running them.
//!
//! An artifact is one WebAssembly component with three custom sections at its
//! top level: `honey:interface`, `honey:manifest`, `honey:kinds`. Nothing here
//! runs a guest; the crate knows no runtime.

pub mod componentize;
pub mod manifest;
pub mod sections;

pub use componentize::{PackError, componentize, componentize_with};
pub use manifest::{Limits, Manifest, ManifestError, Rate, Role, SecretUse};
pub use sections::{Artifact, SectionError};
