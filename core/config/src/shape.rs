//! Unknown keys, wrong types and missing keys: all of them, by walking the
//! merged values along the JSON Schema of the types.
//!
//! serde stops at the first problem; this does not. It runs only when serde
//! found one, and on parts that serde does not see (other profiles). What the
//! rules are then applied to is `readable`'s.

use std::sync::OnceLock;

use figment::value::{Dict, Num, Tag, Value};
use honey_model::{Diagnostic, text::visible};
use serde_json::Value as Json;

use crate::{
    document::Focus,
    path::{self, Path, Step},
    schema::Config,
    suggest,
};

/// A finding and whose value it is about.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) diagnostic: Diagnostic,
    pub(crate) path: Path,
    pub(crate) focus: Focus,
    /// Tells which layer the value came from.
    pub(crate) tag: Tag,
    /// Other settings that the finding follows from: where one of them cannot be
    /// read, it would only be a consequence.
    pub(crate) needs: Vec<Path>,
    /// It follows from everything inside of its own path.
    pub(crate) needs_inside: bool,
}

impl Finding {
    pub(crate) fn new(diagnostic: Diagnostic, path: Path, focus: Focus) -> Self {
        Self {
            diagnostic: diagnostic.at(path::render(&path)),
            path,
            focus,
            tag: Tag::Default,
            needs: Vec::new(),
            needs_inside: false,
        }
    }

    /// It follows from this setting too.
    pub(crate) fn needing(mut self, path: Path) -> Self {
        self.needs.push(path);
        self
    }

    /// It follows from everything inside of its own path.
    pub(crate) fn needing_inside(mut self) -> Self {
        self.needs_inside = true;
        self
    }

    fn tagged(mut self, tag: Tag) -> Self {
        self.tag = tag;
        self
    }
}

/// The JSON Schema of the configuration.
pub(crate) fn schema() -> &'static Json {
    static SCHEMA: OnceLock<Json> = OnceLock::new();
    SCHEMA.get_or_init(|| schemars::schema_for!(Config).to_value())
}

