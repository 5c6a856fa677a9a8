//! Everything that can be wrong with a plugin, as types; each has a code with a page.

use std::time::Duration;

use honey_model::{Fault, FaultClass};

/// A problem of one plugin, named.
#[derive(Debug, thiserror::Error)]
#[error("plugin `{plugin}` {problem}{}", .detail.as_deref().map(|text| format!(" (its last words: {text})")).unwrap_or_default())]
pub struct PluginError {
    /// `hetzner` or `hetzner@0.1.0`, as much as is known.
    pub plugin: String,
    /// What is wrong.
    pub problem: Problem,
    /// The last error that the plugin itself logged, escaped.
    pub detail: Option<String>,
}

/// What is wrong with a plugin.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The artifact cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// Not a WebAssembly component.
    #[error("is not a WebAssembly component: {0}")]
    NotComponent(String),
    /// No interface version is stamped in.
    #[error("does not say for which interface version it was built")]
    NoStamp,
    /// Another interface version than this honey speaks.
    #[error("was built for interface {found}, this honey speaks {supported}")]
    Interface {
        /// The stamp.
        found: String,
        /// Ours.
        supported: &'static str,
    },
    /// Features that this honey does not know.
    #[error("needs features that this honey does not know: {}", .0.join(", "))]
    MustUnderstand(Vec<String>),
    /// Its manifest is wrong.
    #[error("has a manifest that cannot be used: {0}")]
    Manifest(String),
    /// Its kinds are wrong.
    #[error("has kind schemas that cannot be used: {0}")]
    Kinds(String),
    /// Another artifact than the one pinned.
    #[error("has digest {found}, but {expected} is pinned")]
    Digest {
        /// Pinned.
        expected: String,
        /// Found.
        found: String,
    },
    /// Asks for more than is granted.
    #[error("asks for more than the configuration grants: {}", .0.join("; "))]
    NotGranted(Vec<String>),
    /// Imports something that is not there for it.
    #[error("imports `{import}`: {why}")]
    Import {
        /// The interface.
        import: String,
        /// Why it is not there.
        why: &'static str,
    },
    /// Cannot be compiled or linked.
    #[error("cannot be loaded: {0}")]
    Load(String),
    /// Computes without end.
    #[error("computed for more than {} s in one call", .0.as_secs_f32())]
    Cpu(Duration),
    /// Wants more memory than it may have.
    #[error("wanted more than {0}")]
    Memory(String),
    /// Did not come back in time.
    #[error("did not answer within {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// Trapped.
    #[error("crashed: {0}")]
    Trap(String),
    /// Gave back something that is not what it should be.
    #[error("answered with {0}")]
    Malformed(String),
    /// Gave back too much.
    #[error("answered {what} with more than {limit} bytes")]
    TooLarge {
        /// Which call.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Refuses its settings.
    #[error("refuses its settings: {0}")]
    Settings(String),
    /// The lock file cannot be used.
    #[error("cannot be pinned: {0}")]
    Lock(String),
    /// Has no such ability.
    #[error("has no capability `{0}`")]
    Unsupported(String),
    /// The operator asked to stop.
    #[error("was stopped at the operator's request")]
    Canceled,
    /// Has no such kind.
    #[error("has no kind `{kind}`; it has {known}")]
    UnknownKind {
        /// Asked for.
        kind: String,
        /// What there is.
        known: String,
    },
}

impl Problem {
    /// The code whose page explains it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "HNY0401",
            Self::NotComponent(_) => "HNY0402",
            Self::NoStamp => "HNY0403",
            Self::Interface { .. } => "HNY0404",
            Self::MustUnderstand(_) => "HNY0405",
            Self::Manifest(_) => "HNY0406",
            Self::Kinds(_) => "HNY0407",
            Self::Digest { .. } => "HNY0408",
            Self::NotGranted(_) => "HNY0409",
            Self::Import { .. } => "HNY0410",
            Self::Load(_) => "HNY0411",
            Self::Cpu(_) => "HNY0412",
            Self::Memory(_) => "HNY0413",
            Self::Timeout(_) => "HNY0414",
            Self::Trap(_) => "HNY0415",
            Self::Malformed(_) => "HNY0416",
            Self::TooLarge { .. } => "HNY0417",
            Self::Settings(_) => "HNY0418",
            Self::Lock(_) => "HNY0419",
            Self::Unsupported(_) => "HNY0420",
            Self::Canceled => "HNY0421",
            Self::UnknownKind { .. } => "HNY0422",
        }
    }

    fn class(&self) -> FaultClass {
        match self {
            Self::Timeout(_) => FaultClass::Timeout,
            Self::Canceled => FaultClass::Canceled,
            Self::Unsupported(_) => FaultClass::Unsupported,
            Self::Malformed(_) | Self::TooLarge { .. } => FaultClass::Malformed,
            Self::Cpu(_) | Self::Memory(_) | Self::Trap(_) => FaultClass::Internal,
            Self::NotGranted(_) | Self::Import { .. } => FaultClass::Forbidden,
            _ => FaultClass::Invalid,
        }
    }

    fn help(&self) -> String {
        let code = self.code();
        match self {
            Self::NotComponent(_) | Self::NoStamp => {
                format!("Build it with `honey plugin build`; `honey explain {code}` says more.")
            }
            Self::Digest { .. } => {
                format!("If the change is wanted, run `honey plugin lock`; `honey explain {code}` says more.")
            }
            _ => format!("`honey explain {code}` says what to do."),
        }
    }

    /// The problem of a named plugin.
    pub fn of(self, plugin: impl Into<String>) -> PluginError {
        PluginError { plugin: plugin.into(), problem: self, detail: None }
    }
}

impl From<PluginError> for Fault {
    fn from(error: PluginError) -> Self {
        let (code, class, help) = (error.problem.code(), error.problem.class(), error.problem.help());
        Self::new(class, code, error.to_string()).with_help(help)
    }
}
