//! The capabilities, one a file.

mod image_resolver;
