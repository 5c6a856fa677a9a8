//! The same lives once more, disturbed: every call repeated, every answer lost.
//! Nothing may be made twice, and every step must still come to what it must.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use honey_lab::{
    Effect,
    vendor::tap::{Seen, Verdict},
};

use crate::{
    Failure,
    baseline::Baseline,
    expectation,
    scenario::{Expect, Scenario},
    stand::{Setup, Stand, Workshop},
    subject::Subject,
    wire::Meddler,
};

/// How many rehearsals at once.
const AT_ONCE: usize = 3;

/// What the disturbances came to.
#[derive(Debug, Default)]
pub struct Disturbed {
    /// Calls that were repeated.
    pub repeated: usize,
    /// Answers that were lost.
    pub lost: usize,
    /// What did not hold.
    pub problems: Vec<String>,
}

/// Repeats every call and loses every answer of a plugin's scenarios.
pub async fn run(
    workshop: &Workshop,
    subject: &'static Subject,
    baseline: &Baseline,
) -> Result<Disturbed, Failure> {
    let mut all = Disturbed::default();
    let scenarios = (subject.scenarios)();
    for (number, scenario) in scenarios.iter().enumerate() {
        repeat(workshop, subject, scenario, &mut all).await?;
        if !subject.vendor.is_empty() {
            lose_reads(workshop, subject, baseline, (number, scenario), &mut all).await?;
        }
    }
    let changes: Vec<(usize, usize, usize)> = changes(subject, baseline);
    all.lost += changes.len();
    let mut running = futures::stream::iter(changes.into_iter().map(|(scenario, step, nth)| {
        let story = &scenarios[scenario];
        async move { lose_change(workshop, subject, baseline, (scenario, story), (step, nth)).await }
    }))
    .buffer_unordered(AT_ONCE);
    while let Some(problem) = running.next().await {
        all.problems.extend(problem?);
    }
    drop(running);
    all.problems.sort();
    Ok(all)
}

async fn repeat(
    workshop: &Workshop,
    subject: &'static Subject,
    scenario: &Scenario,
    all: &mut Disturbed,
) -> Result<(), Failure> {
    let mut stand = Stand::for_scenario(workshop, subject, Setup::default(), scenario).await?;
    for step in &scenario.steps {
        let first = stand.run(step).await;
        if !step.repeatable() || first.outcome.is_err() && !matches!(step.expect, Expect::Refused(_)) {
            continue;
        }
        let (known, living) = (stand.known.get(step.label).cloned(), stand.living());
        let second = stand.again(step, &first).await;
        all.repeated += 1;
        let mut expected = step.clone();
        if matches!(step.expect, Expect::Settled | Expect::New) {
            expected.expect = Expect::Same;
        }
        let wrong = expectation::judge(&expected, &second, known.as_ref(), stand.schema(step.kind));
        let place = format!("{}: {} repeated", scenario.name, step.name);
        all.problems.extend(wrong.map(|words| format!("{place}: {words}")));
        if stand.living() != living {
            all.problems.push(format!("{place}: {living:?} became {:?}", stand.living()));
        }
    }
    Ok(())
}

fn reads(subject: &Subject, method: &str, path: &str) -> bool {
    matches!(method, "GET" | "HEAD") || (subject.only_reads)(path)
}

/// Requests that change something: scenario, step, which of the step's changes.
fn changes(subject: &Subject, baseline: &Baseline) -> Vec<(usize, usize, usize)> {
    let mut found: Vec<(usize, usize, usize)> = Vec::new();
    for one in baseline.uses.iter().filter(|one| !reads(subject, &one.method, &one.template.0)) {
        let before =
            found.iter().filter(|(scenario, step, _)| (*scenario, *step) == (one.scenario, one.step));
        found.push((one.scenario, one.step, before.count()));
    }
    found
}

/// Every answer to a read is lost once: what only reads is asked again.
async fn lose_reads(
    workshop: &Workshop,
    subject: &'static Subject,
    baseline: &Baseline,
    (number, scenario): (usize, &Scenario),
    all: &mut Disturbed,
) -> Result<(), Failure> {
    let mut stand = Stand::for_scenario(workshop, subject, Setup::default(), scenario).await?;
    for (at, step) in scenario.steps.iter().enumerate() {
        let before = stand.known.get(step.label).cloned();
        stand.wire.meddle(Some(Box::new(LostReads { subject, lost: BTreeSet::new() })));
        let ran = stand.run(step).await;
        all.lost += ran.exchanges.iter().filter(|exchange| exchange.cut).count();
        stand.wire.meddle(None);
        let wrong = expectation::judge(step, &ran, before.as_ref(), stand.schema(step.kind));
        let place = format!("{}: {} with every read's answer lost once", scenario.name, step.name);
        all.problems.extend(wrong.map(|words| format!("{place}: {words}")));
        if baseline.living.get(&(number, at)) != Some(&stand.living()) {
            all.problems.push(format!("{place}: there is {:?}", stand.living()));
            break;
        }
    }
    Ok(())
}

struct LostReads {
    subject: &'static Subject,
    lost: BTreeSet<(String, String)>,
}

impl Meddler for LostReads {
    fn before(&mut self, seen: &Seen) -> Verdict {
        let asked = (seen.method.clone(), seen.target.clone());
        if reads(self.subject, &seen.method, &seen.path) && self.lost.insert(asked) {
            return Verdict::Fault(Effect::CutAfter);
        }
        Verdict::Pass
    }
}

async fn lose_change(
    workshop: &Workshop,
    subject: &'static Subject,
    baseline: &Baseline,
    (number, scenario): (usize, &Scenario),
    (at, nth): (usize, usize),
) -> Result<Option<String>, Failure> {
    let mut stand = Stand::for_scenario(workshop, subject, Setup::default(), scenario).await?;
    for step in &scenario.steps[..at] {
        stand.run(step).await;
    }
    let step = &scenario.steps[at];
    let before = stand.known.get(step.label).cloned();
    stand.wire.meddle(Some(Box::new(LostChange { subject, nth, seen: 0 })));
    let mut ran = stand.run(step).await;
    stand.wire.meddle(None);
    if ran.outcome.is_err() && !matches!(step.expect, Expect::Refused(_)) {
        // The operator, or the next run, goes on where it stopped.
        ran = stand.again(step, &ran).await;
    }
    let wrong = expectation::judge(step, &ran, before.as_ref(), stand.schema(step.kind));
    let place =
        format!("{}: {} with the answer to its change number {} lost", scenario.name, step.name, nth + 1);
    if let Some(words) = wrong {
        return Ok(Some(format!("{place}: {words}")));
    }
    let living = stand.living();
    let same = baseline.living.get(&(number, at)) == Some(&living);
    Ok((!same).then(|| format!("{place}: there is {living:?}")))
}

struct LostChange {
    subject: &'static Subject,
    nth: usize,
    seen: usize,
}

impl Meddler for LostChange {
    fn before(&mut self, seen: &Seen) -> Verdict {
        if reads(self.subject, &seen.method, &seen.path) {
            return Verdict::Pass;
        }
        self.seen += 1;
        if self.seen == self.nth + 1 { Verdict::Fault(Effect::CutAfter) } else { Verdict::Pass }
    }
}
