//! The stable name of one managed thing.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// A `/`-separated path such as `ovh/machine/node-1` or
/// `ovh/kube/honeydue/Deployment/api`. Cheap to clone.
///
/// The first segment is the scope: an instance's name, or `shared` or `dns`
/// for what several instances use.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(Arc<str>);

/// Why a text is not an address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not an address: {why}")]
pub struct InvalidAddress {
    /// The text as given.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Address {
    /// Checks the text: two or more non-empty segments of letters, digits and `-_.@:+`.
    pub fn new(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = |why| InvalidAddress { text: text.to_owned(), why };
        if text.len() > 400 {
            return Err(invalid("it is longer than 400 characters"));
        }
        if !text.contains('/') {
            return Err(invalid("it needs at least two segments, as in `shared/thing`"));
        }
        if text.split('/').any(str::is_empty) {
            return Err(invalid("a segment is empty"));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.@:+/*".contains(c);
        if !text.chars().all(allowed) {
            return Err(invalid("only letters, digits and -_.@:+* may stand in a segment"));
        }
        Ok(Self(text.into()))
    }

    /// Joins segments. Panics on a segment that no caller may pass; use for constants and checked names.
    #[track_caller]
    pub fn of(segments: &[&str]) -> Self {
        match Self::new(&segments.join("/")) {
            Ok(address) => address,
            Err(error) => panic!("{error}"),
        }
    }

    /// The whole path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first segment: instance name, `shared` or `dns`.
    pub fn scope(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// The last segment.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.0)
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<String> for Address {
    type Error = InvalidAddress;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn accepts_what_honey_names_and_refuses_the_rest() {
        for good in ["ovh/machine/node-1", "dns/myhoneydue.com/A/@", "a/b"] {
            assert_eq!(Address::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "one", "a//b", "/a", "a/", "a/b c", "a/\u{1b}[31m"] {
            assert!(Address::new(bad).is_err(), "{bad:?}");
        }
    }
}
