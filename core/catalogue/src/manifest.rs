//! A file's documents to objects: read by kubectl's rules, lists expanded,
//! each with what an object needs, or refused with its place.

use honey_model::{Diagnostic, text::visible};
use honey_yaml::{Document, Place, documents};
use serde_json::Value;

use crate::{
    BAD_YAML,
    lines::Lines,
    list::{self, Item},
    load::source,
    object::{self, Problem},
};

/// An object of a file.
pub(crate) struct Manifest {
    pub(crate) object: Value,
    /// The template's line where it begins, from 1.
    pub(crate) line: Option<usize>,
}

/// A file as the operator knows it, and the text that came of it.
struct File<'a> {
    shown: &'a str,
    template: &'a str,
    rendered: &'a str,
    lines: Lines,
}

/// The objects of a rendered file, empty documents left out; what is wrong in each.
pub(crate) fn read(shown: &str, template: &str, rendered: &str) -> Vec<Result<Manifest, Diagnostic>> {
    let file = File { shown, template, rendered, lines: Lines::of(template, rendered) };
    let mut found = Vec::new();
    for document in documents(rendered) {
        match document {
            Ok(document) => file.objects(document, &mut found),
            Err(error) => found.push(Err(file.refused(&error))),
        }
    }
    found
}

impl File<'_> {
    fn objects(&self, mut document: Document<'_>, found: &mut Vec<Result<Manifest, Diagnostic>>) {
        let value = std::mem::take(&mut document.value);
        for item in list::expand(value) {
            found.push(match item {
                Ok(Item { value, path }) => match object::check(&value) {
                    None => Ok(Manifest { line: self.lines.line(document.at(&path).line), object: value }),
                    Some(problem) => Err(self.problem(&document, &path, problem)),
                },
                Err(problem) => Err(self.problem(&document, &[], problem)),
            });
        }
    }

    fn problem(&self, document: &Document<'_>, path: &[String], problem: Problem) -> Diagnostic {
        let whole: Vec<&str> = path.iter().chain(&problem.path).map(String::as_str).collect();
        let diagnostic = self.at(problem.code, document.at(&whole), &problem.message);
        diagnostic.with_help(problem.help)
    }

    fn refused(&self, error: &honey_yaml::Error) -> Diagnostic {
        let mut message = error.message.clone();
        if let Some(subject) = &error.subject {
            message.push_str(&format!(": `{}`", visible(subject, 60)));
        }
        if let Some(first) = error.first {
            match self.lines.line(first.line) {
                Some(line) => message.push_str(&format!(", first in line {line}")),
                None => message.push_str(&format!(", first in line {} of the rendered text", first.line)),
            }
        }
        let diagnostic = self.at(BAD_YAML, error.place, &message);
        match error.help {
            Some(help) => diagnostic.with_help(help),
            None => diagnostic,
        }
    }

    /// A finding at a place of the rendered text, shown in the template where that tells.
    fn at(&self, code: &str, place: Place, message: &str) -> Diagnostic {
        let text = self.rendered.lines().nth(place.line - 1).unwrap_or_default();
        let (summary, source) = match self.lines.line(place.line) {
            Some(line) => {
                let summary = format!("{}:{line}: {message}", self.shown);
                (summary, Some(self.in_template(place, line)))
            }
            None => {
                let shown = visible(text.trim(), 100);
                (
                    format!(
                        "{}: {message}, in line {} of the rendered text: `{shown}`",
                        self.shown, place.line
                    ),
                    None,
                )
            }
        };
        let mut diagnostic = Diagnostic::error(code, visible(&summary, 600));
        diagnostic.source = source;
        diagnostic
    }

    /// The same place in the template; the whole line where its columns are others.
    fn in_template(&self, place: Place, line: usize) -> honey_model::Source {
        if self.lines.same() {
            return source(self.shown, place);
        }
        let start: usize = self.template.split_inclusive('\n').take(line - 1).map(str::len).sum();
        let template = self.template[start..].lines().next().unwrap_or_default();
        let rendered = self.rendered.lines().nth(place.line - 1).unwrap_or_default();
        let range = if template == rendered {
            let column: usize = rendered.chars().take(place.column - 1).map(char::len_utf8).sum();
            start + column..start + column + place.length
        } else {
            let indent = template.len() - template.trim_start().len();
            start + indent..start + indent + template.trim().len().max(1)
        };
        source(self.shown, Place::of(self.template, range))
    }
}
