//! Catalogues from a directory or from honey itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
};

use honey_model::{Diagnostic, Source};
use honey_yaml::Place;

use crate::{Declaration, PhaseFile, UNREADABLE};

/// The largest template that is read.
const FILE_LIMIT: u64 = 1024 * 1024;

macro_rules! built_in {
    ($($name:literal: [$($file:literal),* $(,)?]),* $(,)?) => {
        /// Names of the catalogues that honey brings along.
        pub const BUILT_IN: &[&str] = &[$($name),*];

        fn built_in_files(name: &str) -> Option<BTreeMap<String, String>> {
            match name {
                $($name => Some(BTreeMap::from([
                    $(($file.to_owned(), include_str!(concat!("../../../manifests/", $name, "/", $file)).to_owned())),*
                ])),)*
                _ => None,
            }
        }
    };
}

built_in! {
    "honeydue": [
        "catalogue.toml",
        "namespace.yaml",
        "accounts.yaml",
        "network-policies/baseline.yaml",
        "network-policies/ingress.yaml",
        "network-policies/egress.yaml",
        "config.yaml",
        "storage.yaml",
        "redis.yaml",
        "middlewares.yaml",
        "ingress.yaml",
        "migration.yaml",
        "workloads/api.yaml",
        "workloads/web.yaml",
        "workloads/admin.yaml",
        "workloads/worker.yaml",
        "disruption-budgets.yaml",
        "observability/kube-state-metrics.yaml",
        "observability/vmagent.yaml",
        "observability/alloy-logs.yaml",
    ],
}

/// A declaration and its templates.
#[derive(Clone, Debug)]
pub struct Catalogue {
    declaration: Declaration,
    files: BTreeMap<String, String>,
    /// Where it was read from, so that messages name files that can be opened.
    directory: Option<PathBuf>,
}

fn unreadable(summary: impl Into<String>) -> Diagnostic {
    Diagnostic::error(UNREADABLE, summary).at("stack.source")
}

impl Catalogue {
    /// From what a configuration names: `builtin:NAME`, or a directory seen from `base`.
    pub fn open(source: &str, base: &Path) -> Result<Self, Vec<Diagnostic>> {
        match source.strip_prefix("builtin:") {
            Some(name) => Self::built_in(name),
            None => Self::from_directory(&base.join(source)),
        }
    }

    /// One that honey brings along.
    pub fn built_in(name: &str) -> Result<Self, Vec<Diagnostic>> {
        let files = built_in_files(name).ok_or_else(|| {
            let summary =
                format!("there is no built-in catalogue `{}`", honey_model::text::visible(name, 60));
            vec![unreadable(summary).with_help(format!("built in: {}", BUILT_IN.join(", ")))]
        })?;
        Self::from_files(files)
    }

