//! What a plugin author writes for each kind of resource: one type, one file.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Context, Diagnostic, Fault, Ownership, Plugin, Schema};

/// An object as found at the vendor.
pub struct State<K: Kind> {
    /// What the vendor calls it.
    pub id: String,
    /// In the shape of what is desired.
    pub attributes: K::Desired,
    /// What others may refer to.
    pub outputs: K::Outputs,
    /// Whose it is.
    pub ownership: Ownership,
}

/// How far a change has come.
pub enum Outcome<T> {
    /// Finished.
    Done(T),
    /// The host calls again, with `progress` as `resume`.
    Pending {
        /// What is needed to go on.
        progress: Value,
        /// When.
        after_ms: u32,
        /// What is being waited for.
        note: String,
    },
}

impl<K: Kind> From<State<K>> for Outcome<State<K>> {
    fn from(state: State<K>) -> Self {
        Self::Done(state)
    }
}

/// Findings of a check.
#[derive(Default)]
pub struct Findings {
    pub(crate) list: Vec<Diagnostic>,
    pub(crate) unknown: Vec<String>,
}

impl Findings {
    /// Adds one.
    pub fn push(&mut self, finding: Diagnostic) {
        self.list.push(finding);
    }

    /// Whether a top-level field has no known value yet, so that nothing can be
    /// said about it.
    pub fn is_unknown(&self, field: &str) -> bool {
        self.unknown.iter().any(|name| name == field)
    }

    /// Adds an error at a field: `field` is a JSON pointer, e.g. `/name`.
    pub fn error(&mut self, code: &str, field: &str, summary: impl Into<String>) {
        self.list.push(Diagnostic::error(code, field, summary));
    }
}

/// A kind of resource. `Desired` is read with every field optional
/// (`#[serde(default)]` on the struct): in a plan, values may be unknown yet,
/// and are then missing. Before a change all required fields are there.
pub trait Kind: Sized + 'static {
    /// Whose kind it is.
    type Plugin: Plugin;
    /// What an operator may ask for. Options that are `None` are left out.
    type Desired: Serialize + DeserializeOwned + Default;
    /// What others may refer to.
    type Outputs: Serialize;

    /// `machine`
    const NAME: &'static str;

    /// Fields and their behaviour.
    fn schema() -> Schema;

    /// Pure. Brings a value to its normal form and fills defaults in. Fields
    /// that are unknown yet have their default here and are left out of the answer.
    fn check(_plugin: &Self::Plugin, _desired: &mut Self::Desired, _findings: &mut Findings) {}

    /// Pure. Attributes recorded under an older version of the schema.
    fn upgrade(_from: u32, attributes: Value) -> Result<Value, Fault> {
        Ok(attributes)
    }

    /// Whether what is wanted is there already and named by the operator, so that
    /// a replacement takes it over instead of making one.
    fn names_existing(_desired: &Self::Desired) -> bool {
        false
    }

    /// By id where given, else by this operation's marks, else by natural
    /// name. `None` when there is no such object. Changes nothing.
    fn read(
        plugin: &Self::Plugin,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Self::Desired>,
    ) -> Result<Option<State<Self>>, Fault>;

    /// Makes one. When this is called, no object of ours exists, as far as
    /// [`Kind::read`] can tell; `resume` is the last checkpoint, after a crash
    /// or a pending answer, and then nobody has looked.
    fn create(
        plugin: &Self::Plugin,
        ctx: Context,
        desired: &Self::Desired,
        resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault>;

    /// Brings the object to the desired value in place. The default fits kinds
    /// of which every field is immutable.
    fn update(
        plugin: &Self::Plugin,
        ctx: Context,
        id: &str,
        desired: &Self::Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        Self::read(plugin, ctx, Some(id), Some(desired))?
            .map(Into::into)
            .ok_or_else(|| crate::gone(Self::NAME, id))
    }

    /// Puts our marks on an existing object and brings it to the desired
    /// value. `found` is not ours yet, or already. The default only updates.
    fn adopt(
        plugin: &Self::Plugin,
        ctx: Context,
        found: State<Self>,
        desired: &Self::Desired,
        resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        Self::update(plugin, ctx, &found.id, desired, resume)
    }

    /// Deletes. Gone already is done.
    fn delete(
        plugin: &Self::Plugin,
        ctx: Context,
        id: &str,
        resume: Option<Value>,
    ) -> Result<Outcome<()>, Fault>;
}

/// `Pending` with everything in place.
pub fn pending<T>(progress: &impl Serialize, after_ms: u32, note: impl Into<String>) -> Outcome<T> {
    Outcome::Pending { progress: crate::tree::of(progress), after_ms, note: note.into() }
}
