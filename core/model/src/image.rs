//! Image references: the type that the whole core takes them apart with.
//!
//! It stands in a crate without dependencies, since plugins read the same
//! references and a guest cannot depend on the model.

pub use honey_image::{DEFAULT_TAG, Host, ImageReference, ReferenceError, is_digest, short};
