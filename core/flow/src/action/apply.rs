//! `honey apply`: lock, make sure the world is the plan's, run it, verify.

use std::{collections::BTreeMap, sync::Arc};

use honey_engine::{Limits, Outcome, Retry, Run};
use honey_model::{Active, Address, Diagnostic, Fault, Observed, State};
use honey_plan::{Operation, Plan, Purpose, file::digest};
use honey_ports::{
    Driver, Event,
    store::{Journal, Lock, StateStore},
};
use serde::Serialize;
use serde_json::Value;

use super::{
    chore,
    plan::{Wish, plan_as},
};
use crate::{
    FlowError, MovedThing, Session, active_only,
    kind::DRIVER,
    phase::verify::{Verified, verify},
    session::OPERATION_LIMIT,
};

/// How an apply ended.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Applied {
    /// The instance.
    pub instance: String,
    /// Done by this command.
    pub done: Vec<Address>,
    /// Done by the same run before it was stopped, by action.
    pub earlier: BTreeMap<String, usize>,
    /// Tried and failed.
    pub failed: Vec<(Address, Fault)>,
    /// Not tried, because of the second one.
    pub skipped: Vec<(Address, Address)>,
    /// What the verification found, where there was one.
    pub verified: Option<Verified>,
}

/// Takes the lock for as long as a plan is made, approved and applied.
pub async fn lock(session: &Session, command: &str) -> Result<Box<dyn Lock>, FlowError> {
    let lock = session.ports.store.lock(command).await?;
    if let Err(error) = refuse_unfinished(session).await {
        lock.release().await?;
        return Err(error);
    }
    Ok(lock)
}

async fn refuse_unfinished(session: &Session) -> Result<(), FlowError> {
    match session.ports.store.unsealed().await? {
        Some(run) => Err(chore::refused(session, &run).await),
        None => Ok(()),
    }
}

/// Makes sure that a saved plan still fits: same build, same configuration,
/// same state, same world. Gives back what was observed.
pub async fn check_saved(session: &Session, plan: &Plan) -> Result<Observed, FlowError> {
    let state = session.state().await?;
    honey_plan::stale::same_state(plan, &state).map_err(FlowError::refused)?;
    if plan.purpose == Purpose::Destroy {
        let planned = super::destroy::plan(session, &plan.instance, true, &Wish::default()).await?;
        return still_fits(plan, planned.observed, &state);
    }
    let active = session.effective_active(&state.active, &plan.instance);
    let allowed = plan.operations.iter().map(|operation| operation.address.clone()).collect();
    let planned = plan_as(
        session,
        &plan.instance,
        &Wish { allow_destroy: allowed, ahead_of_active: plan.ahead_of_active, ..Wish::default() },
        state.clone(),
        &active,
    )
    .await?;
    if planned.plan.configuration != plan.configuration {
        let finding = Diagnostic::error("HNY0280", "the configuration has changed since the plan was made");
        return Err(FlowError::refused(finding.with_help("make a new plan")));
    }
    still_fits(plan, planned.observed, &state)
}

fn still_fits(plan: &Plan, observed: Observed, state: &State) -> Result<Observed, FlowError> {
    let moved = honey_plan::moved(plan, &observed, state);
    if moved.is_empty() {
        return Ok(observed);
    }
    let thing = |moved: honey_plan::Moved| MovedThing { address: moved.address, text: moved.what };
    Err(FlowError::Moved(moved.into_iter().map(thing).collect()))
}

/// Runs an approved plan under a held lock. `observed` is the look that the
/// plan was made from or checked against.
pub async fn run(
    session: &Session,
    lock: &dyn Lock,
    plan: Plan,
    observed: &Observed,
) -> Result<Applied, FlowError> {
    let mut state = session.state().await?;
    honey_plan::stale::same_state(&plan, &state).map_err(FlowError::refused)?;
    if plan.purpose == Purpose::Apply && state.active == Active::Nobody {
        let active = session.effective_active(&state.active, &plan.instance);
        if active != Active::Nobody {
            // Recorded before anything runs: a crash cannot leave a singleton without its instance.
            state.active = active;
            session.ports.store.save(&mut state).await?;
        }
    }
    if plan.purpose == Purpose::Destroy {
        remember(session, &mut state, &plan).await?;
    }
    let name = format!("apply-{:06}-{}", plan.serial, digest(&plan).short());
    let journal = session.ports.store.create_journal(&name).await?;
    let known = outputs(observed);
    execute(session, lock, journal, Vec::new(), plan, state, known).await
}

