//! Vendors' own example answers, each given to the plugin at the moment when it
//! would get it, while the lab plays the rest of the vendor.
//!
//! An answer of success must lead to success: with the scenario's own
//! identifiers in the example's place, with fields that nobody knows beside
//! the known ones, and with words that no specification lists. A refusal must
//! come out as a fault with the vendor's status, code and words.

mod example;
mod graft;
mod matching;
mod player;
mod verdict;

use std::path::Path;

use futures::StreamExt as _;
use serde::Serialize;

pub use example::{Example, Examples, Unreadable};

use crate::{
    Failure,
    baseline::Baseline,
    stand::Workshop,
    subject::{ALL, Subject},
};

/// How many rehearsals at once: they wait for each other's processor, not for time.
const AT_ONCE: usize = 3;

/// An example and a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// File name below the folder.
    pub example: String,
    /// Why.
    pub why: String,
}

/// What came of the examples of one vendor.
#[derive(Debug, Default)]
pub struct Replayed {
    /// How many were given to the plugin.
    pub replayed: usize,
    /// Those that it did not take as it must.
    pub failed: Vec<Note>,
    /// Those that no request of the plugin would get.
    pub uncovered: Vec<Note>,
}

/// Replays the examples of one plugin's vendor.
pub async fn run(
    workshop: &Workshop,
    subject: &'static Subject,
    baseline: &Baseline,
    examples: &Examples,
) -> Result<Replayed, Failure> {
    let mut all = Replayed::default();
    for file in &examples.unreadable {
        if claims(subject, &file.folder) {
            all.failed.push(Note { example: file.name.clone(), why: file.why.clone() });
        }
    }
    let mut work = Vec::new();
    for example in examples.read.iter().filter(|example| claims(subject, &example.folder)) {
        match matching::place(workshop, subject, baseline, example).await? {
            Err(why) => all.uncovered.push(Note { example: example.name.clone(), why }),
            Ok(places) => work.push((example, places)),
        }
    }
    let mut running = futures::stream::iter(work.into_iter().map(|(example, places)| async move {
        let outcome = player::play(workshop, subject, baseline, example, &places).await;
        (example.name.clone(), outcome)
    }))
    .buffer_unordered(AT_ONCE);
    while let Some((example, outcome)) = running.next().await {
        all.replayed += 1;
        all.failed.extend(outcome?.into_iter().map(|why| Note { example: example.clone(), why }));
    }
    drop(running);
    all.failed.sort_by(|a, b| (&a.example, &a.why).cmp(&(&b.example, &b.why)));
    Ok(all)
}

/// Folders of vendors that no plugin speaks to, with what is in them.
pub fn strangers(examples: &Examples) -> Vec<(String, Vec<Note>, Vec<Note>)> {
    let known = |folder: &str| ALL.iter().any(|subject| claims(subject, folder));
    let mut folders: Vec<&str> = examples
        .read
        .iter()
        .map(|example| example.folder.as_str())
        .chain(examples.unreadable.iter().map(|file| file.folder.as_str()))
        .filter(|folder| !known(folder))
        .collect();
    folders.sort_unstable();
    folders.dedup();
    folders
        .into_iter()
        .map(|folder| {
            let why = format!("no plugin speaks to a vendor `{folder}`");
            let uncovered = examples.read.iter().filter(|example| example.folder == folder);
            let failed = examples.unreadable.iter().filter(|file| file.folder == folder);
            (
                folder.to_owned(),
                failed.map(|file| Note { example: file.name.clone(), why: file.why.clone() }).collect(),
                uncovered.map(|example| Note { example: example.name.clone(), why: why.clone() }).collect(),
            )
        })
        .collect()
}

/// Reads a folder of examples.
pub fn read(folder: &Path) -> Result<Examples, Failure> {
    example::read(folder)
}

fn claims(subject: &Subject, folder: &str) -> bool {
    subject.plugin == folder || subject.folders.contains(&folder)
}
