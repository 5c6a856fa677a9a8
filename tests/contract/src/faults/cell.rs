//! One fault at one request.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use honey_lab::{
    Effect, RetryAfter,
    vendor::tap::{Answer, Seen, Verdict},
};
use serde_json::Value;

use super::{
    column::Column,
    rule::{self, Met, Outcome},
};
use crate::{
    Failure,
    baseline::{Baseline, Use},
    expectation,
    scenario::Expect,
    stand::{Setup, Stand, Workshop},
    subject::{Subject, Task},
    wire::Meddler,
};

/// Longest wait for an answer that is to be late, and how late it is.
const PATIENCE: Duration = Duration::from_millis(1_500);
const LATE_MS: u64 = 2_500;
/// How many answers a task is seen running in.
const LOOKS: usize = 3;

#[derive(Default)]
struct Tally {
    hits: usize,
    sent: usize,
}

struct Saboteur {
    subject: &'static Subject,
    one: Use,
    column: Column,
    /// Requests of the same kind that come first.
    skip: usize,
    /// Whether the task of the request is being watched.
    watching: bool,
    looks: usize,
    tally: Arc<Mutex<Tally>>,
}

impl Saboteur {
    fn concerns(&self, seen: &Seen) -> bool {
        seen.method == self.one.method && self.one.template.matches(&seen.path)
    }

    fn is_about_tasks(&self) -> bool {
        matches!(self.column, Column::TaskRuns | Column::TaskFails)
    }

    fn effect(&self) -> Verdict {
        let status = |status: u16, code: &str, retry_after| {
            Verdict::Fault(Effect::Status {
                status,
                code: (!code.is_empty()).then(|| code.to_owned()),
                message: Some("a rehearsal's refusal".to_owned()),
                retry_after,
            })
        };
        match self.column {
            Column::Unauthorized => status(401, "", RetryAfter::Absent),
            Column::Forbidden => status(403, "", RetryAfter::Absent),
            Column::NotFound => status(404, "", RetryAfter::Absent),
            Column::Locked => status(self.subject.locked.0, self.subject.locked.1, RetryAfter::Absent),
            Column::Invalid => status(422, "", RetryAfter::Absent),
            Column::LimitedSeconds => status(429, "", RetryAfter::Seconds(2)),
            Column::LimitedDate => status(429, "", RetryAfter::Date(2)),
            Column::Limited => status(429, "", RetryAfter::Absent),
            Column::LimitedVendor => Verdict::Answer(self.own_limit()),
            Column::ServerError => status(500, "", RetryAfter::Absent),
            Column::BadGateway => Verdict::Fault(Effect::BadGateway),
            Column::CutBefore => Verdict::Fault(Effect::CutBefore),
            Column::CutAfter => Verdict::Fault(Effect::CutAfter),
            Column::Slow => Verdict::Fault(Effect::Slow { ms: LATE_MS }),
            Column::TaskRuns | Column::TaskFails => Verdict::Pass,
        }
    }

    fn own_limit(&self) -> Answer {
        let (headers, body) = self.subject.limited;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut all = vec![("content-type".to_owned(), "application/json".to_owned())];
        for (name, value) in headers {
            all.push(((*name).to_owned(), value.replace("{reset}", &(now + 2).to_string())));
        }
        Answer { status: 429, headers: all, body: Bytes::from(body) }
    }
}

impl Meddler for Saboteur {
    fn before(&mut self, seen: &Seen) -> Verdict {
        if !self.concerns(seen) {
            return Verdict::Pass;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return Verdict::Pass;
        }
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.sent += 1;
        if self.is_about_tasks() {
            self.watching = true;
            return Verdict::Pass;
        }
        if self.column.times().is_some_and(|times| tally.hits >= times) {
            return Verdict::Pass;
        }
        tally.hits += 1;
        drop(tally);
        self.effect()
    }

    fn after(&mut self, _seen: &Seen, answer: &mut Answer, acted: bool) {
        if !(acted && self.watching) {
            return;
        }
        let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else { return };
        let failed = self.column == Column::TaskFails && self.looks > 0;
        if self.column == Column::TaskRuns && self.looks >= LOOKS {
            return;
        }
        if (self.subject.task)(&mut body, if failed { Task::Failed } else { Task::Running }) {
            self.looks += 1;
            self.tally.lock().unwrap_or_else(PoisonError::into_inner).hits += 1;
            answer.body = Bytes::from(body.to_string());
        }
    }
}

