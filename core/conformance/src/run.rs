//! A whole run: the artifact, then kind by kind.

use std::{path::PathBuf, sync::Arc, time::Instant};

use honey_model::Fault;
use honey_plugin_host::Artifact;
use serde_json::Value;

use crate::{
    Law, Report, Setup, SetupError,
    death::Death,
    gate::{Behind, Gate},
    laws,
    report::Book,
    rest::Rest,
    trial::Trial,
};

/// What is put to the test.
pub struct Subject {
    /// The artifact.
    pub artifact: Vec<u8>,
    /// Its conformance.toml.
    pub setup: Setup,
    /// Only these laws; all where none is named.
    pub laws: Vec<Law>,
    /// Where compiled plugins are kept between runs.
    pub cache: Option<PathBuf>,
}

/// Puts a plugin to the test. A fault is one of the kit: its vendor did not
/// start, or the artifact does not even describe itself. `tell` hears what is
/// looked at.
pub async fn run(subject: Subject, tell: &(dyn Fn(&str) + Sync)) -> Result<Report, Fault> {
    let began = Instant::now();
    let wrong = |why: String| Fault::new(honey_model::FaultClass::Invalid, "HNY0488", why);
    let artifact =
        Artifact::read(&subject.artifact).map_err(|error| wrong(format!("this is no plugin: {error}")))?;
    for example in &subject.setup.examples {
        if !artifact.kinds.iter().any(|kind| kind.kind == example.kind) {
            return Err(wrong(format!(
                "conformance.toml has an example of `{}`, which the plugin does not know",
                example.kind
            )));
        }
    }
    for name in &subject.setup.without {
        let secret = artifact.manifest.secrets.get(name);
        if secret.is_none_or(|secret| secret.required) {
            return Err(wrong(format!(
                "conformance.toml goes without the secret `{name}`, which is none that plugin.toml calls optional"
            )));
        }
    }
    let (plugin, version) = (artifact.manifest.id.clone(), artifact.manifest.version.clone());
    let kinds: Vec<_> = artifact.kinds.clone();
    let bytes: Arc<[u8]> = subject.artifact.into();
    let size = bytes.len();
    // Every call is a process of its own: without a cache each would compile anew.
    let own = if subject.cache.is_none() { tempfile::tempdir().ok() } else { None };
    let cache = subject.cache.or_else(|| own.as_ref().map(|folder| folder.path().join("plugins")));
    let mut trial = Trial::new(bytes, artifact, subject.setup, cache).await?;
    let mut book = Book::of(&subject.laws);
    let mut tried = Vec::new();
    if laws::artifact::loads(&trial, &mut book).await {
        for schema in kinds {
            let Some(example) = trial.setup.example(&schema.kind).cloned() else {
                for law in Law::ALL.iter().filter(|law| laws::about_kinds(**law)) {
                    book.skip(*law, &schema.kind, "conformance.toml has no example of it");
                }
                continue;
            };
            tell(&schema.kind);
            tried.push(schema.kind.clone());
            laws::kind(&mut trial, &mut book, schema, example).await?;
        }
        laws::artifact::reached_nothing_else(&trial, &mut book);
    }
    Ok(Report {
        plugin,
        version,
        bytes: size,
        kinds: tried,
        laws: book.rows(),
        requests: trial.requests(),
        seconds: began.elapsed().as_secs_f64(),
    })
}

/// A stand-in vendor that is served for people and tests.
pub struct StandIn(Gate);

impl StandIn {
    /// `http://127.0.0.1:port`
    pub fn origin(&self) -> &str {
        self.0.origin()
    }

    /// Number of objects by collection.
    pub fn census(&self) -> std::collections::BTreeMap<String, usize> {
        self.0.rest().map(Rest::census).unwrap_or_default()
    }
}

/// Serves the vendor that a conformance.toml describes, letting in who sends `token`.
pub async fn serve(setup: &Setup, admitted: Option<String>, port: u16) -> Result<StandIn, SetupError> {
    let vendor = setup.vendor.clone();
    if vendor.lab.is_some() {
        let why = "this vendor is one of the lab's: `honey lab up` serves it".to_owned();
        return Err(SetupError::Wrong(why));
    }
    let error = vendor.error.clone();
    let behind = move |_: &str| Behind::Rest(Box::new(Rest::new(vendor, admitted)));
    Gate::open_at(port, behind, error, Arc::new(Death::default()))
        .await
        .map(StandIn)
        .map_err(|error| SetupError::Wrong(format!("port {port}: {error}")))
}

/// A value for people, short.
pub(crate) fn short(value: &Value) -> String {
    honey_model::text::visible(&value.to_string(), 200)
}
