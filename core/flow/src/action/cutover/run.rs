//! Runs the steps under the lock and the journal; goes on or goes back after
//! a crash.

use std::time::{Duration, Instant};

use honey_model::{Diagnostic, Fault, FaultClass};
use honey_ports::{
    Event,
    store::{Journal, Lock},
};
use serde::Serialize;
use serde_json::Value;

use super::{CutoverPlan, Record, Step, steps};
use crate::{FlowError, Session, action::chore};

/// How a cutover ended.
#[derive(Clone, Debug, Serialize)]
pub struct CutoverOutcome {
    /// Was active.
    pub from: String,
    /// Was to become active.
    pub to: String,
    /// Active now.
    pub active: String,
    /// Each step that was done, also those taken back, with its time in seconds.
    pub steps: Vec<(Step, f64)>,
    /// The step that failed, if it went back for that.
    pub failed: Option<Step>,
    /// Why it went back to the source, if it did.
    pub restored_because: Option<Fault>,
}

/// Runs a plan from the start.
pub async fn run(session: &Session, plan: &CutoverPlan, run_name: &str) -> Result<CutoverOutcome, FlowError> {
    let lock = session.ports.store.lock("cutover").await?;
    let result = async {
        let state = session.state().await?;
        if state.active.epoch() + 1 != plan.epoch || state.lineage != plan.lineage {
            let text = "the active role has moved since this cutover was planned";
            return Err(FlowError::refused(Diagnostic::error("HNY0817", text).with_help("plan it again")));
        }
        refuse_unfinished(session).await?;
        let journal = session.ports.store.create_journal(run_name).await?;
        append(journal.as_ref(), &Record::CutoverBegun { plan: Box::new(plan.clone()) }).await?;
        forward(session, lock.as_ref(), journal.as_ref(), plan, &[]).await.map_err(resumable)
    }
    .await;
    lock.release().await?;
    result
}

/// Goes on with an unfinished one.
pub async fn resume(session: &Session) -> Result<CutoverOutcome, FlowError> {
    let lock = session.ports.store.lock("cutover --resume").await?;
    let result = async {
        let (journal, plan, done, aborting) = open(session).await?;
        if aborting {
            return back(session, lock.as_ref(), journal.as_ref(), &plan, None).await.map_err(resumable);
        }
        forward(session, lock.as_ref(), journal.as_ref(), &plan, &done).await.map_err(resumable)
    }
    .await;
    lock.release().await?;
    result
}

/// Goes back to the source, as long as that is the plan's to decide.
pub async fn abort(session: &Session) -> Result<CutoverOutcome, FlowError> {
    let lock = session.ports.store.lock("cutover --abort").await?;
    let result = async {
        let (journal, plan, _, _) = open(session).await?;
        let state = session.state().await?;
        if state.active.may_run_singletons(&plan.to) {
            let text = format!("`{}` is active already: the point of no return is behind", plan.to);
            let help = format!(
                "finish with `honey cutover --resume`, then `honey cutover --to {}` goes back",
                plan.from
            );
            return Err(FlowError::refused(Diagnostic::error("HNY0820", text).with_help(help)));
        }
        append(journal.as_ref(), &Record::AbortBegun).await?;
        back(session, lock.as_ref(), journal.as_ref(), &plan, None).await.map_err(resumable)
    }
    .await;
    lock.release().await?;
    result
}

/// Once the journal is begun a failure leaves a run that can be gone on with.
fn resumable(error: FlowError) -> FlowError {
    let FlowError::Fault(fault) = error else { return error };
    let help = fault.help.clone().map(|help| format!("{help}; ")).unwrap_or_default();
    FlowError::Suspended(fault.with_help(format!("{help}`honey cutover --resume` goes on afterwards")))
}

async fn refuse_unfinished(session: &Session) -> Result<(), FlowError> {
    match session.ports.store.unsealed().await? {
        Some(run) => Err(chore::refused(session, &run).await),
        None => Ok(()),
    }
}

