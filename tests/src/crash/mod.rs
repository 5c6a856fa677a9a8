//! The crash proof: kill honey at every durable write of a run, go on as an
//! operator would, and look into the lab's own books at what came of it.
//!
//! | File | What it does |
//! |---|---|
//! | `stage` | a lab, its folder, and the victim that runs in it |
//! | `build` | a build from nothing; a standby beside a running instance |
//! | `cutover` | the move of the active role, resumed or aborted |
//! | `names` | where the public names point, as the lab's vendor says |

mod build;
mod cutover;
mod names;
mod stage;

use std::{collections::VecDeque, path::PathBuf, sync::Arc};

use serde::Serialize;
use tokio::sync::Mutex;

use crate::{Failure, mortal::Side};

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// The first instance, from nothing.
    Build,
    /// The second instance, beside the active one.
    Standby,
    /// The active role's move.
    Cutover,
}

impl Scenario {
    fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Standby => "standby",
            Self::Cutover => "cutover",
        }
    }
}

/// How a proof is run.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The program that dies.
    pub victim: PathBuf,
    /// Every how many kill points.
    pub every: usize,
    /// The first kill point of a sample, from 0.
    pub offset: usize,
    /// How many labs, each with its own seed.
    pub seeds: u64,
    /// How many points at a time.
    pub parallel: usize,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Which scenario.
    pub scenario: String,
    /// How often a process was killed.
    pub points: usize,
    /// After how many of them everything held.
    pub converged: usize,
    /// Objects that lived twice at any time.
    pub duplicates: usize,
    /// How long two singletons ran at once.
    pub overlap_ms: u64,
    /// What did not hold, by kill point.
    pub failed: Vec<String>,
}

impl Report {
    /// Whether everything holds, and something was looked at.
    pub fn holds(&self) -> bool {
        self.points > 0
            && self.converged == self.points
            && self.duplicates == 0
            && self.overlap_ms == 0
            && self.failed.is_empty()
    }
}

/// What an operator does after the crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Resume,
    Abort,
}

/// One kill point.
#[derive(Clone, Copy, Debug)]
struct Point {
    write: usize,
    side: Side,
    after: After,
}

impl std::fmt::Display for Point {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let side = if self.side == Side::Before { "before" } else { "after" };
        let then = if self.after == After::Abort { ", aborted" } else { "" };
        write!(formatter, "killed {side} write {}{then}", self.write)
    }
}

/// What the books say after one point.
#[derive(Debug, Default)]
struct Verdict {
    /// The process ended before its kill point: the run had fewer writes this time.
    unreached: bool,
    duplicates: usize,
    overlap_ms: u64,
    problems: Vec<String>,
}

/// The points of a run with so many writes, as far as they are chosen.
fn points(choice: &Choice, writes: usize, sides: &[Side], afters: &[After]) -> VecDeque<Point> {
    let numbers = 1..=writes;
    let all = numbers.flat_map(|write| {
        sides
            .iter()
            .flat_map(move |side| afters.iter().map(move |after| Point { write, side: *side, after: *after }))
    });
    all.skip(choice.offset).step_by(choice.every.max(1)).collect()
}

/// Runs a scenario.
pub async fn run(scenario: Scenario, choice: &Choice) -> Result<Report, Failure> {
    let mut report = Report { scenario: scenario.name().to_owned(), ..Report::default() };
    for seed in 1..=choice.seeds.max(1) {
        match scenario {
            Scenario::Build | Scenario::Standby => build::run(scenario, choice, seed, &mut report).await?,
            Scenario::Cutover => cutover::run(choice, seed, &mut report).await?,
        }
    }
    Ok(report)
}

/// Points still to be tried, and what came of the others.
#[derive(Clone)]
struct Ledger {
    waiting: Arc<Mutex<VecDeque<Point>>>,
    report: Arc<Mutex<Report>>,
    seed: u64,
}

impl Ledger {
    fn new(waiting: VecDeque<Point>, report: &Report, seed: u64) -> Self {
        Self { waiting: Arc::new(Mutex::new(waiting)), report: Arc::new(Mutex::new(report.clone())), seed }
    }

    async fn next(&self) -> Option<Point> {
        self.waiting.lock().await.pop_front()
    }

    /// Books one point; whether everything held.
    async fn book(&self, point: Point, verdict: Result<Verdict, Failure>) -> bool {
        let mut report = self.report.lock().await;
        let verdict = verdict
            .unwrap_or_else(|failure| Verdict { problems: vec![failure.to_string()], ..Verdict::default() });
        report.points += usize::from(!verdict.unreached);
        report.duplicates += verdict.duplicates;
        report.overlap_ms += verdict.overlap_ms;
        let held = verdict.problems.is_empty() && verdict.duplicates == 0 && verdict.overlap_ms == 0;
        report.converged += usize::from(held && !verdict.unreached);
        let what = if verdict.problems.is_empty() {
            vec!["duplicates or an overlap".to_owned()]
        } else {
            verdict.problems
        };
        if !held {
            report.failed.push(format!("seed {}, {point}: {}", self.seed, what.join("; ")));
        }
        held
    }

    async fn close(self, report: &mut Report) {
        *report = self.report.lock().await.clone();
    }
}
