//! The configuration file: bounded reading, syntax, and positions of paths.
//!
//! Positions are only looked up when there is something to report.

use std::{fs::File, io::Read as _, ops::Range, path::Path as FilePath};

use figment::value::{Dict, Num, Tag, Value};
use honey_model::{Diagnostic, Source, text::visible};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::path::Step;

/// Far above any real configuration; guards against a wrong file.
const SIZE_LIMIT: u64 = 32 * 1024 * 1024;
/// Lists and tables inside each other; deeper ones would exhaust the stack.
const DEPTH_LIMIT: usize = 64;

/// The text of a configuration file and its name.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// As the operator named it.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
}

impl Document {
    /// Reads a file.
    pub(crate) fn read(path: &FilePath) -> Result<Self, Diagnostic> {
        let name = path.display().to_string();
        let unreadable = |why: String| Diagnostic::error("HNY0101", format!("cannot read `{name}`: {why}"));
        let file = File::open(path).map_err(|error| {
            let diagnostic = unreadable(error.to_string());
            match error.kind() {
                std::io::ErrorKind::NotFound => {
                    diagnostic.with_help("`honey init` writes one; `--config FILE` names another")
                }
                _ => diagnostic,
            }
        })?;
        let mut bytes = Vec::new();
        file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| unreadable(error.to_string()))?;
        if bytes.len() as u64 > SIZE_LIMIT {
            return Err(unreadable("it is larger than 32 MiB".to_owned()));
        }
        Self::from_bytes(name, bytes)
    }

    /// Checks the encoding.
    pub(crate) fn from_bytes(name: String, bytes: Vec<u8>) -> Result<Self, Diagnostic> {
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            let mut diagnostic =
                Diagnostic::error("HNY0102", format!("`{name}` is UTF-16")).with_help("save it as UTF-8");
            diagnostic.source = Some(Source { file: name, offset: 0, length: 1, line: 1, column: 1 });
            return Err(diagnostic);
        }
        String::from_utf8(bytes).map(|text| Self { name: name.clone(), text }).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
            let byte = error.as_bytes().get(valid).copied().unwrap_or_default();
            let mut diagnostic = Diagnostic::error("HNY0102", format!("byte 0x{byte:02x} is not UTF-8"))
                .with_help("save the file as UTF-8");
            let mut source = Self { name, text: before }.source(&(valid..valid));
            source.length = 1;
            diagnostic.source = Some(source);
            diagnostic
        })
    }

    /// Reads the syntax; every error the parser can recover from is reported.
    pub(crate) fn parse(&self) -> Result<Dict, Vec<Diagnostic>> {
        let (table, errors) = DeTable::parse_recoverable(&self.text);
        if errors.is_empty() {
            return table_to_dict(table.get_ref(), 0)
                .map_err(|(why, span)| vec![self.syntax(&why, Some(span))]);
        }
        Err(errors.iter().take(20).map(|error| self.syntax(error.message(), error.span())).collect())
    }

    fn syntax(&self, message: &str, span: Option<Range<usize>>) -> Diagnostic {
        let twice = span.clone().and_then(|span| self.text.get(span)).filter(|_| message == "duplicate key");
        let message = twice.map_or_else(|| message.to_owned(), |key| format!("{message} `{key}`"));
        let mut diagnostic = Diagnostic::error("HNY0102", visible(&message, 300));
        diagnostic.source = Some(self.source(&span.unwrap_or(0..0)));
        diagnostic
    }

    /// Line and column of a range of bytes.
    fn source(&self, span: &Range<usize>) -> Source {
        let mut start = span.start.min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let bom = usize::from(line_start == 0 && before.starts_with('\u{feff}'));
        Source {
            file: self.name.clone(),
            offset: start,
            length: span.end.saturating_sub(start).max(1),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1 - bom,
        }
    }

    /// Reads positions. Costs a parse: only for reports.
    pub(crate) fn positions(&self) -> Positions<'_> {
        let (table, _) = DeTable::parse_recoverable(&self.text);
        Positions { document: self, table }
    }
}

/// Looks paths up in the file.
pub(crate) struct Positions<'text> {
    document: &'text Document,
    table: Spanned<DeTable<'text>>,
}

/// What of an entry is pointed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Focus {
    /// Its name.
    Key,
    /// What it is set to.
    Value,
}

impl Positions<'_> {
    /// Where the path stands, or else the nearest table around it that stands
    /// in the file. The flag tells whether all of it was found.
    pub(crate) fn locate(&self, path: &[Step], focus: Focus) -> (Source, bool) {
        let mut span = 0..1;
        let mut current: Option<&Spanned<DeValue<'_>>> = None;
        for (depth, step) in path.iter().enumerate() {
            let last = depth + 1 == path.len();
            let next = match step {
                Step::Key(key) => {
                    let table = match current {
                        None => Some(self.table.get_ref()),
                        Some(value) => value.get_ref().as_table(),
                    };
                    table.and_then(|table| table.get_key_value(key.as_str())).map(|(name, value)| {
                        let points_at_value = last && focus == Focus::Value && !value.get_ref().is_table();
                        (if points_at_value { value.span() } else { name.span() }, value)
                    })
                }
                Step::Index(index) => current
                    .and_then(|value| value.get_ref().as_array())
                    .and_then(|items| items.get(*index))
                    .map(|value| (value.span(), value)),
            };
            let Some((found, value)) = next else {
                return (self.document.source(&span), false);
            };
            span = found;
            current = Some(value);
        }
        (self.document.source(&span), true)
    }
}

/// Why a value cannot be used, and where it stands.
type Unusable = (String, Range<usize>);

fn table_to_dict(table: &DeTable<'_>, depth: usize) -> Result<Dict, Unusable> {
    let entry = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
        Ok((key.get_ref().clone().into_owned(), to_value(value, depth + 1)?))
    };
    table.iter().map(entry).collect()
}

/// The value as figment has it. Dates become text: no setting is a date.
pub(crate) fn to_value(value: &Spanned<DeValue<'_>>, depth: usize) -> Result<Value, Unusable> {
    let unusable = |why: String| (why, value.span());
    if depth > DEPTH_LIMIT {
        return Err(unusable(format!("nested deeper than {DEPTH_LIMIT} levels")));
    }
    let tag = Tag::Default;
    Ok(match value.get_ref() {
        DeValue::String(text) => Value::String(tag, text.clone().into_owned()),
        DeValue::Boolean(flag) => Value::Bool(tag, *flag),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Num(tag, Num::I64(number)),
            Err(_) => return Err(unusable(format!("the number {number} is too large"))),
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => Value::Num(tag, Num::F64(number)),
            Err(_) => return Err(unusable(format!("`{number}` is not a number"))),
        },
        DeValue::Datetime(date) => Value::String(tag, date.to_string()),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| to_value(item, depth + 1));
            Value::Array(tag, items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => Value::Dict(tag, table_to_dict(table, depth)?),
    })
}
