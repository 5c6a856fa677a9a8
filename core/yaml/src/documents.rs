//! A text to documents, cut where kubectl cuts it.

use std::ops::Range;

use serde_json::Value;

use crate::{Error, Place, compose::Composer, guard, json, tree::Tree};

const MARK: char = '\u{feff}';

/// A document of a text.
#[derive(Clone, Debug)]
pub struct Document<'t> {
    /// What it says.
    pub value: Value,
    /// Where it begins.
    pub place: Place,
    /// Its nodes; none where it is JSON.
    pub(crate) tree: Option<Tree<'t>>,
}

impl Document<'_> {
    /// Where the value at a path stands: keys, and numbers of items. The nearest above it that has a
    /// place where it has none of its own, as in what a merge key brought along.
    pub fn at(&self, path: &[impl AsRef<str>]) -> Place {
        let Some(tree) = &self.tree else { return self.place };
        let mut node = tree.root();
        for step in path {
            match tree.step(node, step.as_ref()) {
                Some(next) => node = next,
                None => break,
            }
        }
        tree.place(node)
    }
}

/// The documents of a text, empty ones left out, each read or refused. Places are those of the whole text.
///
/// kubectl cuts at lines that begin with `---` before it looks at anything else, and gives the last
/// line an end where it has none. A byte order mark in front of a document is no part of it.
pub fn documents(text: &str) -> Vec<Result<Document<'_>, Error>> {
    let content = text.trim_start_matches(MARK);
    let from = text.len() - content.len();
    if content.trim_start().starts_with('{') {
        return json::documents(text, from);
    }
    let mut found = Vec::new();
    for part in parts(text, from) {
        let document = part.and_then(|(base, part)| compose(text, base, part));
        match document {
            Ok(None) => {}
            Ok(Some(tree)) => match tree.value(tree.root()) {
                Ok(Value::Null) => {}
                Ok(value) => {
                    found.push(Ok(Document { value, place: tree.place(tree.root()), tree: Some(tree) }));
                }
                Err(error) => found.push(Err(error)),
            },
            Err(error) => found.push(Err(error)),
        }
    }
    found
}

/// The nodes of a text that holds one document; `None` where it holds none.
pub fn single(text: &str) -> Result<Option<Tree<'_>>, Error> {
    let mut found = None;
    let from = text.len() - text.trim_start_matches(MARK).len();
    for part in parts(text, from) {
        let (base, part) = part?;
        let Some(tree) = compose(text, base, part)? else { continue };
        if found.is_some() {
            return Err(Error::new("a second document", tree.place(tree.root())));
        }
        found = Some(tree);
    }
    Ok(found)
}

fn compose<'t>(text: &'t str, base: usize, part: &str) -> Result<Option<Tree<'t>>, Error> {
    if part.lines().all(|line| {
        let line = line.trim_start_matches(MARK).trim_end();
        line == "..." || line.trim_start().is_empty() || line.trim_start().starts_with('#')
    }) {
        return Ok(None);
    }
    let content = part.trim_start_matches(MARK);
    let base = base + part.len() - content.len();
    // As kubectl does; the parser insists on it behind a block of text.
    let ended = if content.ends_with('\n') { content.to_owned() } else { format!("{content}\n") };
    if let Some((range, message, help)) = untakeable(&ended) {
        return Err(
            Error::new(message, Place::of(text, base + range.start..base + range.end)).with_help(help)
        );
    }
    Composer::new(text, base, ended).first()
}

/// What the parser must not be given: it would refuse it without a place, or read it otherwise than kubectl does.
fn untakeable(content: &str) -> Option<(Range<usize>, String, &'static str)> {
    let mut begin = 0;
    for line in content.split_inclusive('\n') {
        if line.starts_with('%') {
            let message = "a `%` directive, which kubectl does not read".to_owned();
            return Some((begin..begin + line.trim_end().len(), message, "take the line out"));
        }
        if !line.trim().is_empty() && !line.starts_with('#') {
            break;
        }
        begin += line.len();
    }
    if let Some((index, character)) = content.char_indices().find(|(_, c)| !is_printable(*c)) {
        let message = format!("the control character U+{:04X}", u32::from(character));
        let help = "write it as an escape between double quotes, or take it out";
        return Some((index..index + character.len_utf8(), message, help));
    }
    if let Some(index) = content.find("\n\u{feff}") {
        let message = "a byte order mark at the beginning of a line".to_owned();
        return Some((
            index + 1..index + 1 + MARK.len_utf8(),
            message,
            "take it out, or begin a document there: `---`",
        ));
    }
    if let Some(index) = content.find("\r\r\n") {
        let message = "a line that ends with two carriage returns".to_owned();
        return Some((index..index + 3, message, "end lines with a line feed"));
    }
    let index = guard::tag_before_comma(content)?;
    let message = "a tag without a value before a comma".to_owned();
    Some((index..index + 1, message, "write the value that is meant: `!!str \"\"`"))
}

/// What YAML lets stand in a text.
pub(crate) fn is_printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

/// The parts between lines of `---`, with the offset of each.
fn parts(text: &str, from: usize) -> Vec<Result<(usize, &str), Error>> {
    let mut found = Vec::new();
    let (mut begin, mut at) = (from, from);
    for line in text[from..].split_inclusive('\n') {
        let next = at + line.len();
        if let Some(rest) = line.strip_prefix("---") {
            found.push(Ok((begin, &text[begin..at])));
            begin = next;
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                let place = Place::of(text, at..at + line.trim_end().len());
                found.push(Err(Error::new("more than a comment behind `---`", place)
                    .about(rest)
                    .with_help("write it on the next line: kubectl refuses it here")));
            }
        }
        at = next;
    }
    found.push(Ok((begin, &text[begin..])));
    found
}
