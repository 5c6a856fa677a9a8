//! What the planner must know of a kind to compare values of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How one top-level field of a kind behaves. Everything defaults to the
/// plain case: comparable, updatable in place, ordered, shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Field {
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// A change means a new object; the text says why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub immutable: Option<String>,
    /// Used to make the object and never compared afterwards (the vendor does not tell it back).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub create_only: bool,
    /// An array whose order means nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unordered: bool,
    /// Masked wherever it is shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
    /// Where configuration says nothing, the vendor's value stands: no drift.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub vendor_default: bool,
    /// What is found is all there is of it: what is found and not wanted goes, what is wanted and not
    /// found comes, and the record of the last apply answers for nothing. For drivers that compare
    /// secrets by themselves and for objects whose other managers' parts are left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
}

/// A kind of resource. Static: read from the plugin's artifact without running it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KindSchema {
    /// `machine`
    pub kind: String,
    /// Raised when recorded attributes need [`lifecycle.upgrade`] of the WIT.
    pub version: u32,
    /// For people, one sentence.
    #[serde(default)]
    pub description: String,
    /// Behaviour of the fields that are not plain.
    #[serde(default)]
    pub fields: BTreeMap<String, Field>,
    /// JSON Schema of the desired value.
    #[serde(default)]
    pub desired: Value,
    /// JSON Schema of the outputs.
    #[serde(default)]
    pub outputs: Value,
    /// Deleting loses data that nothing else has.
    #[serde(default)]
    pub holds_data: bool,
}

impl KindSchema {
    /// Behaviour of a field.
    pub fn field(&self, name: &str) -> Field {
        self.fields.get(name).cloned().unwrap_or_default()
    }
}
