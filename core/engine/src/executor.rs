//! Runs a plan: intents before calls, results after them, all in the journal.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Instant,
};

use honey_model::{Address, Digest, Fault, FaultClass, Record, State, value};
use honey_plan::{Plan, why::verb};
use honey_ports::{
    Driver, Event, Progress, Secrets,
    call::Cancel,
    store::{Journal, Lock, StateStore},
};
use serde_json::Value;
use tokio::task::{JoinError, JoinSet};

use crate::{
    limits::Limits,
    perform::Work,
    record::{Entry, JOURNAL_FORMAT, Ledger, Stage},
    recorder::Recorder,
    resume,
    retry::Retry,
    schedule::Schedule,
};

/// At most so many operations start with one append.
const BATCH: usize = 1024;

/// Finds drivers by name.
pub trait Drivers: Send + Sync {
    /// The driver, where there is one.
    fn driver(&self, name: &str) -> Option<Arc<dyn Driver>>;
}

impl Drivers for BTreeMap<String, Arc<dyn Driver>> {
    fn driver(&self, name: &str) -> Option<Arc<dyn Driver>> {
        self.get(name).cloned()
    }
}

/// The owner mark of a scope.
pub type OwnerOf = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// Everything that a run needs.
pub struct Run<'a> {
    /// What is done.
    pub plan: Arc<Plan>,
    /// The state to go on from: as loaded; what the journal knows is added to it.
    pub state: State,
    /// Outputs of resources that the plan leaves as they are.
    pub known: BTreeMap<Address, Value>,
    /// The journal's records when a run is resumed; empty for a new one.
    pub replay: Vec<Value>,
    /// Who does it.
    pub drivers: &'a dyn Drivers,
    /// Where the state is saved.
    pub store: &'a dyn StateStore,
    /// Where it is recorded.
    pub journal: Box<dyn Journal>,
    /// Checked before every batch.
    pub lock: &'a dyn Lock,
    /// How much at once and how long.
    pub limits: Limits,
    /// How often again.
    pub retry: Retry,
    /// The operator's wish to stop. Also set when the lock is lost.
    pub cancel: Cancel,
    /// Who is told.
    pub progress: Progress,
    /// The owner mark of a scope.
    pub owner: OwnerOf,
    /// For fingerprints of the secrets that were applied; values go nowhere.
    pub secrets: Option<Arc<dyn Secrets>>,
}

/// Why a run ended before it was through.
#[derive(Clone, Debug, PartialEq)]
pub enum Interruption {
    /// The operator asked.
    Canceled,
    /// The lock is not ours any more.
    LockLost(Fault),
    /// The journal could not be written.
    Journal(Fault),
    /// The state could not be saved.
    NotSaved(Fault),
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// The state afterwards, saved unless the interruption says otherwise.
    pub state: State,
    /// Done in this run.
    pub done: Vec<Address>,
    /// Tried and failed.
    pub failed: Vec<(Address, Fault)>,
    /// Not tried, because the second one failed.
    pub skipped: Vec<(Address, Address)>,
    /// Why it ended early.
    pub interrupted: Option<Interruption>,
}

impl Outcome {
    /// Everything is done, saved and sealed.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.skipped.is_empty() && self.interrupted.is_none()
    }
}

/// Runs a plan, or goes on with one. `Err` means that nothing was started.
pub async fn execute(run: Run<'_>) -> Result<Outcome, Fault> {
    let digest = honey_plan::file::digest(&run.plan);
    let ledger = resume::read(&run.replay)?;
    let first = match ledger.digest() {
        None => Entry::Begun {
            format: JOURNAL_FORMAT,
            digest: digest.clone(),
            plan: Box::new((*run.plan).clone()),
        },
        Some(other) if *other != digest => {
            let message = "the journal belongs to another plan than the one to go on with";
            return Err(Fault::new(FaultClass::Conflict, "HNY0307", message));
        }
        Some(_) if ledger.is_sealed() => {
            return Err(Fault::new(
                FaultClass::Conflict,
                "HNY0307",
                "the run is complete: there is nothing to resume",
            ));
        }
        Some(_) => Entry::Resumed,
    };
    let state = resume::state(&run.plan, Some(run.state), &ledger)?;
    let is_done =
        |address: &Address| ledger.progress(address).is_some_and(|progress| progress.stage == Stage::Done);
    let mut known = run.known;
    known.retain(|address, _| !is_done(address));
    let mut executor = Executor {
        schedule: Schedule::new(&run.plan, run.limits.clone(), &is_done),
        recorder: Recorder::start(run.journal),
        pending: vec![first],
        tasks: JoinSet::new(),
        numbers: HashMap::new(),
        outcome: Outcome {
            state,
            done: Vec::new(),
            failed: Vec::new(),
            skipped: Vec::new(),
            interrupted: None,
        },
        started: HashMap::new(),
        plan: run.plan,
        digest,
        ledger,
        known,
        drivers: run.drivers,
        store: run.store,
        lock: run.lock,
        limits: run.limits,
        retry: run.retry,
        cancel: run.cancel,
        progress: run.progress,
        owner: run.owner,
        secrets: run.secrets,
    };
    executor.work().await;
    Ok(executor.close().await)
}

