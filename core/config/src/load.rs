//! Layers, merge, and one list of everything that is wrong.

use std::path::{Path as FilePath, PathBuf};

use figment::{
    Figment, Profile, Provider as _,
    value::{Dict, Tag, Value},
};
use honey_model::{Diagnostic, Digest, Severity, Source};

use crate::{
    document::{Document, Focus},
    overrides::{self, Layer},
    path::{self, Path, Step},
    readable::Readable,
    report::{describe, report},
    schema::Config,
    shape::{self, Finding},
    suggest, validate,
};

/// The file names a format that this honey does not read.
const OTHER_FORMAT: &str = "HNY0106";

/// What to load and what lies over the file.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The file.
    pub path: PathBuf,
    /// Which instance is meant (`--provider`, or the active one as recorded); by default the project's
    /// for its first cluster, or the only one.
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
    let (mut instance, mut unknown) = choose_instance(&merged.value, &options);
    if let Some(entries) = instance.as_deref().and_then(|name| merged.cluster_of(name)) {
        let name = format!("instance:{}", instance.as_deref().unwrap_or_default());
        layers.insert(below, Layer { name, entries: Dict::from([("cluster".to_owned(), entries)]) });
        merged = Merged::of(&layers);
    }

    // Where a type or a key is wrong, the rules are applied to what can be read all the same.
    let mut readable = Readable::default();
    let (config, whole) = match merged.value.deserialize::<Config>() {
        Ok(config) => (Some(config), true),
        Err(error) => {
            let before = findings.len();
            shape::check(&merged.value, shape::schema(), &Path::new(), false, &mut findings);
            if findings.len() == before {
                findings.push(from_figment(&error));
            }
            readable = Readable::of(&merged.value, shape::schema());
            if let Some(value) = &readable.value {
                (instance, unknown) = choose_instance(value, &options);
            }
            (readable.value.as_ref().and_then(|value| value.deserialize::<Config>().ok()), false)
        }
    };
    let mut rules = Vec::from_iter(unknown);
    if let Some(config) = &config {
        if whole {
            merged.check_other_clusters(config, &mut findings);
        }
        rules.extend(validate::validate(config, instance.as_deref(), options.built_in.as_deref()));
    }
    let rules = rules.into_iter().filter(|finding| readable.is_own(finding));
    findings.extend(rules.map(|finding| readable.as_written(finding)).collect::<Vec<_>>());
    if is_of_another_format(&findings) {
        // Keys that are unknown here may be right there.
        findings.retain(|finding| finding.diagnostic.code == OTHER_FORMAT);
    }

    let name = document.name.clone();
    let mut diagnostics = report(&document, &merged, findings, problems);
    if let Some(config) = &config {
        diagnostics.retain(|diagnostic| !config.diagnostics.acknowledges(diagnostic));
    }
    match config {
        Some(config)
            if whole && diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error) =>
        {
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
pub(crate) struct Merged {
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

    fn get(&self, path: &[&str]) -> Option<&Value> {
        get(&self.value, path)
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
    pub(crate) fn layer(&self, tag: Tag, path: &[Step]) -> Option<String> {
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

fn get<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.as_dict()?.get(*key))
}

/// Whether the file says that another honey reads it.
fn is_of_another_format(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.diagnostic.code == OTHER_FORMAT)
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

/// The instance asked for, the project's default, or the only one; what is wrong
/// where the one that is named does not exist.
fn choose_instance(merged: &Value, options: &LoadOptions) -> (Option<String>, Option<Finding>) {
    let known: Vec<&str> = match get(merged, &["instances"]) {
        Some(Value::Dict(_, instances)) => instances.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    let default = get(merged, &["project", "default"]).and_then(Value::as_str).map(str::to_owned);
    let asked = options.instance.clone();
    let by_flag = asked.is_some();
    match asked.or(default) {
        Some(name) if known.contains(&name.as_str()) => (Some(name), None),
        Some(name) => {
            let shown = honey_model::text::visible(&name, 60);
            let diagnostic = Diagnostic::error("HNY0109", format!("there is no instance `{shown}`"))
                .with_help(suggest::help(&name, known, "the configuration has no [instances.NAME] table"));
            let at = if by_flag { path::of(&["instances"]) } else { path::of(&["project", "default"]) };
            let finding = Finding::new(diagnostic, at, Focus::Value).needing(path::of(&["instances"]));
            (None, Some(finding))
        }
        None if known.len() == 1 => (known.first().map(|name| (*name).to_owned()), None),
        None => (None, None),
    }
}

/// What serde said, for the rare case that the walk along the schema found nothing.
fn from_figment(error: &figment::Error) -> Finding {
    let at: Path = error.path.iter().map(|key| Step::Key(key.clone())).collect();
    let summary = honey_model::text::visible(&error.kind.to_string(), 300);
    Finding::new(Diagnostic::error("HNY0104", summary), at, Focus::Value)
}