    /// From `catalogue.toml` and the files it names in a directory.
    pub fn from_directory(directory: &Path) -> Result<Self, Vec<Diagnostic>> {
        let text = read(directory, "catalogue.toml").map_err(|diagnostic| vec![diagnostic])?;
        let declaration = parse(&directory.join("catalogue.toml").to_string_lossy(), &text)?;
        let mut files = BTreeMap::from([("catalogue.toml".to_owned(), text)]);
        let mut wrong = Vec::new();
        for name in declaration.phases.iter().flat_map(|phase| &phase.files).map(|file| &file.path) {
            match read(directory, name) {
                Ok(text) => {
                    files.insert(name.clone(), text);
                }
                Err(diagnostic) => wrong.push(diagnostic),
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let catalogue = Self::from_files(files)?;
        Ok(Self { directory: Some(directory.to_owned()), ..catalogue })
    }

    /// From texts by path; `catalogue.toml` among them.
    pub fn from_files(files: BTreeMap<String, String>) -> Result<Self, Vec<Diagnostic>> {
        let text =
            files.get("catalogue.toml").ok_or_else(|| vec![unreadable("there is no catalogue.toml")])?;
        let declaration = parse("catalogue.toml", text)?;
        let mut wrong = Vec::new();
        let mut phases = BTreeSet::new();
        let mut named = BTreeSet::new();
        for phase in &declaration.phases {
            if !phases.insert(&phase.name) {
                wrong.push(unreadable(format!("phase `{}` stands twice in catalogue.toml", phase.name)));
            }
            for PhaseFile { path: file, .. } in &phase.files {
                if !files.contains_key(file) {
                    wrong.push(unreadable(format!(
                        "phase `{}` names `{file}`, which is not there",
                        phase.name
                    )));
                }
                if !named.insert(file) {
                    wrong.push(unreadable(format!("`{file}` stands twice in catalogue.toml")));
                }
            }
        }
        if wrong.is_empty() { Ok(Self { declaration, files, directory: None }) } else { Err(wrong) }
    }

    /// What `catalogue.toml` says.
    pub fn declaration(&self) -> &Declaration {
        &self.declaration
    }

    /// The text of a template.
    pub(crate) fn text(&self, file: &str) -> &str {
        self.files.get(file).map_or("", String::as_str)
    }

    /// A file's name as it can be opened.
    pub(crate) fn shown(&self, file: &str) -> String {
        match &self.directory {
            Some(directory) => directory.join(file).to_string_lossy().into_owned(),
            None => file.to_owned(),
        }
    }

    /// Every template's path.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }
}

fn parse(file: &str, text: &str) -> Result<Declaration, Vec<Diagnostic>> {
    toml::from_str(text).map_err(|error| {
        let mut diagnostic = unreadable(format!("catalogue.toml: {}", error.message()));
        if let Some(span) = error.span() {
            diagnostic.source = Some(place(file, text, span.start, span.len().max(1)));
        }
        vec![diagnostic]
    })
}

/// A byte offset as a place for people.
pub(crate) fn place(file: &str, text: &str, offset: usize, length: usize) -> Source {
    source(file, Place::of(text, offset..offset + length))
}

/// A place in a file.
pub(crate) fn source(file: &str, place: Place) -> Source {
    let Place { offset, length, line, column } = place;
    Source { file: file.to_owned(), offset, length, line, column }
}

/// Reads a file inside the directory, never outside of it.
fn read(directory: &Path, name: &str) -> Result<String, Diagnostic> {
    let path = Path::new(name);
    let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    if !inside || name.is_empty() {
        return Err(unreadable(format!("`{name}` does not stay inside the catalogue's directory")));
    }
    let full = directory.join(path);
    let shown = full.display();
    let resolved =
        full.canonicalize().map_err(|error| unreadable(format!("cannot read {shown}: {error}")))?;
    let home = directory
        .canonicalize()
        .map_err(|error| unreadable(format!("cannot read {}: {error}", directory.display())))?;
    if !resolved.starts_with(&home) {
        return Err(unreadable(format!("{shown} leads out of the catalogue's directory")));
    }
    let size = std::fs::metadata(&resolved)
        .map_err(|error| unreadable(format!("cannot read {shown}: {error}")))?
        .len();
    if size > FILE_LIMIT {
        return Err(unreadable(format!("{shown} is larger than {FILE_LIMIT} bytes")));
    }
    let bytes =
        std::fs::read(&resolved).map_err(|error| unreadable(format!("cannot read {shown}: {error}")))?;
    String::from_utf8(bytes).map_err(|error| not_utf8(&shown.to_string(), &error))
}

fn not_utf8(file: &str, error: &std::string::FromUtf8Error) -> Diagnostic {
    let wide = matches!(error.as_bytes(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    let what = if wide { "is UTF-16, not UTF-8" } else { "is not UTF-8 here" };
    let mut diagnostic =
        unreadable(format!("{file} {what}")).with_help("save it as UTF-8; a byte order mark does no harm");
    let at = error.utf8_error().valid_up_to();
    let before = String::from_utf8_lossy(&error.as_bytes()[..at]);
    diagnostic.source = Some(place(file, &before, at, 1));
    diagnostic
}
