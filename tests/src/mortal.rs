//! A state store that kills its process (SIGKILL, nothing is unwound, nothing
//! is flushed) at a given durable write, or after every journal record in turn.
//!
//! Durable writes are counted as they come: every journal record and every
//! save of the state is one. A record of a shared append is a point of its
//! own: what a crash in the middle of the write would leave is what is left.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use honey_model::{Fault, State};
use honey_ports::store::{Journal, Lock, LockHolder, StateStore};
use serde_json::Value;

/// On which side of the write the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// What happened is not recorded.
    Before,
    /// What is recorded has not happened.
    After,
}

/// When the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// It lives.
    Never,
    /// At the nth durable write, counted from 1.
    Nth(usize, Side),
    /// Right after the first record that its run's journal did not hold yet. An
    /// intent that a resume writes again is not new, so that every process gets
    /// one record further and each record of the run is a point once.
    NewRecord,
}

/// When the process dies, and how many writes there were.
#[derive(Debug)]
pub struct Death {
    when: When,
    written: AtomicUsize,
    known: Mutex<BTreeSet<String>>,
}

/// What makes a record another one: its kind, and what it is about.
fn mark(record: &Value) -> String {
    let word = |name: &str| record[name].as_str().unwrap_or_default();
    format!("{} {}{}", word("record"), word("address"), word("step"))
}

impl Death {
    /// Of a process that dies then.
    pub fn new(when: When) -> Arc<Self> {
        Arc::new(Self { when, written: AtomicUsize::new(0), known: Mutex::default() })
    }

    /// Durable writes so far.
    pub fn written(&self) -> usize {
        self.written.load(Ordering::SeqCst)
    }

    /// Of the next `count` writes, how many still happen where the process is to die among them.
    fn among(&self, count: usize) -> Option<usize> {
        let before = self.written.fetch_add(count, Ordering::SeqCst);
        let When::Nth(point, side) = self.when else { return None };
        let within = point > before && point <= before + count;
        within.then(|| point - before - usize::from(side == Side::Before))
    }

    /// The same for records of a journal.
    fn among_records(&self, records: &[Value]) -> Option<usize> {
        if self.when != When::NewRecord {
            return self.among(records.len());
        }
        self.written.fetch_add(records.len(), Ordering::SeqCst);
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        records.iter().position(|record| known.insert(mark(record))).map(|at| at + 1)
    }

    /// Records that a journal holds already.
    fn remember(&self, records: &[Value]) {
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.extend(records.iter().map(mark));
    }
}

fn die() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    // The signal is on its way; nothing may happen until it arrives.
    loop {
        std::thread::park();
    }
}

/// The wrapped store.
pub struct Mortal {
    inner: Arc<dyn StateStore>,
    death: Arc<Death>,
}

impl Mortal {
    /// Wraps a store.
    pub fn wrap(inner: Arc<dyn StateStore>, death: Arc<Death>) -> Arc<dyn StateStore> {
        Arc::new(Self { inner, death })
    }

    fn journal(&self, inner: Box<dyn Journal>) -> Box<dyn Journal> {
        Box::new(MortalJournal { inner, death: self.death.clone() })
    }
}

#[async_trait]
impl StateStore for Mortal {
    async fn load(&self) -> Result<Option<State>, Fault> {
        self.inner.load().await
    }

    async fn save(&self, state: &mut State) -> Result<(), Fault> {
        match self.death.among(1) {
            None => self.inner.save(state).await,
            Some(0) => die(),
            Some(_) => {
                self.inner.save(state).await?;
                die()
            }
        }
    }

    async fn lock(&self, command: &str) -> Result<Box<dyn Lock>, Fault> {
        self.inner.lock(command).await
    }

    async fn lock_holder(&self) -> Result<Option<LockHolder>, Fault> {
        self.inner.lock_holder().await
    }

    async fn break_lock(&self, id: &str) -> Result<(), Fault> {
        self.inner.break_lock(id).await
    }

    async fn create_journal(&self, run: &str) -> Result<Box<dyn Journal>, Fault> {
        Ok(self.journal(self.inner.create_journal(run).await?))
    }

    async fn open_journal(&self, run: &str) -> Result<(Box<dyn Journal>, Vec<Value>), Fault> {
        let (journal, records) = self.inner.open_journal(run).await?;
        self.death.remember(&records);
        Ok((self.journal(journal), records))
    }

    async fn unsealed(&self) -> Result<Option<String>, Fault> {
        self.inner.unsealed().await
    }

    async fn abandon(&self, run: &str) -> Result<(), Fault> {
        self.inner.abandon(run).await
    }
}

struct MortalJournal {
    inner: Box<dyn Journal>,
    death: Arc<Death>,
}

#[async_trait]
impl Journal for MortalJournal {
    async fn append(&self, records: &[Value]) -> Result<(), Fault> {
        let Some(kept) = self.death.among_records(records) else { return self.inner.append(records).await };
        if kept > 0 {
            self.inner.append(&records[..kept]).await?;
        }
        die()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_point_inside_a_shared_write_keeps_what_lies_before_it() {
        let after = Death::new(When::Nth(3, Side::After));
        assert_eq!((after.among(2), after.among(3)), (None, Some(1)));
        let before = Death::new(When::Nth(3, Side::Before));
        assert_eq!((before.among(1), before.among(3)), (None, Some(1)));
        let never = Death::new(When::Never);
        assert_eq!((never.among(7), never.written()), (None, 7));
    }

    #[test]
    fn every_process_gets_one_record_further_and_no_record_is_passed_over() {
        let run = [
            json!({"record": "begun"}),
            json!({"record": "intent", "address": "a"}),
            json!({"record": "done", "address": "a"}),
            json!({"record": "intent", "address": "b"}),
        ];
        let mut journal: Vec<Value> = Vec::new();
        for count in 1..=run.len() {
            let death = Death::new(When::NewRecord);
            death.remember(&journal);
            // What was under way is begun again; what is done is not.
            let again = usize::from(journal.last().is_some_and(|last| last["record"] == "intent"));
            let writes = &run[journal.len() - again..];
            let kept = death.among_records(writes).unwrap();
            assert_eq!(kept, again + 1);
            journal.extend_from_slice(&writes[again..kept]);
            assert_eq!(journal, run[..count]);
        }
        let last = Death::new(When::NewRecord);
        last.remember(&journal);
        assert_eq!(last.among_records(&run[3..]), None);
    }
}