/// What the instance did for all of them is known after it is gone, too.
async fn remember(session: &Session, state: &mut State, plan: &Plan) -> Result<(), Fault> {
    let completed = match active_only::done_by_removed(state, plan) {
        Some(done) if done.is_empty() => return Ok(()),
        Some(done) => state.completed.clone().into_iter().chain(done).collect(),
        None => BTreeMap::new(),
    };
    if state.completed != completed {
        state.completed = completed;
        session.ports.store.save(state).await?;
    }
    Ok(())
}

/// Goes on with the run that was not finished.
pub async fn resume(session: &Session) -> Result<Applied, FlowError> {
    let lock = session.ports.store.lock("apply --resume").await?;
    let result = resume_locked(session, lock.as_ref()).await;
    lock.release().await?;
    result
}

/// The instance of the unfinished run, where that is a plan which somebody may go
/// on with: none where it is at work or cannot be read.
pub async fn unfinished_instance(store: &dyn StateStore) -> Option<String> {
    // A journal that is being written is not opened: opening cuts off a torn end.
    if store.at_work().await.unwrap_or(true) {
        return None;
    }
    let name = store.unsealed().await.ok()??;
    let (_, records) = store.open_journal(&name).await.ok()?;
    let ledger = honey_engine::resume::read(&records).ok()?;
    ledger.plan().map(|plan| plan.instance.clone())
}

async fn resume_locked(session: &Session, lock: &dyn Lock) -> Result<Applied, FlowError> {
    let nothing =
        |text: &str| FlowError::refused(Diagnostic::error("HNY0384", text).with_help("see `honey status`"));
    let name = session.ports.store.unsealed().await?.ok_or_else(|| nothing("there is no unfinished run"))?;
    if name.starts_with("cutover") || chore::is_chore(&name) {
        let command = chore::resume_with(session, &name).await;
        return Err(nothing(&format!("the unfinished run is no plan: go on with `{command}`")));
    }
    let (journal, records) = session.ports.store.open_journal(&name).await?;
    let state = session.state().await?;
    let ledger = honey_engine::resume::read(&records)?;
    let plan = ledger
        .plan()
        .cloned()
        .ok_or_else(|| nothing("the journal ends before its plan; nothing was done"))?;
    // What the plan left as it was is in the state; the rest the journal knows.
    let known =
        state.resources.iter().map(|(address, record)| (address.clone(), record.outputs.clone())).collect();
    execute(session, lock, journal, records, plan, state, known).await
}

/// Gives the unfinished run up. What its journal says was done goes into the
/// state first, so that nothing it made is forgotten.
pub async fn abandon(session: &Session) -> Result<String, FlowError> {
    let lock = session.ports.store.lock("apply --abandon").await?;
    let result = async {
        let nothing = |text: &str| {
            FlowError::refused(Diagnostic::error("HNY0384", text).with_help("see `honey status`"))
        };
        let store = &session.ports.store;
        let name = store.unsealed().await?.ok_or_else(|| nothing("there is no unfinished run"))?;
        if name.starts_with("cutover") {
            return Err(nothing("a cutover is not given up half-way: `honey cutover --resume` or `--abort`"));
        }
        if chore::is_chore(&name) {
            let command = chore::resume_with(session, &name).await;
            return Err(nothing(&format!("this run is not given up half-way: `{command}`")));
        }
        match store.open_journal(&name).await {
            Ok((_, records)) => {
                let ledger = honey_engine::resume::read(&records)?;
                if let Some(plan) = ledger.plan() {
                    let mut state = honey_engine::resume::state(plan, Some(session.state().await?), &ledger)?;
                    store.save(&mut state).await?;
                }
            }
            // Nothing of a damaged journal is believed: the next plan finds what exists by its marks.
            Err(fault) if fault.code == "HNY0707" => {}
            Err(fault) => return Err(fault.into()),
        }
        store.abandon(&name).await?;
        Ok(name)
    }
    .await;
    lock.release().await?;
    result
}

fn outputs(observed: &Observed) -> BTreeMap<Address, Value> {
    let found = observed.resources.keys().filter_map(|address| Some((address, observed.found(address)?)));
    found.map(|(address, found)| (address.clone(), found.outputs.clone())).collect()
}

struct AllDrivers<'a>(&'a Session);

impl honey_engine::Drivers for AllDrivers<'_> {
    fn driver(&self, name: &str) -> Option<Arc<dyn Driver>> {
        self.0.driver(name)
    }
}

