//! Layers, merge, and one list of everything that is wrong.

use std::path::{Path as FilePath, PathBuf};

use figment::{
    Figment, Profile, Provider as _,
    value::{Dict, Tag, Value},
};
use honey_model::{Diagnostic, Digest, Severity, Source};

use crate::{
    document::{Document, Focus, Positions},
    overrides::{self, Layer},
    path::{self, Path, Step},
    schema::Config,
    shape::{self, Finding},
    suggest, validate,
};

/// Findings reported at once; more would only scroll away.
const REPORT_LIMIT: usize = 50;

/// What to load and what lies over the file.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The file.
    pub path: PathBuf,
    /// Which instance is meant (`--provider`); by default the project's, or the only one.
    pub instance: Option<String>,
    /// Which `[profile.NAME]` lies over the file (`--profile`); else `HONEY_PROFILE` of `environment`.
    pub profile: Option<String>,
    /// The caller's `HONEY_` variables; others are ignored.
    pub environment: Vec<(String, String)>,
    /// `--set path=value`, in the order given.
    pub overrides: Vec<(String, String)>,
    /// Plugins that need no `[plugins.X]` entry; none: whoever loads plugins finds out.
    pub built_in: Option<Vec<String>>,
}

/// A configuration that can be worked with.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Merged, with the instance's own `cluster` settings laid over `[cluster]`.
    pub config: Config,
    /// The instance that is meant; none where there is no instance at all.
    pub instance: Option<String>,
    /// Warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// The layers, lowest first: `honey.toml`, `profile lab`, `HONEY_CLUSTER__SERVERS`, `--set cluster.servers`.
    pub sources: Vec<String>,
    /// The folder that relative paths start from.
    pub directory: PathBuf,
    /// Digest of the merged configuration.
    pub digest: Digest,
    document: Document,
    options: LoadOptions,
}

impl Loaded {
    /// The configuration as another instance sees it, read from the same text.
    pub fn for_instance(&self, name: &str) -> Result<Loaded, Vec<Diagnostic>> {
        let options = LoadOptions { instance: Some(name.to_owned()), ..self.options.clone() };
        load_document(self.document.clone(), options)
    }

    /// Where a configuration path (`instances.ovh.plugin`) stands in the file,
    /// or the nearest table around it. Costs a parse: for reports only.
    pub fn locate(&self, path: &str) -> Option<Source> {
        let path = path::parse(path)?;
        let (source, whole) = self.document.positions().locate(&path, Focus::Value);
        (whole || source.offset > 0).then_some(source)
    }

    /// The file's name as given and its text.
    pub fn text(&self) -> (&str, &str) {
        (&self.document.name, &self.document.text)
    }
}

/// Loads a configuration. On failure everything that is wrong comes back, each
/// with its place in the file, or with the variable or flag it came from.
pub fn load(options: LoadOptions) -> Result<Loaded, Vec<Diagnostic>> {
    let document = Document::read(&options.path).map_err(|problem| vec![problem])?;
    load_document(document, options)
}

/// Loads from a text instead of a file; `options.path` names it.
pub(crate) fn load_document(document: Document, options: LoadOptions) -> Result<Loaded, Vec<Diagnostic>> {
    let mut file = document.parse()?;
    let mut problems = Vec::new();
    let mut findings = Vec::new();

    let profiles = take_profiles(&mut file, &mut findings);
    let profile = options.profile.clone().or_else(|| variable(&options, "HONEY_PROFILE"));
    let environment = overrides::environment(&options.environment, &file, &mut problems);
    let flags = overrides::flags(&options.overrides, &mut problems);
    let mut layers = vec![Layer { name: "file".to_owned(), entries: file }];
    if let Some(name) = &profile {
        match profiles.get(name).and_then(Value::as_dict) {
            Some(entries) => layers.push(Layer { name: format!("profile:{name}"), entries: entries.clone() }),
            None => problems.push(overrides::unknown_profile(name, profiles.keys().map(String::as_str))),
        }
    }
    let below = layers.len();
    layers.extend(environment);
    layers.extend(flags);

    let mut merged = Merged::of(&layers);
    let instance = choose_instance(&merged, &options, &mut findings);
    if let Some(entries) = instance.as_deref().and_then(|name| merged.cluster_of(name)) {
        let name = format!("instance:{}", instance.as_deref().unwrap_or_default());
        layers.insert(below, Layer { name, entries: Dict::from([("cluster".to_owned(), entries)]) });
        merged = Merged::of(&layers);
    }

    let config = match merged.value.deserialize::<Config>() {
        Ok(config) => Some(config),
        Err(error) => {
            let before = findings.len();
            shape::check(&merged.value, shape::schema(), &Path::new(), false, &mut findings);
            if findings.len() == before {
                findings.push(from_figment(&error));
            }
            None
        }
    };
    if let Some(config) = &config {
        merged.check_other_clusters(config, &mut findings);
        findings.extend(validate::validate(config, instance.as_deref(), options.built_in.as_deref()));
    }

    let name = document.name.clone();
    let diagnostics = report(&document, &merged, findings, problems);
    match config {
        Some(config) if diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error) => {
            let digest = Digest::of_json(&serde_json::to_value(&config).unwrap_or_default());
            let directory = options.path.parent().filter(|parent| !parent.as_os_str().is_empty());
            Ok(Loaded {
                sources: layers.iter().map(|layer| describe(&layer.name, &name)).collect(),
                directory: directory.unwrap_or(FilePath::new(".")).to_owned(),
                config,
                instance,
                diagnostics,
                digest,
                document,
                options,
            })
        }
        _ => Err(diagnostics),
    }
}

