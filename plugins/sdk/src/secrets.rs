//! Secrets by handle. Their bytes never come in here; names are the plugin's own.

pub use crate::bindings::honey::plugin::secrets::Piece;
use crate::{Fault, bindings::honey::plugin::secrets::Error, host};

/// Text between secrets of a digest.
pub fn text(text: impl Into<String>) -> Piece {
    Piece::Text(text.into())
}

/// A secret within a digest.
pub fn by_name(name: impl Into<String>) -> Piece {
    Piece::Secret(name.into())
}

/// Whether the operator gave it, or it was captured or generated before.
pub fn exists(name: &str) -> bool {
    host::secret_exists(name)
}

/// Hexadecimal digest of the concatenated pieces: `sha1`, `sha256`, `sha512`.
/// Needs `sign = true` in the manifest.
pub fn digest(algorithm: &str, pieces: &[Piece]) -> Result<String, Fault> {
    host::digest(algorithm, pieces).map_err(fault)
}

/// Hexadecimal end of a chain of HMACs, as request signing of cloud vendors needs it.
pub fn hmac_chain(
    algorithm: &str,
    prefix: &str,
    secret: &str,
    messages: &[Vec<u8>],
) -> Result<String, Fault> {
    host::hmac_chain(algorithm, prefix, secret, messages).map_err(fault)
}

/// The host makes a random secret and stores it, unless it exists already.
pub fn generate(name: &str, length: u32) -> Result<(), Fault> {
    host::generate(name, length).map_err(fault)
}

/// In a kind's `credential` field: honey holds the secret.
pub const STORED: &str = "stored";
/// In a kind's `credential` field: honey does not hold it.
pub const LOST: &str = "lost";

/// [`STORED`] or [`LOST`]: makes a lost secret show as a difference in a plan.
pub fn credential(name: &str) -> String {
    if exists(name) { STORED } else { LOST }.to_owned()
}

/// A text in the alphabet of secrets' names, at most 80 characters of it.
pub fn name_of(text: &str) -> String {
    let lower = text.chars().take(80).map(|c| c.to_ascii_lowercase());
    lower.map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// Forgets a secret that this plugin captured or generated.
pub fn forget(name: &str) -> Result<(), Fault> {
    match host::forget(name) {
        Ok(()) | Err(Error::NotFound(_)) => Ok(()),
        Err(error) => Err(fault(error)),
    }
}

fn fault(error: Error) -> Fault {
    match error {
        Error::NotGranted(message) => Fault::new("forbidden", "plugin::secret-not-granted", message),
        Error::NotFound(message) => Fault::new("auth", "plugin::secret-missing", message),
        Error::Unsupported(message) => Fault::unsupported("plugin::secret-use", message),
    }
}
