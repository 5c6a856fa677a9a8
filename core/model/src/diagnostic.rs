//! Something a person should read, as data.

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing can be done until it is mended.
    Error,
    /// Honey goes on; the operator should know.
    Warning,
    /// For information.
    Note,
}

/// A place in a text file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file as the operator named it.
    pub file: String,
    /// Byte offset in the file.
    pub offset: usize,
    /// Length in bytes, at least 1.
    pub length: usize,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// One finding. `code` is stable and has a page (`honey explain CODE`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// `HNY0101`, or a plugin's namespaced code.
    pub code: String,
    /// What failed, one sentence without a period.
    pub summary: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The configuration path it is about: `instances.ovh.services`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Where that path stands in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

impl Diagnostic {
    /// An error.
    pub fn error(code: impl Into<String>, summary: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, summary)
    }

    /// A warning.
    pub fn warning(code: impl Into<String>, summary: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, summary)
    }

    /// With any severity.
    pub fn new(severity: Severity, code: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            severity,
            code: code.into(),
            summary: summary.into(),
            help: None,
            path: String::new(),
            source: None,
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says which configuration path it is about.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }
}
