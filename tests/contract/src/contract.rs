//! All plugins, one after the other: lives, then examples.

use std::{path::PathBuf, sync::Arc};

use honey_lab::Specs;

use crate::{
    Failure, baseline, disturbed, faults, hostile, reasons, replay, report::Entry, stand::Workshop, subject,
};

/// What is to be rehearsed, and with what.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Where the built plugins are.
    pub plugins: PathBuf,
    /// Folder of the vendors' specifications.
    pub specs: Option<PathBuf>,
    /// Folder of the vendors' example answers.
    pub examples: Option<PathBuf>,
    /// Only this plugin.
    pub plugin: Option<String>,
    /// Whether lives are disturbed.
    pub disturb: bool,
    /// Whether every fault and every bad answer is tried.
    pub faults: bool,
}

impl Wanted {
    /// What the rehearsals share.
    pub fn workshop(&self) -> Workshop {
        let judge = self.specs.as_deref().map(|folder| Arc::new(Specs::new(folder)));
        Workshop { plugins: self.plugins.clone(), judge }
    }

    /// The plugins that are meant.
    pub fn subjects(&self) -> impl Iterator<Item = &'static subject::Subject> {
        let only = self.plugin.as_deref();
        subject::ALL.into_iter().filter(move |subject| only.is_none_or(|only| only == subject.plugin))
    }
}

/// One entry a plugin, then one a vendor that no plugin speaks to.
pub async fn run(wanted: &Wanted) -> Result<Vec<Entry>, Failure> {
    let workshop = wanted.workshop();
    let examples = wanted.examples.as_deref().map(replay::read).transpose()?;
    let mut entries = Vec::new();
    for subject in wanted.subjects() {
        let baseline = baseline::run(&workshop, subject).await?;
        let mut entry = Entry::new(subject.plugin, &baseline);
        entry.with_reasons(reasons::run(&workshop, subject).await?);
        if let Some(examples) = &examples {
            entry.with_examples(replay::run(&workshop, subject, &baseline, examples).await?);
        }
        if wanted.disturb {
            entry.with_disturbed(disturbed::run(&workshop, subject, &baseline).await?);
        }
        if wanted.faults {
            entry.faults = Some(faults::run(&workshop, subject, &baseline).await?);
            entry.hostile = Some(hostile::run(&workshop, subject, &baseline).await?);
        }
        entries.push(entry);
    }
    for (folder, failed, uncovered) in examples.as_ref().map(replay::strangers).unwrap_or_default() {
        if wanted.plugin.as_ref().is_none_or(|only| *only == folder) {
            entries.push(Entry { plugin: folder, failed, uncovered, ..Entry::default() });
        }
    }
    Ok(entries)
}
