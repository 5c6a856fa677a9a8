//! The JSON Schema for editors and the Markdown reference, both from the
//! types' comments. Nothing about a setting is written down twice.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::shape;

/// JSON Schema (draft 2020-12) of the file: the types, and `[profile.NAME]` over them.
pub fn json_schema() -> Json {
    let mut schema = shape::schema().clone();
    if let Some(properties) = schema.get_mut("properties").and_then(Json::as_object_mut) {
        let profile = json!({
            "description": "Settings laid over the file when `--profile NAME` chooses them; any table but `profile`.",
            "type": "object",
            "additionalProperties": { "type": "object" },
        });
        properties.insert("profile".to_owned(), profile);
    }
    schema
}

const OPENING: &str = "\
# The configuration: `honey.toml`

Generated from the types in `core/config/src/schema.rs`; `UPDATE=1 cargo test -p honey-config` rewrites it.

Layers, each over the one before: the file, the profile chosen with `--profile NAME` (tables under
`[profile.NAME]`), the chosen instance's own `cluster` settings, environment variables
(`HONEY_CLUSTER__SERVERS=3`, two underscores between the names of a path), flags
(`--set cluster.servers=3`). Unknown keys are errors.

In `shared.*.settings`, `instances.*.machine`, `stack.parameters`, `stack.secrets.*.data` and
`values.*.input`, `${shared.NAME.OUTPUT}` stands for an output of a shared resource, `${values.NAME}`
for a value and `${secret:NAME}` for a secret; `$${` is a plain `${`.
";

/// The reference in Markdown.
pub fn markdown() -> String {
    let schema = shape::schema();
    let mut page = OPENING.to_owned();
    let mut waiting: Vec<(String, &'static Json)> = vec![(String::new(), schema)];
    let mut next = 0;
    while next < waiting.len() {
        let (path, table) = waiting[next].clone();
        section(&mut page, &path, table, &mut waiting);
        next += 1;
    }
    page
}

/// One table; the tables inside it get sections of their own.
fn section(page: &mut String, path: &str, table: &'static Json, waiting: &mut Vec<(String, &'static Json)>) {
    let title = match path {
        "" => "Top level".to_owned(),
        path => format!("`[{path}]`"),
    };
    let _ = writeln!(page, "\n## {title}\n");
    if let Some(description) = table.get("description").and_then(Json::as_str)
        && !path.is_empty()
    {
        let _ = writeln!(page, "{}\n", one_line(description));
    }
    page.push_str("| Key | Type | Default | |\n|---|---|---|---|\n");
    let required: Vec<&str> = table
        .get("required")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    for key in shape::known_keys(table) {
        let Some(entry) = shape::entry(table, key) else { continue };
        let inner = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        let kind = describe(entry, &inner, path, waiting);
        let default = match entry.get("default") {
            _ if required.contains(&key) => "required".to_owned(),
            Some(Json::Null | Json::Object(_)) | None => String::new(),
            Some(default) => format!("`{default}`"),
        };
        let about = entry.get("description").or_else(|| variant_description(table, key));
        let about = about.and_then(Json::as_str).unwrap_or_default();
        let _ = writeln!(page, "| `{key}` | {kind} | {default} | {} |", one_line(about));
    }
}

/// A key that is one of several carries its description on the variant.
fn variant_description(table: &'static Json, key: &str) -> Option<&'static Json> {
    let variants = table.get("oneOf")?.as_array()?;
    variants
        .iter()
        .find(|variant| variant.pointer(&format!("/properties/{key}")).is_some())?
        .get("description")
}

/// The type in words. Tables with fixed keys are put on the list of sections.
fn describe(
    entry: &'static Json,
    path: &str,
    parent: &str,
    waiting: &mut Vec<(String, &'static Json)>,
) -> String {
    let resolved = shape::resolve(entry);
    if let Some(variants) = resolved.get("oneOf").and_then(Json::as_array) {
        let words: Vec<String> = variants
            .iter()
            .filter_map(|variant| variant.get("const").and_then(Json::as_str))
            .map(|word| format!("`\"{word}\"`"))
            .collect();
        if words.is_empty() {
            waiting.push((path.to_owned(), resolved));
            return "one of the keys below".to_owned();
        }
        return words.join(" or ");
    }
    match shape::type_of(resolved) {
        Some("object") if resolved.get("properties").is_some() => {
            // An instance's own cluster settings are the section `cluster` again.
            if path.ends_with(".cluster") && !parent.is_empty() {
                return "table as `[cluster]`".to_owned();
            }
            waiting.push((path.to_owned(), resolved));
            "table".to_owned()
        }
        Some("object") => match resolved.get("additionalProperties") {
            Some(inner @ Json::Object(_)) => {
                let kind = describe(inner, &format!("{path}.NAME"), path, waiting);
                match kind.as_str() {
                    "table" | "one of the keys below" => "tables by name".to_owned(),
                    _ => format!("{kind} by name"),
                }
            }
            _ => "table of any values".to_owned(),
        },
        Some("array") => match resolved.get("items") {
            Some(inner) => format!("list of {}", describe(inner, &format!("{path}[]"), path, waiting)),
            None => "list".to_owned(),
        },
        Some("string") => "text".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("integer") => "whole number".to_owned(),
        Some(other) => other.to_owned(),
        None => "any value".to_owned(),
    }
}

fn one_line(text: &str) -> String {
    text.replace("\n\n", "\n").replace('\n', " ").replace('|', "\\|")
}