/// All layers in one, each value tagged with its layer.
struct Merged {
    figment: Figment,
    value: Value,
}

impl Merged {
    fn of(layers: &[Layer]) -> Self {
        let mut figment = Figment::new();
        for layer in layers {
            figment = figment.merge(Borrowed(layer));
        }
        let entries =
            figment.data().ok().and_then(|mut data| data.remove(&Profile::Default)).unwrap_or_default();
        Self { figment, value: Value::Dict(Tag::Default, entries) }
    }

    fn text(&self, path: &[&str]) -> Option<&str> {
        self.get(path).and_then(Value::as_str)
    }

    fn get(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.value, |value, key| value.as_dict()?.get(*key))
    }

    /// An instance's own `cluster` settings.
    fn cluster_of(&self, instance: &str) -> Option<Value> {
        self.get(&["instances", instance, "cluster"]).filter(|value| value.as_dict().is_some()).map(untagged)
    }

    /// serde takes every instance's own `cluster` settings as they are; only
    /// the chosen one's were merged into typed ones.
    fn check_other_clusters(&self, config: &Config, findings: &mut Vec<Finding>) {
        let with_settings = config.instances.iter().filter(|(_, instance)| instance.cluster.is_some());
        for (name, _) in with_settings {
            let at = path::of(&["instances", name, "cluster"]);
            let schema = shape::entry(shape::schema(), "cluster");
            if let (Some(value), Some(schema)) = (self.get(&["instances", name, "cluster"]), schema) {
                shape::check(value, schema, &at, true, findings);
            }
        }
    }

    /// The layer's name of a value, or of the first value around the path that has one.
    fn layer(&self, tag: Tag, path: &[Step]) -> Option<String> {
        let own = self.figment.get_metadata(tag);
        let found = own.or_else(|| {
            let mut current = Some(&self.value);
            let mut nearest = None;
            for step in path {
                current = current.and_then(|value| match (step, value) {
                    (Step::Key(key), Value::Dict(_, entries)) => entries.get(key),
                    (Step::Index(index), Value::Array(_, items)) => items.get(*index),
                    _ => None,
                });
                nearest = current.and_then(|value| self.figment.get_metadata(value.tag())).or(nearest);
            }
            nearest
        });
        found.map(|metadata| metadata.name.to_string())
    }
}

/// A layer that the figment does not own.
struct Borrowed<'a>(&'a Layer);

impl figment::Provider for Borrowed<'_> {
    fn metadata(&self) -> figment::Metadata {
        self.0.metadata()
    }

    fn data(&self) -> Result<figment::value::Map<Profile, Dict>, figment::Error> {
        self.0.data()
    }
}

/// A copy that belongs to no layer yet.
fn untagged(value: &Value) -> Value {
    let tag = Tag::Default;
    match value {
        Value::Dict(_, entries) => {
            Value::Dict(tag, entries.iter().map(|(key, inner)| (key.clone(), untagged(inner))).collect())
        }
        Value::Array(_, items) => Value::Array(tag, items.iter().map(untagged).collect()),
        Value::String(_, text) => Value::String(tag, text.clone()),
        Value::Char(_, c) => Value::Char(tag, *c),
        Value::Bool(_, flag) => Value::Bool(tag, *flag),
        Value::Num(_, number) => Value::Num(tag, *number),
        Value::Empty(_, empty) => Value::Empty(tag, *empty),
    }
}

fn variable(options: &LoadOptions, name: &str) -> Option<String> {
    options
        .environment
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.clone())
        .filter(|v| !v.is_empty())
}