async fn open(session: &Session) -> Result<(Box<dyn Journal>, CutoverPlan, Vec<Step>, bool), FlowError> {
    let nothing = || {
        let text = "there is no unfinished cutover";
        FlowError::refused(Diagnostic::error("HNY0821", text).with_help("see `honey status`"))
    };
    let run = session.ports.store.unsealed().await?.ok_or_else(nothing)?;
    let (journal, records) = session.ports.store.open_journal(&run).await?;
    let mut plan = None;
    let mut done = Vec::new();
    let mut aborting = false;
    for record in records {
        match serde_json::from_value(record) {
            Ok(Record::CutoverBegun { plan: begun }) => plan = Some(*begun),
            Ok(Record::StepDone { step }) => done.push(step),
            Ok(Record::AbortBegun) => aborting = true,
            Ok(_) => {}
            // Another kind of run.
            Err(_) => return Err(nothing()),
        }
    }
    Ok((journal, plan.ok_or_else(nothing)?, done, aborting))
}

async fn append(journal: &dyn Journal, record: &Record) -> Result<(), Fault> {
    let value = serde_json::to_value(record)
        .map_err(|error| Fault::new(FaultClass::Internal, "HNY0001", format!("a journal record: {error}")))?;
    journal.append(std::slice::from_ref::<Value>(&value)).await
}

async fn forward(
    session: &Session,
    lock: &dyn Lock,
    journal: &dyn Journal,
    plan: &CutoverPlan,
    done: &[Step],
) -> Result<CutoverOutcome, FlowError> {
    let mut times = Vec::new();
    for step in Step::ALL.into_iter().filter(|step| !done.contains(step)) {
        if session.cancel.is_canceled() && step.reversible() {
            let fault = Fault::new(FaultClass::Canceled, "HNY0385", "stopped as asked");
            append(journal, &Record::AbortBegun).await?;
            let outcome = back(session, lock, journal, plan, Some(fault)).await?;
            return Ok(CutoverOutcome { steps: times, ..outcome });
        }
        append(journal, &Record::StepBegun { step }).await?;
        match timed(session, step, steps::perform(session, lock, plan, step)).await {
            Ok(took) => {
                append(journal, &Record::StepDone { step }).await?;
                times.push((step, took.as_secs_f64()));
            }
            Err(fault) => {
                append(journal, &Record::StepFailed { step, fault: Box::new(fault.clone()) }).await?;
                if !step.reversible() {
                    return Err(FlowError::Fault(fault));
                }
                append(journal, &Record::AbortBegun).await?;
                let outcome = back(session, lock, journal, plan, Some(fault)).await?;
                return Ok(CutoverOutcome { steps: times, failed: Some(step), ..outcome });
            }
        }
    }
    append(journal, &Record::Sealed).await?;
    Ok(CutoverOutcome { steps: times, ..ended(plan, &plan.to) })
}

async fn back(
    session: &Session,
    lock: &dyn Lock,
    journal: &dyn Journal,
    plan: &CutoverPlan,
    because: Option<Fault>,
) -> Result<CutoverOutcome, FlowError> {
    session.progress.tell(Event::Notice { message: format!("going back to `{}`", plan.from) });
    steps::restore(session, lock, plan).await?;
    append(journal, &Record::Sealed).await?;
    Ok(CutoverOutcome { restored_because: because, ..ended(plan, &plan.from) })
}

fn ended(plan: &CutoverPlan, active: &str) -> CutoverOutcome {
    CutoverOutcome {
        from: plan.from.clone(),
        to: plan.to.clone(),
        active: active.to_owned(),
        steps: Vec::new(),
        failed: None,
        restored_because: None,
    }
}

async fn timed(
    session: &Session,
    step: Step,
    work: impl Future<Output = Result<(), Fault>>,
) -> Result<Duration, Fault> {
    let started = Instant::now();
    let phase = format!("cutover: {}", step.describe());
    session.progress.tell(Event::PhaseStarted { phase: phase.clone(), total: None });
    work.await?;
    let took = started.elapsed();
    session.progress.tell(Event::PhaseFinished { phase, took });
    Ok(took)
}
