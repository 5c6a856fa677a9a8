//! Secret bytes and their names.
//!
//! A [`Secret`] cannot be printed, serialised or compared by accident: `Debug`
//! is masked, there is no `Display` and no `Serialize`.

use std::fmt;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes that must not be shown. Wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes. The caller must not log, store or format them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, or `None` where they are not UTF-8.
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// True for no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A keyed digest that can be recorded and compared without revealing the
    /// value: hex of HMAC-SHA-256 under the project's private key.
    pub fn fingerprint(&self, key: &Secret) -> String {
        let mut mac =
            <Hmac<Sha256> as Mac>::new_from_slice(key.expose()).expect("HMAC takes keys of any length");
        mac.update(self.expose());
        format!("hmac:{}", hex::encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(****)")
    }
}

/// The name of a secret: `[a-z0-9.-]`, 1 to 120 characters. Plugins' own
/// secrets carry the plugin's id in front: `neon.honeydue.password`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretName(String);

/// Why a text is not a secret's name.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a secret's name: lower case letters, digits, `.` and `-`, at most 120 characters")]
pub struct InvalidSecretName(String);

impl SecretName {
    /// Checks the text.
    pub fn new(text: &str) -> Result<Self, InvalidSecretName> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
        let plain = !text.is_empty() && text.len() <= 120 && text.chars().all(allowed);
        if plain && !text.starts_with('.') && !text.contains("..") {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidSecretName(text.chars().take(130).collect()))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SecretName {
    type Error = InvalidSecretName;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Secret, SecretName};

    #[test]
    fn debug_is_masked() {
        assert_eq!(format!("{:?}", Secret::new("canary")), "Secret(****)");
    }

    #[test]
    fn fingerprints_depend_on_key_and_value() {
        let (a, b) = (Secret::new("k1"), Secret::new("k2"));
        assert_ne!(Secret::new("x").fingerprint(&a), Secret::new("x").fingerprint(&b));
        assert_ne!(Secret::new("x").fingerprint(&a), Secret::new("y").fingerprint(&a));
        assert_eq!(Secret::new("x").fingerprint(&a), Secret::new("x").fingerprint(&a));
    }

    #[test]
    fn names_cannot_leave_their_folder() {
        for bad in ["", "../x", "a/b", "A", ".hidden", "a..b"] {
            assert!(SecretName::new(bad).is_err(), "{bad:?}");
        }
        assert!(SecretName::new("neon.honeydue.password").is_ok());
    }
}
