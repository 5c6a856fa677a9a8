//! What of a configuration can be read although parts of it cannot: the values
//! that rules are applied to when keys or types are wrong.
//!
//! A misspelt key counts as the one it was meant to be, a wrong value as the
//! default, a missing one as an empty one. Names stay, so that what refers to
//! them is no second mistake. Each such part is remembered: what a rule finds
//! there, or concludes from it, is only a consequence.

use figment::value::{Dict, Num, Tag, Value};
use serde_json::Value as Json;

use crate::{
    document::Focus,
    path::{self, Path, Step},
    shape::{self, Finding},
};

/// A configuration of the right shape, and what had to be made up for it.
#[derive(Default)]
pub(crate) struct Readable {
    /// Of the right shape.
    pub(crate) value: Option<Value>,
    /// Settings whose values are not the operator's, in the names of `value`.
    made_up: Vec<Path>,
    /// Keys that stand in the file under another name: the path in `value`, the name in the file.
    misspelt: Vec<(Path, String)>,
}

impl Readable {
    /// Makes values fit the schema.
    pub(crate) fn of(value: &Value, schema: &'static Json) -> Self {
        let mut readable = Self::default();
        readable.value = readable.fit(value, schema, &Path::new());
        readable
    }

    /// Whether a rule's finding says something that the findings about the shape do not.
    pub(crate) fn is_own(&self, finding: &Finding) -> bool {
        let covers = |made_up: &Path, path: &Path| path.starts_with(made_up);
        let consequence = |made_up: &Path| {
            let about_it = covers(made_up, &finding.path)
                // A name is wrong whatever stands behind it.
                && (finding.focus == Focus::Value || finding.needs_inside || made_up.len() < finding.path.len());
            about_it
                || finding.needs.iter().any(|need| covers(made_up, need))
                || finding.needs_inside && covers(&finding.path, made_up)
        };
        !self.made_up.iter().any(consequence)
    }

    /// The finding with its path as it stands in the file.
    pub(crate) fn as_written(&self, mut finding: Finding) -> Finding {
        if self.misspelt.is_empty() {
            return finding;
        }
        let written = |length: usize, step: &Step| {
            let here = &finding.path[..=length];
            let other = self.misspelt.iter().find(|(path, _)| path.as_slice() == here);
            other.map_or_else(|| step.clone(), |(_, name)| Step::Key(name.clone()))
        };
        finding.path = finding.path.iter().enumerate().map(|(index, step)| written(index, step)).collect();
        finding.diagnostic.path = path::render(&finding.path);
        finding
    }

    /// The value where it fits, else a part of it that does; none where nothing does.
    fn fit(&mut self, value: &Value, schema: &'static Json, at: &Path) -> Option<Value> {
        let schema = shape::resolve(schema);
        match (shape::type_of(schema), value) {
            (Some("object"), Value::Dict(tag, entries)) => {
                Some(Value::Dict(*tag, self.fit_table(entries, schema, at)))
            }
            (Some("array"), Value::Array(tag, items)) => {
                let items = items.iter().enumerate().map(|(index, item)| match schema.get("items") {
                    Some(inner) => {
                        let here = path::at(at, index);
                        self.fit(item, inner, &here).unwrap_or_else(|| self.stand_in(inner, &here))
                    }
                    None => item.clone(),
                });
                Some(Value::Array(*tag, items.collect()))
            }
            _ => {
                let mut findings = Vec::new();
                shape::check(value, schema, at, false, &mut findings);
                findings.is_empty().then(|| value.clone())
            }
        }
    }

    fn fit_table(&mut self, entries: &Dict, schema: &'static Json, at: &Path) -> Dict {
        let required = |key: &str| {
            let names = schema.get("required").and_then(Json::as_array).into_iter().flatten();
            names.filter_map(Json::as_str).any(|name| name == key)
        };
        let mut fitting = Dict::new();
        for (written, inner) in entries {
            let known = shape::entry(schema, written).map(|_| written.as_str());
            let Some(key) = known.or_else(|| shape::meant(written, entries, schema)) else {
                self.made_up.push(path::join(at, written));
                continue;
            };
            let Some(wanted) = shape::entry(schema, key) else { continue };
            let here = path::join(at, key);
            if known.is_none() {
                self.misspelt.push((here.clone(), written.clone()));
            }
            // Free names stay, so that references to them are no mistakes.
            let named = schema.pointer(&format!("/properties/{key}")).is_some();
            match self.fit(inner, wanted, &here) {
                Some(value) => {
                    fitting.insert(key.to_owned(), value);
                }
                None if named && !required(key) => self.made_up.push(here),
                None => {
                    let value = self.stand_in(wanted, &here);
                    fitting.insert(key.to_owned(), value);
                }
            }
        }
        let names = schema.get("required").and_then(Json::as_array).into_iter().flatten();
        for key in names.filter_map(Json::as_str) {
            if let (false, Some(wanted)) = (fitting.contains_key(key), shape::entry(schema, key)) {
                let value = self.stand_in(wanted, &path::join(at, key));
                fitting.insert(key.to_owned(), value);
            }
        }
        fitting
    }

    /// Something of the right type where nothing can be read.
    fn stand_in(&mut self, schema: &'static Json, at: &Path) -> Value {
        self.made_up.push(at.clone());
        let schema = shape::resolve(schema);
        match shape::type_of(schema) {
            Some("boolean") => Value::from(false),
            Some("integer" | "number") => Value::Num(Tag::Default, Num::U32(0)),
            Some("array") => Value::Array(Tag::Default, Vec::new()),
            Some("object") => Value::Dict(Tag::Default, self.fit_table(&Dict::new(), schema, at)),
            _ => Value::from(shape::words(schema).first().copied().unwrap_or_default()),
        }
    }
}