async fn execute(
    session: &Session,
    lock: &dyn Lock,
    journal: Box<dyn Journal>,
    replay: Vec<Value>,
    plan: Plan,
    state: State,
    known: BTreeMap<Address, Value>,
) -> Result<Applied, FlowError> {
    let instance = plan.instance.clone();
    let purpose = plan.purpose;
    let wish = Wish { ahead_of_active: plan.ahead_of_active, ..Wish::default() };
    let started = std::time::Instant::now();
    let earlier = done_before(&plan, &replay)?;
    let total = Some(plan.operations.len().saturating_sub(earlier.values().sum()));
    session.progress.tell(Event::PhaseStarted { phase: "apply".to_owned(), total });
    let project = session.config.project.name.clone();
    let outcome = honey_engine::execute(Run {
        plan: Arc::new(plan),
        state,
        known,
        replay,
        drivers: &AllDrivers(session),
        store: session.ports.store.as_ref(),
        journal,
        lock,
        limits: limits(session),
        retry: Retry::default(),
        cancel: session.cancel.clone(),
        progress: session.progress.clone(),
        owner: Arc::new(move |scope| format!("{project}-{scope}")),
        secrets: Some(session.ports.secrets.clone()),
    })
    .await?;
    session.progress.tell(Event::PhaseFinished { phase: "apply".to_owned(), took: started.elapsed() });
    conclude(session, instance, purpose, &wish, outcome, earlier).await
}

/// What the journal of a resumed run says was done already, by action.
fn done_before(plan: &Plan, replay: &[Value]) -> Result<BTreeMap<String, usize>, Fault> {
    let ledger = honey_engine::resume::read(replay)?;
    let mut done = BTreeMap::new();
    let is_done = |operation: &&Operation| {
        ledger
            .progress(&operation.address)
            .is_some_and(|progress| progress.stage == honey_engine::Stage::Done)
    };
    for operation in plan.operations.iter().filter(is_done) {
        *done.entry(honey_plan::why::verb(operation.action).to_owned()).or_default() += 1;
    }
    Ok(done)
}

async fn conclude(
    session: &Session,
    instance: String,
    purpose: Purpose,
    wish: &Wish,
    outcome: Outcome,
    earlier: BTreeMap<String, usize>,
) -> Result<Applied, FlowError> {
    let complete = outcome.is_complete();
    let interrupted = outcome.interrupted.clone();
    let mut failed = outcome.failed;
    failed.sort_by(|a, b| a.0.cmp(&b.0));
    let mut applied = Applied {
        instance: instance.clone(),
        done: outcome.done,
        earlier,
        failed,
        skipped: outcome.skipped,
        verified: None,
    };
    if !complete {
        return Err(match interrupted {
            Some(honey_engine::Interruption::Canceled) => FlowError::Interrupted,
            Some(
                honey_engine::Interruption::LockLost(fault)
                | honey_engine::Interruption::Journal(fault)
                | honey_engine::Interruption::NotSaved(fault),
            ) => {
                let help = fault.help.clone().map(|help| format!("{help}; ")).unwrap_or_default();
                FlowError::Suspended(
                    fault.with_help(format!("{help}`honey apply --resume` goes on afterwards")),
                )
            }
            None => FlowError::Stopped(Box::new(applied)),
        });
    }
    if purpose == Purpose::Destroy {
        forget_active(session, &instance).await?;
    } else {
        applied.verified = Some(verify(session, &instance, wish).await?);
    }
    Ok(applied)
}

/// An instance that is gone cannot be the active one.
async fn forget_active(session: &Session, instance: &str) -> Result<(), FlowError> {
    let mut state = session.state().await?;
    let gone = !state.resources.keys().any(|address| address.scope() == instance);
    if gone && state.active.may_run_singletons(instance) {
        state.active = Active::Nobody;
        session.ports.store.save(&mut state).await?;
    }
    Ok(())
}

fn limits(session: &Session) -> Limits {
    let settings = &session.config.limits;
    let per_driver = session.ports.drivers.keys().map(|name| (name.clone(), settings.per_plugin)).collect();
    Limits {
        parallel: settings.parallel,
        per_driver,
        per_host: settings.per_host,
        host_of: Arc::new(host_of),
        weightless: Arc::new(|operation: &Operation| operation.driver == DRIVER && operation.kind == "value"),
        deadline: Arc::new(|_| OPERATION_LIMIT),
    }
}

/// Operations on one machine go one after another: two package managers at
/// once only wait for each other.
fn host_of(operation: &Operation) -> Option<String> {
    let on_host = operation.driver == DRIVER
        && matches!(operation.kind.as_str(), "host" | "host-firewall" | "k3s-server");
    on_host.then(|| format!("{}/{}", operation.address.scope(), operation.address.name()))
}
