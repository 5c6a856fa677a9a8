//! Templates to objects, strictly: an unknown name is an error, not nothing.

use std::collections::{BTreeMap, BTreeSet};

use honey_model::{Diagnostic, Source, text::visible};
use minijinja::{Environment, UndefinedBehavior};
use serde::Deserialize;
use serde_json::Value;

use crate::{BAD_TEMPLATE, BAD_YAML, Catalogue, DUPLICATE, NOT_AN_OBJECT, load::place, parameters};

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
    /// The template it comes from.
    pub file: String,
    /// The object.
    pub object: Value,
}

impl RenderedObject {
    /// `apiVersion`, kind, namespace (empty for none) and name.
    pub fn identity(&self) -> (&str, &str, &str, &str) {
        let text = |pointer: &str| self.object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        (text("/apiVersion"), text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
    }
}

impl Catalogue {
    /// Every object for these parameters, in order; everything that is wrong at once.
    pub fn render(&self, given: &BTreeMap<String, Value>) -> Result<Vec<RenderedObject>, Vec<Diagnostic>> {
        let values = parameters::resolve(self.declaration(), given)?;
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.add_filter("yaml", yaml);
        environment.add_filter("name_part", name_part);
        let mut objects: Vec<RenderedObject> = Vec::new();
        let mut wrong = Vec::new();
        let mut seen: BTreeMap<(String, String, String, String), String> = BTreeMap::new();
        for (phase_order, phase) in self.declaration().phases.iter().enumerate() {
            for file in &phase.files {
                let rendered = match environment
                    .template_from_named_str(file, self.text(file))
                    .and_then(|template| template.render(&values))
                {
                    Ok(rendered) => rendered,
                    Err(error) => {
                        wrong.push(template_error(file, self.text(file), &error));
                        continue;
                    }
                };
                for document in documents(file, &rendered) {
                    let object = match document {
                        Ok(object) => object,
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
                        file: file.clone(),
                        object,
                    };
                    let (api_version, kind, namespace, name) = rendered.identity();
                    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
                    let key = (group.to_owned(), kind.to_owned(), namespace.to_owned(), name.to_owned());
                    if let Some(first) = seen.insert(key, file.clone()) {
                        let summary = format!("{kind} {namespace}/{name} stands in {first} and in {file}");
                        wrong.push(Diagnostic::error(DUPLICATE, summary));
                    }
                    objects.push(rendered);
                }
            }
        }
        if wrong.is_empty() { Ok(objects) } else { Err(wrong) }
    }
}

/// Any value as YAML that stands on one line: JSON is YAML.
fn yaml(value: minijinja::Value) -> Result<String, minijinja::Error> {
    serde_json::to_string(&value)
        .map_err(|error| minijinja::Error::new(minijinja::ErrorKind::BadSerialization, error.to_string()))
}

/// A short text for an object's name from an image: the start of its digest,
/// or of the tag's own digest where the image is not pinned.
fn name_part(image: &str) -> String {
    let reference = honey_model::ImageReference::parse(image).ok();
    match reference.as_ref().and_then(|reference| reference.digest_hex()) {
        Some(digits) => digits.chars().take(12).collect(),
        None => honey_model::Digest::of_bytes(image.as_bytes()).short().to_owned(),
    }
}

fn template_error(file: &str, text: &str, error: &minijinja::Error) -> Diagnostic {
    let summary = match error.detail() {
        Some(detail) => format!("{file}: {}: {detail}", error.kind()),
        None => format!("{file}: {}", error.kind()),
    };
    let mut diagnostic = Diagnostic::error(BAD_TEMPLATE, visible(&summary, 400));
    if let Some(number) = error.line() {
        let start: usize = text.split_inclusive('\n').take(number.saturating_sub(1)).map(str::len).sum();
        let line = text[start..].lines().next().unwrap_or_default();
        let indent = line.len() - line.trim_start().len();
        diagnostic.source = Some(place(file, text, start + indent, line.trim().len().max(1)));
        diagnostic.summary.push_str(&format!(" in line {number}: `{}`", visible(line.trim(), 100)));
    }
    diagnostic
}

/// The documents of a rendered file, empty ones left out.
fn documents(file: &str, rendered: &str) -> Vec<Result<Value, Diagnostic>> {
    let mut found = Vec::new();
    for document in serde_norway::Deserializer::from_str(rendered) {
        match Value::deserialize(document) {
            Ok(Value::Null) => {}
            Ok(object) => found.push(whole(file, object)),
            Err(error) => {
                let summary = format!("{file}: {}", visible(&error.to_string(), 300));
                let mut diagnostic = Diagnostic::error(BAD_YAML, summary);
                if let Some(location) = error.location() {
                    diagnostic.source = Some(Source {
                        file: file.to_owned(),
                        offset: location.index(),
                        length: 1,
                        line: location.line(),
                        column: location.column(),
                    });
                }
                found.push(Err(diagnostic));
                // The rest of a broken stream means nothing.
                break;
            }
        }
    }
    found
}

fn whole(file: &str, object: Value) -> Result<Value, Diagnostic> {
    let missing: BTreeSet<&str> =
        [("/apiVersion", "apiVersion"), ("/kind", "kind"), ("/metadata/name", "metadata.name")]
            .into_iter()
            .filter(|(pointer, _)| object.pointer(pointer).and_then(Value::as_str).is_none_or(str::is_empty))
            .map(|(_, name)| name)
            .collect();
    if missing.is_empty() {
        return Ok(object);
    }
    let missing: Vec<&str> = missing.into_iter().collect();
    Err(Diagnostic::error(NOT_AN_OBJECT, format!("{file}: a document lacks {}", missing.join(", "))))
}
