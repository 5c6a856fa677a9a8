//! What a run of the kit found.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::Law;

/// How a law stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It is broken.
    Broken,
    /// It was not looked at; the notes say why.
    NotChecked,
}

/// One broken promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Of which kind; empty: of the whole plugin.
    pub kind: String,
    /// What was seen.
    pub what: String,
}

/// One law.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its name.
    pub law: &'static str,
    /// What it promises.
    pub promise: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// How often it was put to the test.
    pub tried: usize,
    /// What broke it.
    pub failures: Vec<Failure>,
    /// Why it was not looked at, by kind.
    pub notes: BTreeMap<String, String>,
    /// How to mend it.
    pub mend: &'static str,
}

/// All laws of one plugin.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Of the artifact.
    pub bytes: usize,
    /// Kinds that were tried.
    pub kinds: Vec<String>,
    /// One a law.
    pub laws: Vec<Row>,
    /// Requests that the stand-in vendor saw.
    pub requests: usize,
    /// How long it took.
    pub seconds: f64,
}

impl Report {
    /// Whether nothing is broken.
    pub fn holds(&self) -> bool {
        self.laws.iter().all(|row| row.verdict != Verdict::Broken)
    }

    /// Names of broken laws.
    pub fn broken(&self) -> Vec<&'static str> {
        self.laws.iter().filter(|row| row.verdict == Verdict::Broken).map(|row| row.law).collect()
    }
}

/// Failures kept of one law and kind: the first ones tell enough.
const MOST: usize = 3;

/// Collects verdicts.
#[derive(Default)]
pub(crate) struct Book {
    tried: BTreeMap<Law, usize>,
    failures: BTreeMap<Law, Vec<Failure>>,
    notes: BTreeMap<Law, BTreeMap<String, String>>,
    except: BTreeSet<(Law, String)>,
    /// Only these are looked at; none: all.
    only: BTreeSet<Law>,
}

impl Book {
    /// A book for some laws; for all where none is named.
    pub(crate) fn of(only: &[Law]) -> Self {
        Self { only: only.iter().copied().collect(), ..Self::default() }
    }

    fn wants(&self, law: Law) -> bool {
        self.only.is_empty() || self.only.contains(&law)
    }

    /// A law does not apply to a kind: the author says why.
    pub(crate) fn except(&mut self, law: Law, kind: &str, why: &str) {
        self.except.insert((law, kind.to_owned()));
        self.skip(law, kind, why);
    }

    /// Whether a law is to be looked at.
    pub(crate) fn applies(&self, law: Law, kind: &str) -> bool {
        self.wants(law) && !self.except.contains(&(law, kind.to_owned()))
    }

    /// It was tried; `wrong` is what was seen where it is broken.
    pub(crate) fn judge(&mut self, law: Law, kind: &str, wrong: Option<String>) -> bool {
        if !self.wants(law) {
            return wrong.is_none();
        }
        if !self.applies(law, kind) {
            return true;
        }
        *self.tried.entry(law).or_default() += 1;
        let Some(what) = wrong else { return true };
        let failures = self.failures.entry(law).or_default();
        if failures.iter().filter(|failure| failure.kind == kind).count() < MOST {
            let what = honey_model::text::visible(&what, 600);
            failures.push(Failure { kind: kind.to_owned(), what });
        }
        false
    }

    /// It was not looked at.
    pub(crate) fn skip(&mut self, law: Law, kind: &str, why: &str) {
        self.notes.entry(law).or_default().entry(kind.to_owned()).or_insert_with(|| why.to_owned());
    }

    /// Whether something of a law is broken for a kind.
    pub(crate) fn is_broken(&self, law: Law, kind: &str) -> bool {
        self.failures.get(&law).is_some_and(|all| all.iter().any(|failure| failure.kind == kind))
    }

    pub(crate) fn rows(mut self) -> Vec<Row> {
        let only = std::mem::take(&mut self.only);
        let row = |law: &Law| {
            let tried = self.tried.remove(law).unwrap_or_default();
            let failures = self.failures.remove(law).unwrap_or_default();
            let verdict = match (failures.is_empty(), tried) {
                (false, _) => Verdict::Broken,
                (true, 0) => Verdict::NotChecked,
                (true, _) => Verdict::Holds,
            };
            let notes = self.notes.remove(law).unwrap_or_default();
            let (law, promise, mend) = (law.name(), law.promise(), law.mend());
            Row { law, promise, verdict, tried, failures, notes, mend }
        };
        Law::ALL.iter().filter(|law| only.is_empty() || only.contains(law)).map(row).collect()
    }
}
