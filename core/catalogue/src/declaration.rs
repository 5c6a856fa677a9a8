//! What a `catalogue.toml` may say.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A `catalogue.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Declaration {
    /// Name of the stack.
    pub name: String,
    /// What it is.
    #[serde(default)]
    pub description: String,
    /// What it can be told, by name.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// Secrets that its objects refer to; the configuration makes them.
    #[serde(default)]
    pub secrets: Vec<ExpectedSecret>,
    /// In the order in which they are applied.
    pub phases: Vec<Phase>,
}

/// Something a catalogue can be told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameter {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ParameterType,
    /// What it means.
    pub description: String,
    /// Taken when nothing is given; without one the parameter is required.
    #[serde(default)]
    pub default: Option<Value>,
    /// For integers: the least value.
    #[serde(default)]
    pub minimum: Option<i64>,
    /// For integers: the greatest value.
    #[serde(default)]
    pub maximum: Option<i64>,
    /// For strings and lists of strings: the values that may be given; empty for any.
    #[serde(default)]
    pub choices: Vec<String>,
    /// For maps: keys that have to be there.
    #[serde(default)]
    pub keys: Vec<String>,
}

/// Types of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParameterType {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A list of texts.
    List,
    /// Texts by name.
    Map,
}

/// A secret that objects of the catalogue refer to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectedSecret {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Keys without which something does not start.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Whether the stack comes up without it.
    #[serde(default)]
    pub optional: bool,
}

/// A step of the order.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// Templates, relative to the catalogue, in order.
    #[serde(default)]
    pub files: Vec<String>,
    /// Whether everything of this phase has to be ready before the next begins.
    #[serde(default)]
    pub gate: bool,
    /// Whether the configuration's secrets are made in this phase.
    #[serde(default)]
    pub secrets: bool,
}
