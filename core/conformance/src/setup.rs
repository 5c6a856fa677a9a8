//! conformance.toml: what the kit must know to put a plugin to the test. It
//! stands beside plugin.toml and is written by the plugin's author.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::rest::{Collection, Route};

/// Its name.
pub const FILE: &str = "conformance.toml";

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Not there or not readable.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
    /// Something in it is wrong.
    #[error("{0}")]
    Wrong(String),
}

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Setup {
    /// The plugin's settings; `${vendor}` is the stand-in's origin.
    pub settings: Value,
    /// Values of secrets; one that is not named gets a random canary.
    pub secrets: BTreeMap<String, String>,
    /// Optional secrets that the plugin is not given: of two ways to log in, the other one's.
    pub without: Vec<String>,
    /// What `ssh-facts` answers, for plugins that ask for it.
    pub facts: Value,
    /// Whom the plugin talks to.
    pub vendor: Vendor,
    /// One example for each kind.
    #[serde(rename = "kind")]
    pub examples: Vec<Example>,
}

/// Whom the plugin talks to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Vendor {
    /// A vendor that honey's own lab simulates, by its name there.
    pub lab: Option<String>,
    /// What every path begins with, e.g. `/v2`.
    pub base: String,
    /// Who is let in.
    pub authorization: Option<Authorization>,
    /// How a refusal reads.
    pub error: Refusal,
    /// Collections of objects, by name.
    pub collections: BTreeMap<String, Collection>,
    /// Everything that is not create, list, get, update or delete.
    #[serde(rename = "route")]
    pub routes: Vec<Route>,
}

/// The header that lets a request in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Authorization {
    /// Its name.
    pub header: String,
    /// Its value; `${secret.NAME}` is a secret of the manifest.
    pub value: String,
}

/// How a refusal reads.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Refusal {
    /// The body, with `${code}`, `${message}` and `${status}`.
    pub body: Value,
    /// The vendor's code of a status: text or number.
    pub codes: BTreeMap<String, Value>,
}

impl Refusal {
    /// The vendor's code of a status, where it has codes.
    pub(crate) fn code(&self, status: u16) -> Option<Value> {
        let used = self.body.to_string().contains("${code}");
        let named = self.codes.get(&status.to_string()).cloned();
        used.then(|| named.unwrap_or_else(|| json!(format!("refused_{status}"))))
    }

    /// The body of a refusal.
    pub(crate) fn body(&self, status: u16, message: &str) -> Value {
        let scope = json!({ "code": self.code(status), "message": message, "status": status });
        crate::template::fill(&self.body, &scope)
    }
}

/// One kind as the kit makes, changes and deletes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Example {
    /// The kind's name.
    #[serde(rename = "name")]
    pub kind: String,
    /// A desired value; `${KIND.OUTPUT}` is an output of another example.
    pub desired: Value,
    /// What an update changes: laid over `desired`. None: it has no update.
    #[serde(default)]
    pub update: Option<Value>,
    /// How many objects one create makes at the vendor, by collection, where
    /// not one of each.
    #[serde(default)]
    pub makes: BTreeMap<String, usize>,
    /// The object is there before honey is: honey adopts it and leaves it standing.
    #[serde(default)]
    pub exists: bool,
    /// Requests by which a person makes such an object without honey.
    #[serde(default)]
    pub by_hand: Vec<ByHand>,
    /// Laws that do not apply, each with the reason.
    #[serde(default)]
    pub except: BTreeMap<String, String>,
}

/// A request of a person.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ByHand {
    /// `POST /droplets`
    pub on: String,
    /// Its body.
    #[serde(default)]
    pub body: Value,
}

impl Setup {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, SetupError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| SetupError::File { path: path.display().to_string(), why: error.to_string() })?;
        Self::parse(&text)
            .map_err(|error| SetupError::File { path: path.display().to_string(), why: error.to_string() })
    }

    /// Reads a text.
    pub fn parse(text: &str) -> Result<Self, SetupError> {
        let setup: Self = toml::from_str(text)
            .map_err(|error| SetupError::Wrong(error.to_string().trim_end().to_owned()))?;
        for (at, example) in setup.examples.iter().enumerate() {
            if setup.examples[..at].iter().any(|earlier| earlier.kind == example.kind) {
                return Err(SetupError::Wrong(format!("the kind `{}` has two examples", example.kind)));
            }
            if let Some(law) = example.except.keys().find(|law| crate::Law::parse(law).is_none()) {
                return Err(SetupError::Wrong(format!("`except` of `{}`: no law `{law}`", example.kind)));
            }
        }
        for route in &setup.vendor.routes {
            route.check(&setup.vendor.collections).map_err(SetupError::Wrong)?;
        }
        Ok(setup)
    }

    /// The example of a kind.
    pub(crate) fn example(&self, kind: &str) -> Option<&Example> {
        self.examples.iter().find(|example| example.kind == kind)
    }
}
