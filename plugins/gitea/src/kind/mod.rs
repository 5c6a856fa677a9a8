//! The kinds, one a file.

mod registry_token;

pub use registry_token::RegistryToken;
