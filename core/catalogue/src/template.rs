//! One template to text, strictly: an unknown name is an error, not nothing.

use std::collections::BTreeMap;

use honey_model::{Diagnostic, text::visible};
use minijinja::{Environment, UndefinedBehavior};
use serde_json::Value;

use crate::{BAD_TEMPLATE, INLINE_COMMENT, comments::keep_lengths, load::place};

const NOT_MEANT: &str = "where the braces are not meant for honey (rules of Prometheus, templates of Go, scripts), put them \
                         between `{% raw %}` and `{% endraw %}`, or write `template = false` at the file's phase in catalogue.toml";

/// The engine with honey's filters.
pub(crate) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    // The last line end may belong to a block of text: a key without it is none.
    environment.set_keep_trailing_newline(true);
    environment.add_filter("yaml", yaml);
    environment.add_filter("name_part", name_part);
    environment
}

/// The text of a template. `shown` is the file's name as it can be opened.
pub(crate) fn render(
    environment: &Environment<'_>,
    shown: &str,
    text: &str,
    values: &BTreeMap<String, Value>,
) -> Result<String, Diagnostic> {
    let kept = keep_lengths(text).map_err(|range| inline_comment(shown, text, range))?;
    environment
        .template_from_named_str(shown, &kept)
        .and_then(|template| template.render(values))
        .map_err(|error| template_error(shown, text, &error))
}

/// Any value as YAML that stands on one line.
fn yaml(value: minijinja::Value) -> Result<String, minijinja::Error> {
    serde_json::to_value(&value)
        .map(|value| honey_yaml::flow(&value))
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

fn inline_comment(shown: &str, text: &str, range: std::ops::Range<usize>) -> Diagnostic {
    let source = place(shown, text, range.start, range.len());
    let summary =
        format!("{shown}: `{{#` in the middle of line {}, which would swallow what follows it", source.line);
    let help = "put a comment on a line of its own; where it is none, put it between `{% raw %}` and `{% endraw %}`, or write \
                `template = false` at the file's phase in catalogue.toml";
    let mut diagnostic = Diagnostic::error(INLINE_COMMENT, visible(&summary, 400)).with_help(help);
    diagnostic.source = Some(source);
    diagnostic
}

fn template_error(shown: &str, text: &str, error: &minijinja::Error) -> Diagnostic {
    let summary = match error.detail() {
        Some(detail) => format!("{shown}: {}: {detail}", error.kind()),
        None => format!("{shown}: {}", error.kind()),
    };
    let mut diagnostic =
        Diagnostic::error(BAD_TEMPLATE, visible(&summary, 400)).with_help(match error.kind() {
            minijinja::ErrorKind::UndefinedError => {
                format!("declare the parameter in catalogue.toml; {NOT_MEANT}")
            }
            _ => format!("correct the template; {NOT_MEANT}"),
        });
    if let Some(number) = error.line() {
        let start: usize = text.split_inclusive('\n').take(number.saturating_sub(1)).map(str::len).sum();
        let line = text[start..].lines().next().unwrap_or_default();
        let indent = line.len() - line.trim_start().len();
        diagnostic.source = Some(place(shown, text, start + indent, line.trim().len().max(1)));
        diagnostic.summary.push_str(&format!(" in line {number}: `{}`", visible(line.trim(), 100)));
    }
    diagnostic
}
