//! The port through which every kind of resource is seen and changed.

use async_trait::async_trait;
use honey_model::{Diagnostic, Fault, Found, KindSchema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::CallContext;

/// A desired value in the kind's normal form.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// Normalised, defaults filled in; comparable with observed attributes.
    pub desired: Value,
    /// Findings. An error among them stops planning.
    pub diagnostics: Vec<Diagnostic>,
}

/// Which object to look at.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    /// The kind.
    pub kind: &'a str,
    /// The recorded id, where there is a record.
    pub id: Option<&'a str>,
    /// The desired value, unknown places `null`; none for what is only in state.
    pub desired: Option<&'a Value>,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApplyAction {
    /// Make it, unless one with our marks exists already.
    Create,
    /// Put our marks on an existing one and bring it to the desired value.
    Adopt,
    /// Bring it to the desired value in place.
    Update,
    /// Delete, then make anew.
    Replace,
    /// Delete; gone already counts as done.
    Delete,
}

/// One change.
#[derive(Clone, Debug)]
pub struct ApplyRequest<'a> {
    /// The kind.
    pub kind: &'a str,
    /// What to do.
    pub action: ApplyAction,
    /// The id, always there for update, replace and delete.
    pub id: Option<&'a str>,
    /// Attributes the plan was made from.
    pub prior: Option<&'a Value>,
    /// Fully resolved; none for delete.
    pub desired: Option<&'a Value>,
    /// The operation's last checkpoint, after a crash.
    pub resume: Option<&'a Value>,
}

/// What an apply left behind: the object, or nothing after a delete.
pub type Applied = Option<Found>;

/// Sees and changes resources of some kinds. Every call is idempotent; none
/// may be repeated by the caller unless its fault is retriable.
#[async_trait]
pub trait Driver: Send + Sync {
    /// Static schemas of the kinds it knows.
    fn schemas(&self) -> &[KindSchema];

    /// Normalises a desired value. Pure: no vendor call.
    async fn check(&self, kind: &str, desired: &Value) -> Result<Checked, Fault>;

    /// Looks. Changes nothing. `None` when there is no such object.
    async fn read(&self, context: &CallContext, target: Target<'_>) -> Result<Option<Found>, Fault>;

    /// Changes.
    async fn apply(&self, context: &CallContext, request: ApplyRequest<'_>) -> Result<Applied, Fault>;

    /// Recorded attributes of an older schema version in today's shape.
    async fn upgrade(&self, kind: &str, from: u32, attributes: &Value) -> Result<Value, Fault> {
        let _ = (kind, from);
        Ok(attributes.clone())
    }
}