/// Takes `[profile.NAME]` out of the file and checks every one of them, chosen or not.
fn take_profiles(file: &mut Dict, findings: &mut Vec<Finding>) -> Dict {
    let at = path::of(&["profile"]);
    match file.remove("profile") {
        None => Dict::new(),
        Some(Value::Dict(_, profiles)) => {
            for (name, profile) in &profiles {
                shape::check(profile, shape::schema(), &path::join(&at, name), true, findings);
            }
            profiles
        }
        Some(_) => {
            let diagnostic = Diagnostic::error("HNY0104", "`profile` must be a table of tables")
                .with_help("as in [profile.staging.cluster]");
            findings.push(Finding::new(diagnostic, at, Focus::Key));
            Dict::new()
        }
    }
}

/// The instance asked for, the project's default, or the only one.
fn choose_instance(merged: &Merged, options: &LoadOptions, findings: &mut Vec<Finding>) -> Option<String> {
    let known: Vec<&str> = match merged.get(&["instances"]) {
        Some(Value::Dict(_, instances)) => instances.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    let default = merged.text(&["project", "default"]).map(str::to_owned);
    let asked = options.instance.clone();
    let by_flag = asked.is_some();
    match asked.or(default) {
        Some(name) if known.contains(&name.as_str()) => Some(name),
        Some(name) => {
            let shown = honey_model::text::visible(&name, 60);
            let diagnostic = Diagnostic::error("HNY0109", format!("there is no instance `{shown}`"))
                .with_help(suggest::help(&name, known, "the configuration has no [instances.NAME] table"));
            let at = if by_flag { path::of(&["instances"]) } else { path::of(&["project", "default"]) };
            findings.push(Finding::new(diagnostic, at, Focus::Value));
            None
        }
        None if known.len() == 1 => known.first().map(|name| (*name).to_owned()),
        None => None,
    }
}

/// What serde said, for the rare case that the walk along the schema found nothing.
fn from_figment(error: &figment::Error) -> Finding {
    let at: Path = error.path.iter().map(|key| Step::Key(key.clone())).collect();
    let summary = honey_model::text::visible(&error.kind.to_string(), 300);
    Finding::new(Diagnostic::error("HNY0104", summary), at, Focus::Value)
}

/// Gives every finding its place, sorted by place.
fn report(
    document: &Document,
    merged: &Merged,
    findings: Vec<Finding>,
    problems: Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    if findings.is_empty() {
        return problems;
    }
    let positions = document.positions();
    let cut = findings.len().saturating_sub(REPORT_LIMIT);
    let mut placed: Vec<Diagnostic> =
        findings.into_iter().take(REPORT_LIMIT).map(|finding| place(finding, merged, &positions)).collect();
    placed.sort_by_key(|diagnostic| diagnostic.source.as_ref().map_or(usize::MAX, |source| source.offset));
    placed.dedup_by(|later, earlier| is_same(earlier, later));
    placed.extend(problems);
    if cut > 0 {
        placed.push(Diagnostic::new(Severity::Note, "HNY0104", format!("{cut} more findings are not shown")));
    }
    placed
}

/// An instance's own cluster settings are seen twice: where they stand and where they were laid.
fn is_same(earlier: &Diagnostic, later: &Diagnostic) -> bool {
    earlier.source.is_some()
        && earlier.source == later.source
        && earlier.code == later.code
        && (earlier.path.ends_with(&later.path) || later.path.ends_with(&earlier.path))
}

/// Points to the file, or names the variable or flag that the value came from.
fn place(finding: Finding, merged: &Merged, positions: &Positions<'_>) -> Diagnostic {
    let Finding { mut diagnostic, path, focus, tag } = finding;
    let layer = merged.layer(tag, &path).unwrap_or_else(|| "file".to_owned());
    let (kind, name) = layer.split_once(':').unwrap_or((&layer, ""));
    let in_file = match kind {
        "environment" | "flag" => None,
        "profile" => Some([path::of(&["profile", name]), path.clone()].concat()),
        "instance" => Some([path::of(&["instances", name]), path.clone()].concat()),
        _ => Some(path.clone()),
    };
    if let Some(path) = in_file {
        diagnostic.source = Some(positions.locate(&path, focus).0);
    } else {
        diagnostic.summary.push_str(&format!(" (from {})", describe(&layer, "")));
    }
    diagnostic
}

/// A layer's name for people.
fn describe(layer: &str, file: &str) -> String {
    match layer.split_once(':') {
        Some(("profile", name)) => format!("profile {name}"),
        Some(("instance", name)) => format!("instances.{name}.cluster"),
        Some(("environment", name)) => name.to_owned(),
        Some(("flag", path)) => format!("--set {path}"),
        _ => file.to_owned(),
    }
}
