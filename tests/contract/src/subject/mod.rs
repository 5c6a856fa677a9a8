//! The plugins under test: how each is set up, what it is asked to do, and how
//! its vendor words refusals, failures and tasks.

use honey_lab::LabOptions;
use serde_json::Value;

use crate::scenario::Scenario;

mod b2;
mod cloudflare;
mod generic_ssh;
mod gitea;
mod hetzner;
mod neon;
mod ovh;

/// What a vendor says when it refuses or fails.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    /// Its code; empty where it has none.
    pub code: String,
    /// Its words.
    pub message: String,
}

impl Said {
    /// From a code and words.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

/// How far a background task shall seem to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Half way.
    Running,
    /// Over, and failed.
    Failed,
}

/// One plugin.
pub struct Subject {
    /// Its id.
    pub plugin: &'static str,
    /// Its vendor in the lab; empty where it has none.
    pub vendor: &'static str,
    /// Names under which its vendor may be found in a folder of examples.
    pub folders: &'static [&'static str],
    /// What follows the origin in every path.
    pub base: &'static str,
    /// Whether the setting `endpoint` holds the base, too.
    pub base_in_endpoint: bool,
    /// Further settings that are addresses: name, path below the origin.
    pub settings: &'static [(&'static str, &'static str)],
    /// Its secrets, as the lab names them.
    pub secrets: &'static [&'static str],
    /// Adjusts the lab.
    pub lab: fn(&mut LabOptions),
    /// What it is asked to do.
    pub scenarios: fn() -> Vec<Scenario>,
    /// Reads a refusal in the vendor's form; none where the body is not in it.
    pub refusal: fn(&Value) -> Option<Said>,
    /// Reads a failure that an answer with a status of success tells.
    pub failure: fn(&Value) -> Option<Said>,
    /// Sets the state of every task in an answer; whether there was one.
    pub task: fn(&mut Value, Task) -> bool,
    /// Whether a request that is not GET or HEAD still only reads.
    pub only_reads: fn(&str) -> bool,
    /// Whether success is right although this refusal was answered: method, path, status, code.
    pub absorbs: fn(&str, &str, u16, &str) -> bool,
    /// Status and code of the vendor's word for "something else runs on it".
    pub locked: (u16, &'static str),
    /// The vendor's own form of "too many requests", with a wait of two seconds
    /// where it tells one: headers (`{reset}` is the moment in unix seconds), body.
    pub limited: (&'static [(&'static str, &'static str)], &'static str),
    /// Values that must arrive: method, end of the path template, pointer in the
    /// answer, pointer in the outcome.
    pub arrives: &'static [(&'static str, &'static str, &'static str, &'static str)],
}

/// All of them, in the order of the table.
pub const ALL: [&Subject; 7] = [
    &hetzner::SUBJECT,
    &ovh::SUBJECT,
    &generic_ssh::SUBJECT,
    &cloudflare::SUBJECT,
    &neon::SUBJECT,
    &b2::SUBJECT,
    &gitea::SUBJECT,
];

/// Reads nothing.
fn no_failure(_: &Value) -> Option<Said> {
    None
}

/// A vendor without background tasks.
fn no_task(_: &mut Value, _: Task) -> bool {
    false
}

/// A vendor whose POST always changes something.
fn never(_: &str) -> bool {
    false
}

/// 404 on a read says that there is nothing, and on a delete that it is done.
fn missing_is_an_answer(method: &str, _path: &str, status: u16, _code: &str) -> bool {
    matches!(status, 404 | 410) && matches!(method, "GET" | "HEAD" | "DELETE")
}

/// The usual lab.
fn plain(_: &mut LabOptions) {}

fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}
