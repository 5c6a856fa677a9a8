//! Why a text is no image reference.

use std::fmt;

/// The rule that a text breaks. Texts are kept as written: whoever shows them
/// bounds and escapes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceError {
    /// Nothing is written.
    Empty,
    /// An address of the web: `https://…`.
    Scheme {
        /// `https`
        scheme: String,
        /// What follows it.
        rest: String,
    },
    /// The host is none.
    Host {
        /// As written.
        host: String,
    },
    /// The port is no number from 1 to 65535.
    Port {
        /// As written.
        port: String,
    },
    /// Capitals in the path.
    Capitals {
        /// As written.
        path: String,
    },
    /// A part of the path that the grammar does not know.
    Path {
        /// As written; may be empty.
        component: String,
    },
    /// The path is too long.
    PathTooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The tag is none.
    Tag {
        /// As written; may be empty.
        tag: String,
    },
    /// No container runtime checks digests of this algorithm.
    Algorithm {
        /// As written.
        algorithm: String,
    },
    /// The digest has other digits than its algorithm makes.
    Digest {
        /// `sha256`
        algorithm: String,
        /// How many hex digits it has.
        wanted: usize,
        /// How many characters stand there.
        found: usize,
    },
}

impl ReferenceError {
    /// What to write instead.
    pub fn help(&self) -> String {
        match self {
            Self::Scheme { rest, .. } => format!("leave the scheme out: `{rest}`"),
            Self::Capitals { path } => format!("write it in small letters: `{}`", path.to_lowercase()),
            Self::Host { .. } | Self::Port { .. } => {
                "a host is a name or an address with an optional port: `registry.example.com:5000`, `[2001:db8::1]:5000`"
                    .to_owned()
            }
            Self::Tag { .. } => {
                "a tag has 1 to 128 letters, digits, `_`, `.` and `-`, and begins with none of the last two".to_owned()
            }
            Self::Algorithm { .. } | Self::Digest { .. } => {
                "a digest is `sha256:` and 64 hex digits in small letters; without one write `:tag`".to_owned()
            }
            Self::Empty | Self::Path { .. } | Self::PathTooLong { .. } => {
                "as in `registry.example.com/owner/name:tag`".to_owned()
            }
        }
    }
}

impl fmt::Display for ReferenceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(formatter, "it is empty"),
            Self::Scheme { scheme, .. } => write!(formatter, "`{scheme}://` belongs to no image reference"),
            Self::Host { host } => write!(formatter, "`{host}` is no host"),
            Self::Port { port } => write!(formatter, "`{port}` is no port"),
            Self::Capitals { path } => write!(formatter, "the path `{path}` has capital letters"),
            Self::Path { component } if component.is_empty() => {
                write!(formatter, "a part of the path is empty")
            }
            Self::Path { component } => write!(formatter, "`{component}` cannot be a part of the path"),
            Self::PathTooLong { length } => {
                write!(formatter, "its path has {length} bytes, and 255 is the most")
            }
            Self::Tag { tag } if tag.is_empty() => write!(formatter, "the tag behind `:` is empty"),
            Self::Tag { tag } => write!(formatter, "`{tag}` is no tag"),
            Self::Algorithm { algorithm } => {
                write!(formatter, "`{algorithm}` is no algorithm of digests that container runtimes check")
            }
            Self::Digest { algorithm, wanted, found } if wanted == found => {
                write!(formatter, "a {algorithm} digest has hex digits in small letters only")
            }
            Self::Digest { algorithm, wanted, found } => {
                write!(formatter, "a {algorithm} digest has {wanted} hex digits, and here are {found}")
            }
        }
    }
}

impl std::error::Error for ReferenceError {}