/// An outcome in a few words.
fn shown(outcome: &Result<Value, honey_model::Fault>) -> String {
    let text = match outcome {
        Ok(value) => value.to_string(),
        Err(fault) => fault.to_string(),
    };
    text.chars().take(200).collect()
}

/// Whether a plugin has to ask what became of work depends on how far the lab
/// got with it: a request that does not come up gets so many chances.
const CHANCES: usize = 6;

/// What the plugin does about it, or what is wrong about that.
pub(super) async fn run(
    workshop: &Workshop,
    subject: &'static Subject,
    baseline: &Baseline,
    one: &Use,
    column: Column,
) -> Result<Result<Outcome, String>, Failure> {
    let mut outcome = chance(workshop, subject, baseline, one, column).await?;
    for _ in 1..CHANCES {
        if !outcome.as_ref().is_err_and(|words| words.starts_with(rule::NOT_SENT)) {
            break;
        }
        outcome = chance(workshop, subject, baseline, one, column).await?;
    }
    Ok(outcome)
}

async fn chance(
    workshop: &Workshop,
    subject: &'static Subject,
    baseline: &Baseline,
    one: &Use,
    column: Column,
) -> Result<Result<Outcome, String>, Failure> {
    let about_tasks = matches!(column, Column::TaskRuns | Column::TaskFails);
    if about_tasks && !(subject.task)(&mut one.answer.clone(), Task::Running) {
        return Ok(Ok(Outcome::Nothing));
    }
    let scenario = &(subject.scenarios)()[one.scenario];
    let mut setup = Setup::default();
    if column == Column::Slow {
        setup.answer_within = PATIENCE;
    }
    let mut stand = Stand::for_scenario(workshop, subject, setup, scenario).await?;
    for step in &scenario.steps[..one.step] {
        stand.run(step).await;
    }
    let step = &scenario.steps[one.step];
    let before = stand.known.get(step.label).cloned();
    let tally = Arc::new(Mutex::new(Tally::default()));
    stand.wire.meddle(Some(Box::new(Saboteur {
        subject,
        one: one.clone(),
        column,
        skip: one.nth,
        watching: false,
        looks: 0,
        tally: tally.clone(),
    })));
    let mut ran = stand.once(step).await;
    let untouched = || tally.lock().unwrap_or_else(PoisonError::into_inner).sent == 0;
    if untouched() && ran.outcome.as_ref().is_err_and(|fault| fault.class.retriable()) {
        // The request is of the engine's second call.
        ran = stand.next(step, &ran).await;
    }
    stand.wire.meddle(None);
    let (hits, sent) = {
        let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        (tally.hits, tally.sent)
    };
    let status = match column {
        Column::Unauthorized => 401,
        Column::Forbidden => 403,
        Column::NotFound => 404,
        _ => 422,
    };
    let path = one.template.0.replace(['{', '}'], "");
    let safe = matches!(one.method.as_str(), "GET" | "HEAD" | "PUT" | "PATCH" | "DELETE");
    let meant = |code: &str| matches!(step.expect, Expect::Refused(wanted) if wanted == code);
    let judged = rule::judge(&Met {
        column,
        repeatable: safe || (subject.only_reads)(&path),
        hits,
        sent,
        waited: ran.waits.iter().sum(),
        fault: ran.outcome.as_ref().err().filter(|fault| !meant(&fault.code)),
        absorbed: matches!(step.expect, Expect::Refused(_))
            || (subject.absorbs)(&one.method, &path, status, ""),
        tells: subject.limited.0.iter().any(|(name, _)| ["ratelimit-reset", "retry-after"].contains(name)),
    });
    let outcome = match judged {
        Ok(outcome) => outcome,
        Err(words) => return Ok(Err(format!("{words} ({})", shown(&ran.outcome)))),
    };
    // Who was told that nothing is there goes on from that.
    let go_on = ran.outcome.is_err() || outcome == Outcome::Answer;
    let after = if go_on { stand.again(step, &ran).await } else { ran };
    let wrong = expectation::judge(step, &after, before.as_ref(), stand.schema(step.kind));
    if let Some(words) = wrong {
        return Ok(Err(format!("afterwards: {words}")));
    }
    // What the vendor calls gone is not asked for again.
    if column == Column::NotFound && outcome == Outcome::Answer {
        return Ok(Ok(outcome));
    }
    let living = stand.living();
    let same = baseline.living.get(&(one.scenario, one.step)) == Some(&living);
    Ok(if same { Ok(outcome) } else { Err(format!("afterwards there is {living:?}")) })
}
