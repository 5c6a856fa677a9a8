//! A run of steps that is no plan: looking after a node, restoring etcd.
//!
//! Its journal says what was asked for and which steps are done, so that the
//! same command goes on after a crash. Every step may be repeated.

use std::collections::BTreeMap;

use honey_model::{Diagnostic, Fault, FaultClass};
use honey_ports::{
    Event,
    store::{Journal, Lock},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{FlowError, Session};

/// A record of the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
enum Record {
    ChoreBegun {
        /// What was asked for.
        what: Value,
        /// The command that goes on.
        command: String,
    },
    StepBegun {
        step: String,
    },
    StepDone {
        step: String,
        /// What later steps need to know.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        note: Value,
    },
    StepFailed {
        step: String,
        fault: Box<Fault>,
    },
    Sealed,
}

/// An open run.
pub(crate) struct Chore {
    journal: Box<dyn Journal>,
    done: BTreeMap<String, Value>,
    /// Names the run, the same for every process that works on it.
    pub(crate) run: String,
}

/// An unfinished run that is no plan and no cutover.
pub(crate) struct Unfinished {
    run: String,
    journal: Box<dyn Journal>,
    what: Value,
    done: BTreeMap<String, Value>,
}

/// Begins a run of a kind, or goes on with the unfinished one of this family
/// for which `same` holds. Any other unfinished run is refused with the command that ends it.
pub(crate) async fn open<W: Serialize + DeserializeOwned>(
    session: &Session,
    family: &str,
    kind: &str,
    what: W,
    command: &str,
    same: impl FnOnce(&W) -> bool,
) -> Result<(Chore, W), FlowError> {
    if let Some(run) = session.ports.store.unsealed().await? {
        let found = if run.starts_with(family) { read(session, &run).await? } else { None };
        if let Some(unfinished) = found {
            let earlier: Option<W> = serde_json::from_value(unfinished.what).ok();
            if let Some(earlier) = earlier.filter(same) {
                let message = format!("going on with the run {run}");
                session.progress.tell(Event::Notice { message });
                let Unfinished { run, journal, done, .. } = Unfinished { what: Value::Null, ..unfinished };
                return Ok((Chore { journal, done, run }, earlier));
            }
        }
        return Err(refused(session, &run).await);
    }
    let run = format!("{family}-{kind}-{}", now_ms());
    let journal = session.ports.store.create_journal(&run).await?;
    let value = serde_json::to_value(&what).unwrap_or_default();
    let chore = Chore { journal, done: BTreeMap::new(), run };
    chore.append(&Record::ChoreBegun { what: value, command: command.to_owned() }).await?;
    Ok((chore, what))
}

/// Milliseconds since 1970: only for names that must differ.
fn now_ms() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis())
}

async fn read(session: &Session, run: &str) -> Result<Option<Unfinished>, Fault> {
    let (journal, records) = session.ports.store.open_journal(run).await?;
    let mut begun = None;
    let mut done = BTreeMap::new();
    for record in records {
        match serde_json::from_value(record) {
            Ok(Record::ChoreBegun { what, .. }) => begun = Some(what),
            Ok(Record::StepDone { step, note }) => drop(done.insert(step, note)),
            Ok(_) => {}
            Err(_) => return Ok(None),
        }
    }
    Ok(begun.map(|what| Unfinished { run: run.to_owned(), journal, what, done }))
}

/// The command that goes on with an unfinished run, whatever it is.
pub async fn resume_with(session: &Session, run: &str) -> String {
    if run.starts_with("cutover") {
        return "honey cutover --resume".to_owned();
    }
    if run.starts_with("node-") || run.starts_with("etcd-") {
        let records = session.ports.store.open_journal(run).await.map(|(_, records)| records);
        let begun = records.unwrap_or_default().into_iter().next();
        if let Some(Ok(Record::ChoreBegun { command, .. })) = begun.map(serde_json::from_value) {
            return command;
        }
    }
    "honey apply --resume".to_owned()
}

/// What failed or was stopped in the middle, with the command that goes on.
pub(crate) fn suspended(fault: Fault, command: &str) -> FlowError {
    let help = fault.help.clone().map(|help| format!("{help}; ")).unwrap_or_default();
    FlowError::Suspended(fault.with_help(format!("{help}go on with `{command}`")))
}

/// Whether a run is one of these.
pub(crate) fn is_chore(run: &str) -> bool {
    run.starts_with("node-") || run.starts_with("etcd-")
}

/// What somebody is told who wants to begin something else.
pub(crate) async fn refused(session: &Session, run: &str) -> FlowError {
    let command = resume_with(session, run).await;
    let finding = Diagnostic::error("HNY0383", format!("the run `{run}` was not finished"));
    FlowError::refused(finding.with_help(format!("go on with it: `{command}`")))
}

impl Chore {
    /// Does a step unless it is done; its note either way.
    pub(crate) async fn step(
        &mut self,
        session: &Session,
        lock: &dyn Lock,
        step: &str,
        work: impl Future<Output = Result<Value, Fault>>,
    ) -> Result<Value, Fault> {
        if let Some(note) = self.done.get(step) {
            return Ok(note.clone());
        }
        lock.still_held().await?;
        if session.cancel.is_canceled() {
            return Err(Fault::new(FaultClass::Canceled, "HNY0385", "stopped as asked"));
        }
        self.append(&Record::StepBegun { step: step.to_owned() }).await?;
        let started = std::time::Instant::now();
        session.progress.tell(Event::PhaseStarted { phase: step.to_owned(), total: None });
        match work.await {
            Ok(note) => {
                self.append(&Record::StepDone { step: step.to_owned(), note: note.clone() }).await?;
                self.done.insert(step.to_owned(), note.clone());
                let took = started.elapsed();
                session.progress.tell(Event::PhaseFinished { phase: step.to_owned(), took });
                Ok(note)
            }
            Err(fault) => {
                let failed = Record::StepFailed { step: step.to_owned(), fault: Box::new(fault.clone()) };
                self.append(&failed).await?;
                Err(fault)
            }
        }
    }

    /// Whether a step is done, and its note.
    pub(crate) fn note(&self, step: &str) -> Option<&Value> {
        self.done.get(step)
    }

    /// Nothing is left to go on with.
    pub(crate) async fn seal(self) -> Result<(), Fault> {
        self.append(&Record::Sealed).await
    }

    async fn append(&self, record: &Record) -> Result<(), Fault> {
        let value = serde_json::to_value(record).map_err(|error| {
            Fault::new(FaultClass::Internal, "HNY0001", format!("a journal record: {error}"))
        })?;
        self.journal.append(std::slice::from_ref(&value)).await
    }
}
