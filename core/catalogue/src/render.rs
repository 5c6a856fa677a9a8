//! The whole catalogue to objects, in the order in which they are applied.

use std::collections::BTreeMap;

use honey_model::Diagnostic;
use serde_json::Value;

use crate::{Catalogue, DUPLICATE, manifest, parameters, template};

/// An object and where it comes in the order.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderedObject {
    /// Name of its phase.
    pub phase: String,
    /// Position of its phase, from 0.
    pub phase_order: usize,
    /// Position among all objects, from 0.
    pub order: usize,
    /// Whether the next phase waits until this object is ready.
    pub gate: bool,
    /// The file it comes from, relative to the catalogue.
    pub file: String,
    /// The line of the file where it begins, from 1; none where the template does not tell.
    pub line: Option<usize>,
    /// The object.
    pub object: Value,
}

impl RenderedObject {
    /// `apiVersion`, kind, namespace (empty for none) and name.
    pub fn identity(&self) -> (&str, &str, &str, &str) {
        let text = |pointer: &str| self.object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        (text("/apiVersion"), text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
    }

    /// Where it is written: `api.yaml:12`, or the file alone.
    pub fn place(&self) -> String {
        match self.line {
            Some(line) => format!("{}:{line}", self.file),
            None => self.file.clone(),
        }
    }
}

impl Catalogue {
    /// Every object for these parameters, in order; everything that is wrong at once.
    pub fn render(&self, given: &BTreeMap<String, Value>) -> Result<Vec<RenderedObject>, Vec<Diagnostic>> {
        let values = parameters::resolve(self.declaration(), given)?;
        let environment = template::environment();
        let mut objects: Vec<RenderedObject> = Vec::new();
        let mut wrong = Vec::new();
        let mut seen: BTreeMap<(String, String, String, String), String> = BTreeMap::new();
        for (phase_order, phase) in self.declaration().phases.iter().enumerate() {
            for file in &phase.files {
                let shown = self.shown(&file.path);
                let text = self.text(&file.path);
                let rendered = if phase.is_template(file) {
                    template::render(&environment, &shown, text, &values)
                } else {
                    Ok(text.to_owned())
                };
                let rendered = match rendered {
                    Ok(rendered) => rendered,
                    Err(diagnostic) => {
                        wrong.push(diagnostic);
                        continue;
                    }
                };
                for manifest in manifest::read(&shown, text, &rendered) {
                    let manifest = match manifest {
                        Ok(manifest) => manifest,
                        Err(diagnostic) => {
                            wrong.push(diagnostic);
                            continue;
                        }
                    };
                    let rendered = RenderedObject {
                        phase: phase.name.clone(),
                        phase_order,
                        order: objects.len(),
                        gate: phase.gate,
                        file: file.path.clone(),
                        line: manifest.line,
                        object: manifest.object,
                    };
                    let (api_version, kind, namespace, name) = rendered.identity();
                    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
                    let key = (group.to_owned(), kind.to_owned(), namespace.to_owned(), name.to_owned());
                    let place = rendered.place();
                    if let Some(first) = seen.insert(key, place.clone()) {
                        let summary = format!("{kind} {namespace}/{name} stands in {first} and in {place}");
                        wrong.push(Diagnostic::error(DUPLICATE, summary));
                    }
                    objects.push(rendered);
                }
            }
        }
        if wrong.is_empty() { Ok(objects) } else { Err(wrong) }
    }
}