/// Follows `$ref`, and `anyOf` with null, to the schema that says something.
pub(crate) fn resolve(schema: &'static Json) -> &'static Json {
    let mut current = schema;
    loop {
        if let Some(name) = current.get("$ref").and_then(Json::as_str) {
            current = self::schema().pointer(name.trim_start_matches('#')).unwrap_or(&Json::Bool(true));
        } else if let Some(choices) = current.get("anyOf").and_then(Json::as_array) {
            match choices.iter().find(|choice| choice.get("type").and_then(Json::as_str) != Some("null")) {
                Some(choice) => current = choice,
                None => return current,
            }
        } else {
            return current;
        }
    }
}

/// The schema of one entry of a table.
pub(crate) fn entry(schema: &'static Json, key: &str) -> Option<&'static Json> {
    let schema = resolve(schema);
    let named = schema.get("properties").and_then(|properties| properties.get(key));
    named.or_else(|| schema.get("additionalProperties").filter(|more| *more != &Json::Bool(false)))
}

/// The names that a table may hold, where they are fixed.
pub(crate) fn known_keys(schema: &'static Json) -> Vec<&'static str> {
    let schema = resolve(schema);
    let properties = schema.get("properties").and_then(Json::as_object).into_iter();
    properties.flat_map(|properties| properties.keys().map(String::as_str)).collect()
}

/// The words that a text may be, where they are fixed.
pub(crate) fn words(schema: &'static Json) -> Vec<&'static str> {
    let variants = resolve(schema).get("oneOf").and_then(Json::as_array).into_iter().flatten();
    variants.filter_map(|variant| variant.get("const")?.as_str()).collect()
}

/// The key that an unknown one was meant to be, where that one is not there too.
pub(crate) fn meant<'a>(key: &str, entries: &Dict, schema: &'a Json) -> Option<&'a str> {
    let properties = schema.get("properties").and_then(Json::as_object)?;
    let meant = suggest::nearest(key, properties.keys().map(String::as_str))?;
    (!entries.contains_key(meant)).then_some(meant)
}

/// The type's name in the schema: `string`, `array` …
pub(crate) fn type_of(schema: &'static Json) -> Option<&'static str> {
    let schema = resolve(schema);
    match schema.get("type") {
        Some(Json::String(name)) => Some(name),
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).find(|name| *name != "null"),
        _ => schema.get("oneOf").and_then(|variants| variants.get(0)).and_then(type_of),
    }
}

/// Checks a value. `partial` leaves missing keys to the merged whole.
pub(crate) fn check(
    value: &Value,
    schema: &'static Json,
    at: &Path,
    partial: bool,
    findings: &mut Vec<Finding>,
) {
    let schema = resolve(schema);
    let wrong = |expected: &str| {
        let summary = format!("`{}` must be {expected}, not {}", path::render(at), found(value));
        Finding::new(Diagnostic::error("HNY0104", summary), at.clone(), Focus::Value).tagged(value.tag())
    };
    let words = words(schema);
    if !words.is_empty() {
        check_choice(value, &words, at, findings);
        return;
    }
    match (type_of(schema), value) {
        (None, _)
        | (Some("string"), Value::String(..) | Value::Char(..))
        | (Some("boolean"), Value::Bool(..))
        | (Some("number"), Value::Num(..)) => {}
        (Some("integer"), Value::Num(_, number)) if !matches!(number, Num::F64(_) | Num::F32(_)) => {
            if let Some(limits) = outside(value, schema) {
                let number =
                    value.to_i128().map_or_else(|| found(value).to_owned(), |number| number.to_string());
                let summary = format!("`{}` must be {limits}, not {number}", path::render(at));
                let diagnostic = Diagnostic::error("HNY0104", summary);
                findings.push(Finding::new(diagnostic, at.clone(), Focus::Value).tagged(value.tag()));
            }
        }
        (Some("array"), Value::Array(_, items)) => {
            if let Some(inner) = schema.get("items") {
                for (index, item) in items.iter().enumerate() {
                    check(item, inner, &path::at(at, index), partial, findings);
                }
            }
        }
        (Some("object"), Value::Dict(tag, entries)) => {
            for (key, inner) in entries {
                let here = path::join(at, key);
                match entry(schema, key) {
                    Some(inner_schema) => check(inner, inner_schema, &here, partial, findings),
                    None => {
                        findings.push(unknown_key(key, at, here.clone(), schema).tagged(inner.tag()));
                        // What stands in a misspelt table has mistakes of its own.
                        if let Some(meant) = meant(key, entries, schema).and_then(|key| entry(schema, key)) {
                            check(inner, meant, &here, partial, findings);
                        }
                    }
                }
            }
            let required = schema.get("required").and_then(Json::as_array).into_iter().flatten();
            // A misspelt key is told as such; that it is missing too helps nobody.
            let misspelt = |missing: &str| {
                let mut strange = entries.keys().filter(|key| entry(schema, key).is_none());
                strange.any(|key| meant(key, entries, schema) == Some(missing))
            };
            let missing = |key: &&str| !partial && !entries.contains_key(*key) && !misspelt(key);
            for key in required.filter_map(Json::as_str).filter(missing) {
                let description = schema
                    .pointer(&format!("/properties/{key}/description"))
                    .and_then(Json::as_str)
                    .unwrap_or_default();
                let whose = if at.is_empty() {
                    "the configuration".to_owned()
                } else {
                    format!("`{}`", path::render(at))
                };
                let diagnostic = Diagnostic::error("HNY0105", format!("{whose} lacks `{key}`"))
                    .with_help(format!("`{key}`: {description}"));
                findings.push(Finding::new(diagnostic, path::join(at, key), Focus::Key).tagged(*tag));
            }
        }
        (Some("object"), _) if matches!(known_keys(schema).len(), 1..=6) => {
            let keys = known_keys(schema).iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            let finding = wrong(&format!("a table (of {keys})"));
            findings.push(Finding { focus: Focus::Key, ..finding });
        }
        (Some(name), _) => findings.push(wrong(expected(name))),
    }
}

/// One of several words.
fn check_choice(value: &Value, words: &[&str], at: &Path, findings: &mut Vec<Finding>) {
    if value.as_str().is_some_and(|word| words.contains(&word)) {
        return;
    }
    let choices = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
    let got = match value.as_str() {
        Some(word) => format!("`{}`", visible(word, 60)),
        None => found(value).to_owned(),
    };
    let mut diagnostic =
        Diagnostic::error("HNY0104", format!("`{}` must be {choices}, not {got}", path::render(at)));
    if let Some(near) = value.as_str().and_then(|word| suggest::nearest(word, words.iter().copied())) {
        diagnostic = diagnostic.with_help(format!("did you mean `{near}`?"));
    }
    findings.push(Finding::new(diagnostic, at.clone(), Focus::Value).tagged(value.tag()));
}

fn unknown_key(key: &str, table: &[Step], here: Path, schema: &'static Json) -> Finding {
    let known = known_keys(schema);
    let place = match table.is_empty() {
        true => "at the top level".to_owned(),
        false => format!("in `{}`", path::render(table)),
    };
    let diagnostic = Diagnostic::error("HNY0103", format!("unknown key `{}` {place}", visible(key, 60)))
        .with_help(suggest::help(key, known.iter().copied(), "this table holds no keys"));
    Finding::new(diagnostic, here, Focus::Key)
}

/// The limits of a whole number, when the value is outside of them.
fn outside(value: &Value, schema: &Json) -> Option<String> {
    let whole = value.to_i128();
    let lowest = schema.get("minimum").and_then(Json::as_i64).map_or(i128::MIN, i128::from);
    let format = schema.get("format").and_then(Json::as_str);
    let highest = match format {
        Some("uint8") => i128::from(u8::MAX),
        Some("uint16") => i128::from(u16::MAX),
        Some("uint32") => i128::from(u32::MAX),
        _ => i128::from(i64::MAX),
    };
    match whole {
        Some(number) if (lowest..=highest).contains(&number) => None,
        _ if lowest == 0 => Some(format!("a whole number from 0 to {highest}")),
        _ => Some("a whole number".to_owned()),
    }
}

fn expected(name: &str) -> &'static str {
    match name {
        "string" => "text",
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        "array" => "a list",
        "object" => "a table",
        _ => "something else",
    }
}

/// What a value is, never its content: it might be a secret in the wrong place.
fn found(value: &Value) -> &'static str {
    match value {
        Value::String(..) | Value::Char(..) => "text",
        Value::Bool(..) => "true or false",
        Value::Num(_, Num::F64(_) | Num::F32(_)) => "a number with a fraction",
        Value::Num(..) => "a whole number",
        Value::Empty(..) => "nothing",
        Value::Dict(..) => "a table",
        Value::Array(..) => "a list",
    }
}
