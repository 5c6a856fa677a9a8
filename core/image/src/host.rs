//! A registry's host: a name, an IPv4 address or an IPv6 address in brackets,
//! each with or without a port.

use std::{fmt, net::Ipv6Addr, str::FromStr};

use crate::ReferenceError;

/// Longest host name, in bytes.
const LONGEST_NAME: usize = 253;

/// A registry's host, with its port where one is given: `git.example.com:3000`.
/// Capitals of a name mean nothing and are kept as small letters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(String);

impl Host {
    /// Reads a host.
    ///
    /// # Errors
    /// Where it is none: a scheme, a path, a port out of range.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if let Some((scheme, rest)) = text.split_once("://") {
            return Err(ReferenceError::Scheme { scheme: scheme.to_owned(), rest: rest.to_owned() });
        }
        let wrong = || ReferenceError::Host { host: text.to_owned() };
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, rest) = rest.split_once(']').ok_or_else(wrong)?;
                // The grammar knows hex digits and colons only: no zone, no dotted end.
                let plain = address.bytes().all(|b| b == b':' || b.is_ascii_hexdigit());
                if !plain || Ipv6Addr::from_str(address).is_err() {
                    return Err(wrong());
                }
                let port = match rest {
                    "" => None,
                    _ => Some(rest.strip_prefix(':').ok_or_else(wrong)?),
                };
                (&text[..address.len() + 2], port)
            }
            None => match text.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            },
        };
        if !name.starts_with('[') && !is_name(name) {
            return Err(wrong());
        }
        if let Some(port) = port {
            let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            if !digits || !port.parse::<u16>().is_ok_and(|port| port > 0) {
                return Err(ReferenceError::Port { port: port.to_owned() });
            }
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// One that is known to be well formed.
    pub(crate) fn plain(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn is(&self, text: &str) -> bool {
        self.0 == text
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Labels of letters, digits and `-` between them.
fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        let ends = [label.bytes().next(), label.bytes().next_back()];
        ends.iter().all(|end| end.is_some_and(|b| b.is_ascii_alphanumeric()))
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    name.len() <= LONGEST_NAME && name.split('.').all(label)
}
