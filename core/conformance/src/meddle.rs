//! What happens to a request on its way, or to its answer. Pure.

use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::{Value, json};

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Refused with a status, the vendor does nothing.
    Status(u16),
    /// A proxy's HTML page with 502, the vendor does nothing.
    Html,
    /// The connection ends, the vendor does nothing.
    CutBefore,
    /// The vendor acts, then the connection ends.
    CutAfter,
    /// The vendor never answers.
    Stall,
    /// The vendor acts, the answer is changed.
    Change(Change),
}

/// How an answer is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Fields that nobody knows, in every object.
    Unknown,
    /// A text of 10 MB in front.
    Huge,
    /// A text of 3 MB within, small enough to be handed over.
    Large,
    /// Nesting beyond every reader.
    Deep,
    /// Every scalar has another type.
    Types,
    /// Terminal escapes in every text.
    Escapes,
    /// Half of it.
    Half,
    /// Something else than JSON.
    Words,
    /// `null`.
    Null,
    /// An empty array where an object was, and the other way round.
    Swapped,
}

impl Change {
    pub(crate) const HOSTILE: [Self; 9] = [
        Self::Huge,
        Self::Large,
        Self::Deep,
        Self::Types,
        Self::Escapes,
        Self::Half,
        Self::Words,
        Self::Null,
        Self::Swapped,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown fields",
            Self::Huge => "a text of 10 MB",
            Self::Large => "a text of 3 MB",
            Self::Deep => "100000 levels of nesting",
            Self::Types => "other types than promised",
            Self::Escapes => "terminal escapes in every text",
            Self::Half => "half an answer",
            Self::Words => "no JSON",
            Self::Null => "null",
            Self::Swapped => "an array for an object",
        }
    }

    /// The changed body.
    pub(crate) fn apply(self, body: &[u8]) -> Bytes {
        let parsed: Option<Value> = serde_json::from_slice(body).ok();
        let text = match (self, parsed) {
            (Self::Huge, _) => return huge(),
            (Self::Deep, _) => format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)),
            (Self::Half, _) => return Bytes::copy_from_slice(&body[..body.len() / 2]),
            (Self::Words, _) => {
                return Bytes::from_static(b"Service is being upgraded, please come back later.");
            }
            (Self::Null, _) => return Bytes::from_static(b"null"),
            (_, None) => return Bytes::copy_from_slice(body),
            (Self::Swapped, Some(Value::Array(_))) => return Bytes::from_static(b"{}"),
            (Self::Swapped, Some(_)) => return Bytes::from_static(b"[]"),
            (Self::Unknown, Some(mut tree)) => {
                add_unknown(&mut tree);
                tree.to_string()
            }
            (Self::Large, Some(tree)) => {
                // Written by hand: a tree of this size takes its time to write.
                let text = tree.to_string();
                match text.strip_prefix('{').filter(|rest| *rest != "}") {
                    Some(rest) => format!("{{\"remark\":\"{}\",{rest}", "x".repeat(3_000_000)),
                    None => text,
                }
            }
            (Self::Types, Some(mut tree)) => {
                change_types(&mut tree);
                tree.to_string()
            }
            (Self::Escapes, Some(mut tree)) => {
                add_escapes(&mut tree);
                tree.to_string()
            }
        };
        text.into()
    }
}

/// A text of 10 MB, made once.
fn huge() -> Bytes {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    TEXT.get_or_init(|| format!("\"{}\"", "honey ".repeat(10_000_000 / 6)).into()).clone()
}

fn add_unknown(tree: &mut Value) {
    match tree {
        Value::Object(fields) => {
            fields.values_mut().for_each(add_unknown);
            // Labels and the like are maps, whose keys are the user's own.
            if fields.values().all(Value::is_string) {
                return;
            }
            fields.insert("honey_unknown".to_owned(), json!({"new": [1, null, "later"]}));
        }
        Value::Array(items) => items.iter_mut().for_each(add_unknown),
        _ => {}
    }
}

fn change_types(tree: &mut Value) {
    match tree {
        Value::Object(fields) => fields.values_mut().for_each(change_types),
        Value::Array(items) => items.iter_mut().for_each(change_types),
        Value::String(text) => *tree = json!(text.len()),
        Value::Number(_) => *tree = json!({"NaN": true}),
        Value::Bool(_) => *tree = json!("yes"),
        Value::Null => *tree = json!([]),
    }
}

fn add_escapes(tree: &mut Value) {
    match tree {
        Value::Object(fields) => fields.values_mut().for_each(add_escapes),
        Value::Array(items) => items.iter_mut().for_each(add_escapes),
        Value::String(text) => text.push_str("\u{1b}[2J\u{202e}"),
        _ => {}
    }
}

impl Effect {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Status(status) => format!("status {status}"),
            Self::Html => "an HTML page with 502".to_owned(),
            Self::CutBefore => "a connection cut before the vendor acted".to_owned(),
            Self::CutAfter => "a connection cut after the vendor acted".to_owned(),
            Self::Stall => "no answer".to_owned(),
            Self::Change(change) => change.name().to_owned(),
        }
    }
}

/// Which requests are hit, counted from 0 since the rule was set.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    /// This one.
    Only(usize),
    /// This one and all after it.
    From(usize),
}

/// One rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) which: Which,
    pub(crate) effect: Effect,
}

impl Rule {
    pub(crate) fn hits(&self, number: usize) -> bool {
        match self.which {
            Which::Only(at) => number == at,
            Which::From(at) => number >= at,
        }
    }
}
