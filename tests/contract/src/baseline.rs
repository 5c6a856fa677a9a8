//! Every scenario once, without any disturbance: does each step come to what it
//! must, and what does it ask the vendor for?

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    Failure, expectation,
    scenario::{Act, Expect, Fewest, Scenario},
    stand::{Ran, Setup, Stand, Workshop},
    subject::Subject,
    template::{Template, split},
    wire::Exchange,
};

/// A request of a scenario, as it comes up again whenever the scenario runs.
#[derive(Debug, Clone)]
pub struct Use {
    /// Method.
    pub method: String,
    /// What it asks.
    pub template: Template,
    /// Which scenario, by its number.
    pub scenario: usize,
    /// Which step, by its number.
    pub step: usize,
    /// Which of the same requests in this step, from 0.
    pub nth: usize,
    /// What the lab answered.
    pub status: u16,
    /// The answer; null where it is not JSON.
    pub answer: Value,
}

/// What a step asked for.
#[derive(Debug, Clone)]
pub struct Calls {
    /// The scenario.
    pub scenario: &'static str,
    /// The step.
    pub step: &'static str,
    /// Requests.
    pub made: usize,
    /// How many of them looked again at what was not finished yet.
    pub waited: usize,
    /// The fewest that the API allows, and why; none where that is not stated.
    pub fewest: Option<Fewest>,
}

impl Calls {
    /// What is wrong with the number.
    fn problem(&self) -> Option<String> {
        let place = format!("{}: {}", self.scenario, self.step);
        let needed = self.made.saturating_sub(self.waited);
        match self.fewest {
            None if self.made > 0 => Some(format!("{place}: nobody says why it takes {needed} calls")),
            Some(Fewest { calls, more, .. }) if needed > calls + more => Some(format!(
                "{place}: it takes {needed} calls, {calls} would do, and {} are accounted for",
                calls + more
            )),
            _ => None,
        }
    }
}

/// What came of all scenarios of a plugin.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    /// Requests in all.
    pub requests: usize,
    /// Requests that break the vendor's contract.
    pub violations: Vec<String>,
    /// Steps that did not come to what they must.
    pub problems: Vec<String>,
    /// Every request.
    pub uses: Vec<Use>,
    /// What exists at the vendor after each step.
    pub living: BTreeMap<(usize, usize), BTreeMap<String, i64>>,
    /// Scenarios and steps with a vendor that behaves unusually.
    pub tricked: BTreeSet<(usize, usize)>,
    /// Scenarios and steps that are meant to be refused.
    pub refused: BTreeSet<(usize, usize)>,
    /// Requests by step.
    pub calls: Vec<Calls>,
}

impl Baseline {
    /// The different requests, sorted.
    pub fn endpoints(&self) -> Vec<(String, Template)> {
        let all: BTreeSet<(String, Template)> =
            self.uses.iter().map(|one| (one.method.clone(), one.template.clone())).collect();
        all.into_iter().collect()
    }
}

/// Runs every scenario of a plugin.
pub async fn run(workshop: &Workshop, subject: &'static Subject) -> Result<Baseline, Failure> {
    let mut all = Baseline::default();
    for (number, scenario) in (subject.scenarios)().iter().enumerate() {
        one(workshop, subject, number, scenario, &mut all).await?;
    }
    Ok(all)
}

