//! The kinds, one a file.

mod registry_token;

pub use registry_token::RegistryToken;
pub(crate) use registry_token::secret_of;
