//! What is told at the end: one entry a plugin.

use serde::Serialize;

use crate::{
    baseline::{self, Baseline},
    disturbed::Disturbed,
    faults::Matrix,
    hostile::Hostile,
    reasons::{Reason, Reasons},
    replay::{Note, Replayed},
};

/// Everything about one plugin.
#[derive(Debug, Default, Serialize)]
pub struct Entry {
    /// Its id, or the folder of a vendor that no plugin speaks to.
    pub plugin: String,
    /// Requests that were judged.
    pub requests: usize,
    /// Requests that break the vendor's contract.
    pub violations: Vec<String>,
    /// Example answers that were given to it.
    pub replayed: usize,
    /// Examples that it did not take as it must.
    pub failed: Vec<Note>,
    /// Examples that no request of it would get.
    pub uncovered: Vec<Note>,
    /// Steps of lifecycles that did not come to what they must.
    pub problems: Vec<String>,
    /// Calls that were repeated, and answers that were lost on the way.
    pub disturbed: (usize, usize),
    /// Every fault at every request, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faults: Option<Matrix>,
    /// Bad answers, where faults were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostile: Option<Hostile>,
    /// Why objects of the scenarios are replaced.
    pub reasons: Vec<Reason>,
    /// Requests by step, beside the fewest that the API allows.
    pub calls: Vec<Calls>,
}

/// Requests of one step.
#[derive(Debug, Serialize)]
pub struct Calls {
    /// The scenario.
    pub scenario: &'static str,
    /// The step.
    pub step: &'static str,
    /// Requests made.
    pub made: usize,
    /// How many of them looked again at what was not finished yet.
    pub waited: usize,
    /// The fewest that the API allows.
    pub fewest: usize,
    /// Why not fewer.
    pub why: &'static str,
}

impl Entry {
    /// From the undisturbed scenarios.
    pub fn new(plugin: &str, baseline: &Baseline) -> Self {
        let calls = baseline.calls.iter().map(|calls| {
            let baseline::Calls { scenario, step, made, waited, fewest } = *calls;
            let (fewest, why) = fewest.map_or((0, ""), |fewest| (fewest.calls, fewest.why));
            Calls { scenario, step, made, waited, fewest, why }
        });
        Self {
            plugin: plugin.to_owned(),
            requests: baseline.requests,
            violations: baseline.violations.clone(),
            problems: baseline.problems.clone(),
            calls: calls.collect(),
            ..Self::default()
        }
    }

    /// With what came of the examples.
    pub fn with_examples(&mut self, replayed: Replayed) {
        self.replayed = replayed.replayed;
        self.failed = replayed.failed;
        self.uncovered = replayed.uncovered;
    }

    /// With what plans would say.
    pub fn with_reasons(&mut self, reasons: Reasons) {
        self.reasons = reasons.told;
        self.problems.extend(reasons.problems);
    }

    /// With what came of the disturbed lives.
    pub fn with_disturbed(&mut self, disturbed: Disturbed) {
        self.disturbed = (disturbed.repeated, disturbed.lost);
        self.problems.extend(disturbed.problems);
    }

    /// Whether all holds.
    pub fn holds(&self) -> bool {
        let faults = self.faults.as_ref().is_none_or(|matrix| {
            let full = matrix.rows.iter().flat_map(|row| &row.cells).all(|cell| !cell.is_empty());
            full && matrix.wrong.is_empty()
        });
        self.violations.is_empty()
            && self.failed.is_empty()
            && self.problems.is_empty()
            && faults
            && self.hostile.as_ref().is_none_or(|hostile| hostile.wrong.is_empty())
    }
}