async fn one(
    workshop: &Workshop,
    subject: &'static Subject,
    number: usize,
    scenario: &Scenario,
    all: &mut Baseline,
) -> Result<(), Failure> {
    let mut stand = Stand::for_scenario(workshop, subject, Setup::default(), scenario).await?;
    let mut said = BTreeSet::new();
    for (at, step) in scenario.steps.iter().enumerate() {
        let before = stand.known.get(step.label).cloned();
        let looks = stand.machine.looks();
        let ran = stand.run(step).await;
        let problem = expectation::judge(step, &ran, before.as_ref(), stand.schema(step.kind));
        all.problems.extend(problem.map(|words| format!("{}: {}: {words}", scenario.name, step.name)));
        if step.trick.is_some() {
            all.tricked.insert((number, at));
        }
        if matches!(step.expect, Expect::Refused(_)) {
            all.refused.insert((number, at));
        }
        note(&stand, &mut said, (number, at), &ran, all);
        all.living.insert((number, at), stand.living());
        let made =
            if subject.vendor.is_empty() { stand.machine.looks() - looks } else { ran.exchanges.len() };
        let fewest = scenario.fewest.iter().find(|fewest| fewest.step == step.name);
        let calls = Calls {
            scenario: scenario.name,
            step: step.name,
            made,
            waited: ran.waits.len(),
            fewest: fewest.copied(),
        };
        // A hand at the vendor is none of the plugin's.
        if !matches!(step.act, Act::Hand(..)) {
            all.problems.extend(calls.problem());
            all.calls.push(calls);
        }
    }
    all.requests += if subject.vendor.is_empty() { stand.machine.looks() } else { stand.wire.count() };
    let broken = stand.lab.violations();
    all.violations.extend(
        broken
            .into_iter()
            .filter(|one| one.vendor == subject.vendor)
            .map(|one| format!("{}: {} ({}): {}", scenario.name, one.request, one.judge, one.message)),
    );
    let duplicates = stand.lab.books().duplicates();
    all.problems.extend(
        duplicates.into_iter().map(|(_, kind, name)| format!("{}: two of {kind} `{name}`", scenario.name)),
    );
    Ok(())
}

fn note(stand: &Stand, said: &mut BTreeSet<String>, at: (usize, usize), ran: &Ran, all: &mut Baseline) {
    words(&ran.desired, said);
    let first = all.uses.len();
    for exchange in &ran.exchanges {
        let template = template(stand, exchange, said);
        let method = exchange.seen.method.clone();
        let nth =
            all.uses[first..].iter().filter(|one| one.method == method && one.template == template).count();
        let answer: Value = serde_json::from_slice(&exchange.body).unwrap_or_default();
        words(&answer, said);
        all.uses.push(Use {
            method,
            template,
            scenario: at.0,
            step: at.1,
            nth,
            status: exchange.status,
            answer,
        });
    }
}

/// By the vendor's specification; without one, segments that are no fixed words
/// of the API: what an earlier answer or a desired value told.
fn template(stand: &Stand, exchange: &Exchange, said: &BTreeSet<String>) -> Template {
    let path = &exchange.seen.path;
    if let Some(known) = stand.lab.template(stand.subject.vendor, path) {
        return Template(known);
    }
    let base = split(stand.subject.base).len();
    let segments = split(path);
    let verb = segments.iter().position(|segment| matches!(*segment, "manifests" | "tags" | "blobs"));
    let mut shown = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        let image = segments.first() == Some(&"v2") && at > 0 && verb.is_some_and(|verb| at < verb);
        if image {
            if at == 1 {
                shown.push("{name}");
            }
        } else if at >= base
            && (said.contains(*segment)
                || verb == Some(at.wrapping_sub(1)) && *segment != "list"
                || is_value(segment))
        {
            shown.push("{}");
        } else {
            shown.push(segment);
        }
    }
    Template(format!("/{}", shown.join("/")))
}

fn is_value(segment: &str) -> bool {
    let versions = ["v1", "v2", "v4", "1.0"];
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    !versions.contains(&segment) && (digits >= 3 || segment.contains(['%', ':', '@']) || segment.len() > 40)
}

fn words(value: &Value, said: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            said.insert(text.clone());
        }
        Value::Number(number) => {
            said.insert(number.to_string());
        }
        Value::Array(items) => items.iter().for_each(|item| words(item, said)),
        Value::Object(fields) => fields.values().for_each(|inner| words(inner, said)),
        _ => {}
    }
}
