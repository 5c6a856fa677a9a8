//! A failed call to something outside: vendor, host, cluster, store.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::Diagnostic;

/// What kind of failure it is: decides whether honey retries, waits or stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultClass {
    /// The request itself is wrong.
    Invalid,
    /// Who we are was not accepted.
    Auth,
    /// We may not do this.
    Forbidden,
    /// No such object.
    NotFound,
    /// The object is in another state than the request needs.
    Conflict,
    /// Another operation runs on the object; try later.
    Locked,
    /// A limit of the account is reached.
    Quota,
    /// Too many requests; try later.
    RateLimited,
    /// A passing failure of the other side or the network.
    Transient,
    /// No answer in time.
    Timeout,
    /// The operator asked to stop.
    Canceled,
    /// The other side cannot do this.
    Unsupported,
    /// The answer could not be understood.
    Malformed,
    /// A defect of honey or a plugin.
    Internal,
}

impl FaultClass {
    /// Whether the same call may succeed later without anyone changing anything.
    pub fn retriable(self) -> bool {
        matches!(self, Self::Locked | Self::RateLimited | Self::Transient | Self::Timeout)
    }

    /// The name used in WIT, journals and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Auth => "auth",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::Conflict => "conflict",
            Self::Locked => "locked",
            Self::Quota => "quota",
            Self::RateLimited => "rate-limited",
            Self::Transient => "transient",
            Self::Timeout => "timeout",
            Self::Canceled => "canceled",
            Self::Unsupported => "unsupported",
            Self::Malformed => "malformed",
            Self::Internal => "internal",
        }
    }

    /// The class of a name; names that honey does not know count as internal.
    pub fn parse(name: &str) -> Self {
        serde_json::from_value(serde_json::Value::String(name.to_owned())).unwrap_or(Self::Internal)
    }
}

/// What the vendor itself said, bounded and escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorError {
    /// HTTP status, 0 where there was none.
    pub status: u16,
    /// The vendor's own code.
    pub code: String,
    /// The vendor's own words.
    pub message: String,
    /// For a support request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// A failed call. `Display` is one line: who, what, and the vendor's words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub struct Fault {
    /// Decides what happens next.
    pub class: FaultClass,
    /// Stable code: `HNY0410`, or namespaced by a plugin: `hetzner::no-capacity`.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// What the operator can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// When the other side said to come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
    /// What the vendor itself said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<VendorError>,
    /// Details, each with a place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
    /// Who reported it: `hetzner@0.1.0`, `ssh ovh/node-1`, `kube ovh`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub origin: String,
}

impl Fault {
    /// A fault with class, code and message.
    pub fn new(class: FaultClass, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            class,
            code: code.into(),
            message: message.into(),
            help: None,
            retry_after: None,
            vendor: None,
            diagnostics: Vec::new(),
            origin: String::new(),
        }
    }

    /// Whether another fault is the same failure met at another place: the same answer of the same
    /// vendor, whatever was asked for; where no vendor answered, the same words.
    pub fn is_same_failure(&self, other: &Self) -> bool {
        let told = |fault: &Self| {
            fault.vendor.as_ref().map(|vendor| (vendor.status, vendor.code.clone(), vendor.message.clone()))
        };
        (self.class, &self.code, &self.origin) == (other.class, &other.code, &other.origin)
            && told(self) == told(other)
            && (self.vendor.is_some() || self.message == other.message)
    }

    /// Adds what the operator can do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says who reported it, unless somebody nearer did.
    #[must_use]
    pub fn from_origin(mut self, origin: impl Into<String>) -> Self {
        if self.origin.is_empty() {
            self.origin = origin.into();
        }
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.origin.is_empty() {
            write!(f, "{}: ", self.origin)?;
        }
        f.write_str(&self.message)?;
        if let Some(vendor) = &self.vendor {
            write!(f, " (vendor said {}", vendor.status)?;
            if !vendor.code.is_empty() {
                write!(f, " `{}`", vendor.code)?;
            }
            if !vendor.message.is_empty() {
                write!(f, ": {}", vendor.message)?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}
