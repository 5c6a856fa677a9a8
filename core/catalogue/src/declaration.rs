//! What a `catalogue.toml` may say.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
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
    /// Its files, in order.
    #[serde(default)]
    pub files: Vec<PhaseFile>,
    /// Whether its files are templates; each file may say otherwise.
    #[serde(default = "yes")]
    pub template: bool,
    /// Whether everything of this phase has to be ready before the next begins.
    #[serde(default)]
    pub gate: bool,
    /// Whether the configuration's secrets are made in this phase.
    #[serde(default)]
    pub secrets: bool,
}

fn yes() -> bool {
    true
}

impl Phase {
    /// Whether a file of this phase is a template, or taken as it is.
    pub fn is_template(&self, file: &PhaseFile) -> bool {
        file.template.unwrap_or(self.template)
    }
}

/// A file of a phase: `"x.yaml"`, or `{ path = "x.yaml", template = false }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseFile {
    /// Relative to the catalogue.
    pub path: String,
    /// Whether it is a template; the phase says so where it does not.
    pub template: Option<bool>,
}

impl<'de> Deserialize<'de> for PhaseFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PhaseFileVisitor)
    }
}

/// By hand, so that a wrong key is named: an untagged enum would only say that nothing fits.
struct PhaseFileVisitor;

impl<'de> Visitor<'de> for PhaseFileVisitor {
    type Value = PhaseFile;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a path, or { path = \"…\", template = false }")
    }

    fn visit_str<E>(self, path: &str) -> Result<PhaseFile, E> {
        Ok(PhaseFile { path: path.to_owned(), template: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PhaseFile, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            path: String,
            template: Option<bool>,
        }
        let Table { path, template } = Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(PhaseFile { path, template })
    }
}
