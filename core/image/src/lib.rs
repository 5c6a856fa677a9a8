//! Image references, `host[:port]/path[:tag][@algorithm:hex]`, taken apart by
//! one rule: the grammar of OCI distribution, with what a container runtime
//! fills in where the host is left out.
//!
//! No dependency and no IO: the core reads configurations and manifests with
//! it, plugins (WebAssembly guests) read what the core hands them.

mod error;
mod host;

use std::{fmt, str::FromStr};

pub use error::ReferenceError;
pub use host::Host;

/// Where an image comes from that names no host.
const DEFAULT_HOST: &str = "docker.io";
/// Another name of the same registry.
const DEFAULT_HOST_ALIAS: &str = "index.docker.io";
/// Owner of its images that name none.
const DEFAULT_OWNER: &str = "library";
/// What is meant where neither a tag nor a digest is given.
pub const DEFAULT_TAG: &str = "latest";
/// Longest path of a repository, in bytes.
const LONGEST_PATH: usize = 255;
/// Longest tag, in bytes.
const LONGEST_TAG: usize = 128;
/// Algorithms that container runtimes check, with their number of hex digits.
const ALGORITHMS: &[(&str, usize)] = &[("sha256", 64), ("sha384", 96), ("sha512", 128)];

/// An image reference in full: what was left out is filled in, so that two
/// spellings of one image are equal. Shown, it parses to itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageReference {
    host: Host,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl ImageReference {
    /// Reads a reference.
    ///
    /// # Errors
    /// Says which rule of the grammar the text breaks.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.is_empty() {
            return Err(ReferenceError::Empty);
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return Err(ReferenceError::Scheme { scheme: scheme.to_owned(), rest: rest.to_owned() });
        }
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(check_digest(digest)?)),
            None => (text, None),
        };
        let (host, rest) = split_host(named);
        // Behind the host a colon can only stand in front of a tag.
        let (path, tag) = match rest.split_once(':') {
            Some((path, tag)) => (path, Some(check_tag(tag)?)),
            None => (rest, None),
        };
        let host = host.map(Host::parse).transpose()?;
        check_path(path)?;
        let default = host.as_ref().is_none_or(|host| host.is(DEFAULT_HOST) || host.is(DEFAULT_HOST_ALIAS));
        let (host, repository) = match host.filter(|_| !default) {
            Some(host) => (host, path.to_owned()),
            None if path.contains('/') => (Host::plain(DEFAULT_HOST), path.to_owned()),
            None => (Host::plain(DEFAULT_HOST), format!("{DEFAULT_OWNER}/{path}")),
        };
        let length = if host.is(DEFAULT_HOST) { repository.len() } else { path.len() };
        if length > LONGEST_PATH {
            return Err(ReferenceError::PathTooLong { length });
        }
        Ok(Self { host, repository, tag, digest })
    }

    /// The registry's host, with its port where one is given.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The path at the registry: `owner/name`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, where one is written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// `sha256:…`, where one is written.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// What a registry is asked for: the digest, else the tag, else `latest`.
    pub fn version(&self) -> &str {
        self.digest().or(self.tag()).unwrap_or(DEFAULT_TAG)
    }

    /// The same repository at these bytes; a tag is left out, since it may move.
    ///
    /// # Errors
    /// Where `digest` is none.
    pub fn at_digest(&self, digest: &str) -> Result<Self, ReferenceError> {
        let digest = Some(check_digest(digest)?);
        Ok(Self { host: self.host.clone(), repository: self.repository.clone(), tag: None, digest })
    }

    /// Host and path, without tag and digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    /// The hex digits of the digest, where one is written.
    pub fn digest_hex(&self) -> Option<&str> {
        self.digest().and_then(|digest| digest.split_once(':')).map(|(_, hex)| hex)
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for ImageReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        Self::parse(text)
    }
}

/// A reference as a person compares it: as written, a digest by its first
/// twelve digits. What is no reference stays as it is.
pub fn short(text: &str) -> String {
    let digits = ImageReference::parse(text).ok().and_then(|image| image.digest_hex().map(str::len));
    match digits {
        // Hex digits are one byte each and stand at the end.
        Some(digits) => text[..text.len() - digits + 12].to_owned(),
        None => text.to_owned(),
    }
}

/// Whether the text is a digest that a container runtime can check.
pub fn is_digest(text: &str) -> bool {
    check_digest(text).is_ok()
}

/// The host, where the first part of a name is one, and the rest. A name like
/// `owner/name` has none: a host has a dot or a port, is `localhost`, or has
/// capitals, which no path has.
fn split_host(named: &str) -> (Option<&str>, &str) {
    let Some((first, rest)) = named.split_once('/') else { return (None, named) };
    let host = first.contains(['.', ':', '['])
        || first == "localhost"
        || first.contains(|c: char| c.is_ascii_uppercase());
    if host { (Some(first), rest) } else { (None, named) }
}

fn check_path(path: &str) -> Result<(), ReferenceError> {
    if path.contains(|c: char| c.is_uppercase()) {
        return Err(ReferenceError::Capitals { path: path.to_owned() });
    }
    match path.split('/').find(|component| !is_component(component)) {
        Some(component) => Err(ReferenceError::Path { component: component.to_owned() }),
        // A registry could not tell it from the id of an image.
        None if path.len() == 64 && path.bytes().all(is_hex) => {
            Err(ReferenceError::Path { component: path.to_owned() })
        }
        None => Ok(()),
    }
}

/// Lower-case letters and digits, joined by `.`, `_`, `__` or any number of `-`.
fn is_component(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = text.bytes().next().is_some_and(plain) && text.bytes().next_back().is_some_and(plain);
    ends && text
        .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .all(|joint| matches!(joint, "" | "." | "_" | "__") || joint.bytes().all(|b| b == b'-'))
}

fn check_tag(tag: &str) -> Result<String, ReferenceError> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let fits = tag.starts_with(word)
        && tag.len() <= LONGEST_TAG
        && tag.chars().all(|c| word(c) || c == '.' || c == '-');
    if fits { Ok(tag.to_owned()) } else { Err(ReferenceError::Tag { tag: tag.to_owned() }) }
}

fn check_digest(digest: &str) -> Result<String, ReferenceError> {
    let (algorithm, hex) = digest.split_once(':').unwrap_or((digest, ""));
    let Some((_, digits)) = ALGORITHMS.iter().find(|(known, _)| *known == algorithm) else {
        return Err(ReferenceError::Algorithm { algorithm: algorithm.to_owned() });
    };
    if hex.len() == *digits && hex.bytes().all(is_hex) {
        return Ok(digest.to_owned());
    }
    Err(ReferenceError::Digest {
        algorithm: algorithm.to_owned(),
        wanted: *digits,
        found: hex.chars().count(),
    })
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}