type Finished = Result<Option<Record>, Fault>;

struct Executor<'a> {
    plan: Arc<Plan>,
    digest: Digest,
    ledger: Ledger,
    known: BTreeMap<Address, Value>,
    schedule: Schedule,
    recorder: Recorder,
    /// Results that the next append records.
    pending: Vec<Entry>,
    tasks: JoinSet<Finished>,
    numbers: HashMap<tokio::task::Id, u32>,
    started: HashMap<u32, Instant>,
    outcome: Outcome,
    drivers: &'a dyn Drivers,
    store: &'a dyn StateStore,
    lock: &'a dyn Lock,
    limits: Limits,
    retry: Retry,
    cancel: Cancel,
    progress: Progress,
    owner: OwnerOf,
    secrets: Option<Arc<dyn Secrets>>,
}

impl Executor<'_> {
    async fn work(&mut self) {
        loop {
            let batch = self.next_batch().await;
            let batch = self.record(batch).await;
            let idle = batch.is_empty();
            for at in batch {
                self.start(at);
            }
            match self.tasks.join_next_with_id().await {
                Some(first) => self.joined(first),
                // Nothing runs, so nothing new can become ready.
                None if idle && self.pending.is_empty() => return,
                None => continue,
            }
            while let Some(next) = self.tasks.try_join_next_with_id() {
                self.joined(next);
            }
        }
    }

    fn interrupt(&mut self, why: Interruption) {
        if !matches!(why, Interruption::Canceled) {
            // What is in flight finishes, or stops at its next checkpoint.
            self.cancel.cancel();
        }
        self.outcome.interrupted.get_or_insert(why);
    }

    /// What may start now; nothing once the run is to end.
    async fn next_batch(&mut self) -> Vec<u32> {
        if self.outcome.interrupted.is_some() {
            return Vec::new();
        }
        let batch = self.schedule.take(BATCH);
        if batch.is_empty() {
            return batch;
        }
        if self.cancel.is_canceled() {
            self.interrupt(Interruption::Canceled);
        } else if let Err(fault) = self.lock.still_held().await {
            self.interrupt(Interruption::LockLost(fault));
        } else {
            return batch;
        }
        Vec::new()
    }

    /// Records earlier results and the intents of the batch with one append.
    async fn record(&mut self, batch: Vec<u32>) -> Vec<u32> {
        let mut entries = std::mem::take(&mut self.pending);
        entries.extend(batch.iter().map(|at| {
            let operation = &self.plan.operations[*at as usize];
            Entry::Intent {
                address: operation.address.clone(),
                action: operation.action,
                operation_id: self.operation_id(&operation.address),
            }
        }));
        if entries.is_empty() || matches!(self.outcome.interrupted, Some(Interruption::Journal(_))) {
            return batch;
        }
        match self.recorder.append(entries).await {
            Ok(()) => batch,
            Err(fault) => {
                self.interrupt(Interruption::Journal(fault));
                Vec::new()
            }
        }
    }

    /// The same for the same plan and address, whoever asks and how often.
    fn operation_id(&self, address: &Address) -> String {
        let digest = Digest::of_bytes(format!("{} {address}", self.digest).as_bytes());
        digest.as_str().get(7..39).unwrap_or(digest.as_str()).to_owned()
    }

    fn start(&mut self, at: u32) {
        let operation = &self.plan.operations[at as usize];
        let action = verb(operation.action).to_owned();
        self.progress.tell(Event::OperationStarted { address: operation.address.clone(), action });
        self.started.insert(at, Instant::now());
        let desired =
            match operation.desired.as_ref().map(|desired| self.resolve(&operation.address, desired)) {
                None => None,
                Some(Ok(desired)) => Some(desired),
                Some(Err(fault)) => return self.finished(at, Err(fault)),
            };
        let earlier = self.ledger.progress(&operation.address);
        let work = Work {
            plan: Arc::clone(&self.plan),
            at,
            driver: self.drivers.driver(&operation.driver),
            desired,
            operation_id: self.operation_id(&operation.address),
            owner: (self.owner)(operation.address.scope()),
            deadline: (self.limits.deadline)(operation),
            retry: self.retry,
            cancel: self.cancel.clone(),
            progress: self.progress.clone(),
            recorder: self.recorder.clone(),
            secrets: self.secrets.clone(),
            checkpoint: earlier.and_then(|earlier| earlier.checkpoint.clone()),
            deleted: earlier.is_some_and(|earlier| earlier.deleted),
        };
        let task = self.tasks.spawn(work.perform());
        self.numbers.insert(task.id(), at);
    }

    /// Fills references in; at this point every one must be known.
    fn resolve(&self, address: &Address, desired: &Value) -> Result<Value, Fault> {
        let outputs = |other: &Address| {
            let recorded = || self.outcome.state.resources.get(other).map(|record| &record.outputs);
            self.known.get(other).or_else(recorded)
        };
        let resolved = value::resolve(desired, &outputs);
        match resolved.unknown.first() {
            None => Ok(resolved.value),
            Some((place, reference)) => {
                let message = format!(
                    "{address} needs `{}` of {} at `{place}`, and there is no such output",
                    reference.pointer, reference.address
                );
                Err(Fault::new(FaultClass::Invalid, "HNY0302", message))
            }
        }
    }

    fn joined(&mut self, joined: Result<(tokio::task::Id, Finished), JoinError>) {
        let (id, result) = match joined {
            Ok(joined) => joined,
            Err(error) => {
                let message = "the operation's code panicked; what it did is found out on the next run";
                (error.id(), Err(Fault::new(FaultClass::Internal, "HNY0305", message)))
            }
        };
        if let Some(at) = self.numbers.remove(&id) {
            self.finished(at, result);
        }
    }

    fn finished(&mut self, at: u32, result: Finished) {
        let operation = &self.plan.operations[at as usize];
        let address = operation.address.clone();
        let took = self.started.remove(&at).map(|since| since.elapsed()).unwrap_or_default();
        match result {
            Ok(record) => {
                self.progress.tell(Event::OperationFinished {
                    address: address.clone(),
                    action: verb(operation.action).to_owned(),
                    took,
                });
                let result = record.clone().map(Box::new);
                self.pending.push(Entry::Done { address: address.clone(), result });
                self.known.remove(&address);
                match record {
                    Some(record) => drop(self.outcome.state.resources.insert(address.clone(), record)),
                    None => drop(self.outcome.state.resources.remove(&address)),
                }
                self.outcome.done.push(address);
                self.schedule.finish(at, true);
            }
            // Stopped at a checkpoint, not failed: its intent stays open, so a resume goes on with it.
            Err(fault) if fault.class == FaultClass::Canceled && self.cancel.is_canceled() => {
                self.schedule.finish(at, false);
                self.interrupt(Interruption::Canceled);
            }
            Err(fault) => {
                let told =
                    Event::OperationFailed { address: address.clone(), fault: Box::new(fault.clone()) };
                self.progress.tell(told);
                self.pending.push(Entry::Failed { address: address.clone(), fault: Box::new(fault.clone()) });
                self.schedule.finish(at, false);
                for follower in self.schedule.drop_followers(at) {
                    let skipped = self.plan.operations[follower as usize].address.clone();
                    let told = Event::OperationSkipped { address: skipped.clone(), because: address.clone() };
                    self.progress.tell(told);
                    self.outcome.skipped.push((skipped, address.clone()));
                }
                self.outcome.failed.push((address, fault));
            }
        }
    }

    /// Saves the state and, when everything is done, seals the journal.
    async fn close(mut self) -> Outcome {
        if let Some(Interruption::LockLost(_)) = &self.outcome.interrupted {
            // Somebody else may be writing: what was done stands in the journal.
            return self.outcome;
        }
        if !self.plan.operations.is_empty()
            && let Err(fault) = self.store.save(&mut self.outcome.state).await
        {
            self.interrupt(Interruption::NotSaved(fault));
        }
        if self.outcome.is_complete()
            && let Err(fault) = self.recorder.append([Entry::Sealed]).await
        {
            self.interrupt(Interruption::Journal(fault));
        }
        self.outcome
    }
}
