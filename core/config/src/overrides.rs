//! `HONEY_` environment variables and `--set path=value` as layers over the file.
//!
//! Both write one value at one path. A value is read as TOML where that fits
//! the setting's type, else as text.

use std::borrow::Cow;

use figment::{
    Metadata, Profile, Provider,
    value::{Dict, Map, Tag, Value},
};
use honey_model::{Diagnostic, text::visible};
use serde_json::Value as Json;
use toml::de::DeTable;

use crate::{document, shape, suggest};

/// Variables of honey that are no settings.
const NOT_SETTINGS: [&str; 7] = ["CONFIG", "PROFILE", "PROVIDER", "LOG", "COLOR", "SPECS", "CACHE"];

/// One layer: a tree of values with a name.
pub(crate) struct Layer {
    pub(crate) name: String,
    pub(crate) entries: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.entries.clone()))
    }
}

/// The layers of the environment, one for each variable, in the order of their names.
pub(crate) fn environment(
    variables: &[(String, String)],
    base: &Dict,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Layer> {
    let mut variables: Vec<&(String, String)> = variables.iter().collect();
    variables.sort();
    let mut layers = Vec::new();
    for (name, value) in variables {
        let Some(setting) = name.strip_prefix("HONEY_") else { continue };
        if !setting.contains("__") {
            problems.extend(looks_like_a_setting(name, setting));
            continue;
        }
        let words: Vec<&str> = setting.split("__").collect();
        if words.iter().any(|word| word.is_empty()) {
            let summary = format!("environment variable {} names no setting", visible(name, 100));
            problems.push(
                Diagnostic::error("HNY0107", summary)
                    .with_help("`__` separates the names of a path: HONEY_CLUSTER__SERVERS=3"),
            );
            continue;
        }
        let keys = resolve_names(&words, base);
        let entries = nest(&keys, read_value(&keys, value));
        layers.push(Layer { name: format!("environment:{name}"), entries });
    }
    layers
}

/// `HONEY_CLUSTER_SERVERS` was probably meant to be `HONEY_CLUSTER__SERVERS`.
fn looks_like_a_setting(name: &str, setting: &str) -> Option<Diagnostic> {
    if NOT_SETTINGS.contains(&setting) {
        return None;
    }
    let first = setting.split('_').next().unwrap_or_default().to_lowercase();
    let tables = shape::known_keys(shape::schema());
    tables.contains(&first.as_str()).then(|| {
        let meant = setting.replacen('_', "__", 1);
        Diagnostic::warning("HNY0107", format!("environment variable {} is not used", visible(name, 100)))
            .with_help(format!("`__` separates the names of a path: HONEY_{meant}?"))
    })
}

/// Upper-case words to keys: what the file has, else what the types know, else kebab case.
fn resolve_names(words: &[&str], base: &Dict) -> Vec<String> {
    let mut table = Some(base);
    let mut schema: Option<&'static Json> = Some(shape::schema());
    let mut keys = Vec::new();
    for word in words {
        let snake = word.to_lowercase();
        let kebab = snake.replace('_', "-");
        let same = |key: &&str| key.to_lowercase().replace('_', "-") == kebab;
        let present = table.and_then(|table| table.keys().map(String::as_str).find(same)).map(str::to_owned);
        let known =
            || schema.and_then(|schema| shape::known_keys(schema).into_iter().find(same)).map(str::to_owned);
        let free = schema.is_none_or(|schema| schema == &Json::Bool(true));
        let key = present.or_else(known).unwrap_or(if free { snake } else { kebab });
        table = table.and_then(|table| table.get(&key)).and_then(Value::as_dict);
        schema = schema.and_then(|schema| shape::entry(schema, &key));
        keys.push(key);
    }
    keys
}

/// The layers of `--set`, in the order given.
pub(crate) fn flags(overrides: &[(String, String)], problems: &mut Vec<Diagnostic>) -> Vec<Layer> {
    let mut layers = Vec::new();
    for (path, value) in overrides {
        match keys_of(path) {
            Some(keys) => {
                let entries = nest(&keys, read_value(&keys, value));
                layers.push(Layer { name: format!("flag:{path}"), entries });
            }
            None => problems.push(
                Diagnostic::error("HNY0107", format!("`--set {}` names no setting", visible(path, 100)))
                    .with_help("as in `--set cluster.servers=1`; keys with odd characters are quoted"),
            ),
        }
    }
    layers
}

/// The keys of a dotted TOML key.
fn keys_of(path: &str) -> Option<Vec<String>> {
    if path.contains(['\n', '#', '=']) {
        return None;
    }
    let document = format!("{path} = 0");
    let parsed = DeTable::parse(&document).ok()?;
    let mut keys = Vec::new();
    let mut table = parsed.get_ref();
    loop {
        let (key, value) = table.iter().next()?;
        keys.push(key.get_ref().clone().into_owned());
        match value.get_ref().as_table() {
            Some(inner) => table = inner,
            None => return Some(keys),
        }
    }
}

/// Reads a value in the light of the setting's type.
fn read_value(keys: &[String], text: &str) -> Value {
    let schema = keys.iter().try_fold(shape::schema(), |schema, key| shape::entry(schema, key));
    let wanted = schema.and_then(shape::type_of);
    let plain = || Value::String(Tag::Default, text.to_owned());
    match (wanted, as_toml(text)) {
        (Some("string"), Some(value)) if value.as_str().is_none() => plain(),
        (_, Some(value)) => value,
        (Some("array"), None) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::Array(Tag::Default, items.map(Value::from).collect())
        }
        (_, None) => plain(),
    }
}

fn as_toml(text: &str) -> Option<Value> {
    let document: Cow<'_, str> = format!("value = {text}").into();
    let parsed = DeTable::parse(&document).ok()?;
    let table = parsed.get_ref();
    let value = table.get("value").filter(|_| table.len() == 1)?;
    document::to_value(value, 0).ok()
}

fn nest(keys: &[String], value: Value) -> Dict {
    let mut value = value;
    for key in keys.iter().skip(1).rev() {
        value = Value::Dict(Tag::Default, Dict::from([(key.clone(), value)]));
    }
    keys.first().map(|key| Dict::from([(key.clone(), value)])).unwrap_or_default()
}

/// Whether a profile is known, else what to say.
pub(crate) fn unknown_profile<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Diagnostic {
    Diagnostic::error("HNY0108", format!("there is no profile `{}`", visible(name, 60)))
        .with_help(suggest::help(name, known, "the file has no [profile.NAME] table"))
}
