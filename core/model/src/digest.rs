//! Content digests.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// `sha256:` and 64 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Of raw bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(format!("sha256:{}", hex::encode(Sha256::digest(bytes))))
    }

    /// Of a JSON value in canonical form: object keys sorted, no white space.
    /// (`serde_json`'s map is sorted; the `preserve_order` feature must stay off.)
    pub fn of_json(value: &Value) -> Self {
        Self::of_bytes(value.to_string().as_bytes())
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve hex digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(7..19).unwrap_or(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Digest;
    use serde_json::json;

    #[test]
    fn key_order_does_not_matter() {
        assert_eq!(Digest::of_json(&json!({"a":1,"b":2})), Digest::of_json(&json!({"b":2,"a":1})));
    }
}
