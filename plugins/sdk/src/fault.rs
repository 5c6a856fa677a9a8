//! Building faults.

use crate::{Diagnostic, Fault, Severity, VendorError};

impl Fault {
    /// A fault with class, code and message. Classes: see the WIT.
    pub fn new(class: &str, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            class: class.to_owned(),
            code: code.into(),
            message: message.into(),
            help: None,
            retry_after_ms: None,
            vendor: None,
            diagnostics: Vec::new(),
        }
    }

    /// The request itself is wrong.
    pub fn invalid(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new("invalid", code, message)
    }

    /// No such object.
    pub fn not_found(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new("not-found", code, message)
    }

    /// The object is in another state, or another's.
    pub fn conflict(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new("conflict", code, message)
    }

    /// The vendor cannot do this.
    pub fn unsupported(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new("unsupported", code, message)
    }

    /// The answer could not be understood.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new("malformed", "plugin::malformed-answer", message)
    }

    /// Time ran out.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new("timeout", "plugin::timeout", message)
    }

    /// A defect of the plugin.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new("internal", "plugin::internal", message)
    }

    /// The operator asked to stop.
    pub fn canceled() -> Self {
        Self::new("canceled", "plugin::canceled", "the operator asked to stop")
    }

    /// Adds what the operator can do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what the vendor itself said.
    #[must_use]
    pub fn with_vendor(mut self, vendor: VendorError) -> Self {
        self.vendor = Some(vendor);
        self
    }

    /// Whether it is of this class.
    pub fn is(&self, class: &str) -> bool {
        self.class == class
    }

    /// The vendor's own code, empty where there is none.
    pub fn vendor_code(&self) -> &str {
        self.vendor.as_ref().map_or("", |vendor| vendor.code.as_str())
    }
}

impl Diagnostic {
    /// An error at a JSON pointer of the desired value.
    pub fn error(code: impl Into<String>, path: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code: code.into(),
            summary: summary.into(),
            help: None,
            path: path.into(),
        }
    }

    /// A warning at a JSON pointer of the desired value.
    pub fn warning(code: impl Into<String>, path: impl Into<String>, summary: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, path, summary) }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// An answer that has not the shape it should have.
impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::malformed(format!("unexpected JSON: {error}"))
    }
}
