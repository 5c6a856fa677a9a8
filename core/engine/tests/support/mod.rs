//! A world in memory with drivers, store, journal and lock over it.
#![allow(dead_code, reason = "each test uses its part")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use honey_engine::{Limits, Outcome, Retry, Run, execute};
use honey_model::{
    Address, Desired, Fault, FaultClass, Found, KindSchema, Lifecycle, Observation, Observed, Ownership,
    Resource, State,
};
use honey_plan::{Input, Options, Plan, Purpose};
use honey_ports::{
    Applied, ApplyAction, ApplyRequest, CallContext, Checked, Driver, Progress, Target,
    call::Cancel,
    store::{Journal, Lock, LockHolder, StateStore},
};
use serde_json::{Value, json};

pub(crate) fn address(text: &str) -> Address {
    Address::new(text).unwrap()
}

/// What the vendor keeps, and everything that ever happened to it.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) objects: BTreeMap<Address, Found>,
    pub(crate) created: BTreeMap<Address, u32>,
    pub(crate) operation_ids: BTreeMap<Address, BTreeSet<String>>,
    pub(crate) resumed_with: Vec<(Address, Value)>,
    pub(crate) calls: Vec<Address>,
}

type Hook = Box<dyn Fn(&Address, &CallContext, u32) -> Result<(), Fault> + Send + Sync>;

/// A driver whose create takes two steps with a checkpoint between them, and
/// which looks for its marks first.
pub(crate) struct WorldDriver {
    pub(crate) books: Arc<Mutex<Books>>,
    /// Called at the beginning of each apply with the number of this address's calls.
    pub(crate) hook: Hook,
    pub(crate) running: AtomicUsize,
    pub(crate) most: AtomicUsize,
}

impl WorldDriver {
    pub(crate) fn new(books: &Arc<Mutex<Books>>, hook: Hook) -> Arc<Self> {
        Arc::new(Self {
            books: Arc::clone(books),
            hook,
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        })
    }

    async fn change(&self, context: &CallContext, request: ApplyRequest<'_>) -> Result<Applied, Fault> {
        let address = &context.address;
        let call = {
            let mut books = self.books.lock().unwrap();
            books.calls.push(address.clone());
            books.operation_ids.entry(address.clone()).or_default().insert(context.operation_id.clone());
            if let Some(resume) = request.resume {
                books.resumed_with.push((address.clone(), resume.clone()));
            }
            u32::try_from(books.calls.iter().filter(|called| *called == address).count()).unwrap()
        };
        (self.hook)(address, context, call)?;
        if request.action == ApplyAction::Delete {
            self.books.lock().unwrap().objects.remove(address);
            return Ok(None);
        }
        let (id, fresh) = {
            let mut books = self.books.lock().unwrap();
            match books.objects.get(address) {
                Some(found) => (found.id.clone(), false),
                None => {
                    let count = books.created.entry(address.clone()).or_default();
                    *count += 1;
                    let id = format!("{}-{count}", address.name());
                    let marked = Found::new(id.clone(), json!({}), json!({ "id": id }), Ownership::Ours);
                    books.objects.insert(address.clone(), marked);
                    (id, true)
                }
            }
        };
        if fresh {
            context.checkpoint.save(&id, &json!({ "made": id })).await?;
        }
        tokio::task::yield_now().await;
        let mut books = self.books.lock().unwrap();
        let found = books.objects.get_mut(address).unwrap();
        found.attributes = request.desired.cloned().unwrap();
        Ok(Some(found.clone()))
    }
}

#[async_trait]
impl Driver for WorldDriver {
    fn schemas(&self) -> &[KindSchema] {
        &[]
    }

    async fn check(&self, _kind: &str, desired: &Value) -> Result<Checked, Fault> {
        Ok(Checked { desired: desired.clone(), diagnostics: Vec::new() })
    }

    async fn read(&self, context: &CallContext, _target: Target<'_>) -> Result<Option<Found>, Fault> {
        Ok(self.books.lock().unwrap().objects.get(&context.address).cloned())
    }

    async fn apply(&self, context: &CallContext, request: ApplyRequest<'_>) -> Result<Applied, Fault> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        let result = self.change(context, request).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        result
    }
}

/// A journal in memory that can stop answering after so many records, as a
/// killed process does, or fail as a full disk does.
#[derive(Clone, Default)]
pub(crate) struct MemoryJournal {
    pub(crate) records: Arc<Mutex<Vec<Value>>>,
    pub(crate) appends: Arc<AtomicUsize>,
    pub(crate) room: Option<usize>,
    pub(crate) full_is_fault: bool,
    pub(crate) died: Arc<tokio::sync::Notify>,
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn append(&self, records: &[Value]) -> Result<(), Fault> {
        self.appends.fetch_add(1, Ordering::SeqCst);
        let full = {
            let mut kept = self.records.lock().unwrap();
            let room =
                self.room.map_or(records.len(), |room| room.saturating_sub(kept.len()).min(records.len()));
            kept.extend_from_slice(&records[..room]);
            room < records.len()
        };
        if !full {
            return Ok(());
        }
        if self.full_is_fault {
            return Err(Fault::new(FaultClass::Internal, "HNY0708", "no space left"));
        }
        self.died.notify_one();
        std::future::pending().await
    }
}

#[derive(Default)]
pub(crate) struct MemoryStore {
    pub(crate) saved: Mutex<Option<State>>,
}

#[async_trait]
impl StateStore for MemoryStore {
    async fn load(&self) -> Result<Option<State>, Fault> {
        Ok(self.saved.lock().unwrap().clone())
    }
    async fn save(&self, state: &mut State) -> Result<(), Fault> {
        state.serial += 1;
        *self.saved.lock().unwrap() = Some(state.clone());
        Ok(())
    }
    async fn lock(&self, _command: &str) -> Result<Box<dyn Lock>, Fault> {
        unreachable!("the engine takes no lock")
    }
    async fn lock_holder(&self) -> Result<Option<LockHolder>, Fault> {
        Ok(None)
    }
    async fn break_lock(&self, _id: &str) -> Result<(), Fault> {
        Ok(())
    }
    async fn create_journal(&self, _run: &str) -> Result<Box<dyn Journal>, Fault> {
        unreachable!("the engine is handed its journal")
    }
    async fn open_journal(&self, _run: &str) -> Result<(Box<dyn Journal>, Vec<Value>), Fault> {
        unreachable!("the engine is handed its journal")
    }
    async fn unsealed(&self) -> Result<Option<String>, Fault> {
        Ok(None)
    }
}

#[derive(Default)]
pub(crate) struct MemoryLock {
    pub(crate) lost: AtomicBool,
}

#[async_trait]
impl Lock for MemoryLock {
    async fn still_held(&self) -> Result<(), Fault> {
        if self.lost.load(Ordering::SeqCst) {
            return Err(Fault::new(FaultClass::Conflict, "HNY0705", "the lock is gone"));
        }
        Ok(())
    }
    async fn release(&self) -> Result<(), Fault> {
        Ok(())
    }
}

pub(crate) fn wanted(things: &[(&str, Value, &[&str])]) -> Desired {
    let mut desired = Desired { scopes: vec!["w".to_owned()], ..Desired::default() };
    for (name, value, after) in things {
        let one = Resource {
            address: address(name),
            kind: "thing".to_owned(),
            driver: "world".to_owned(),
            desired: value.clone(),
            after: after.iter().map(|text| address(text)).collect(),
            lifecycle: Lifecycle::default(),
            origin: String::new(),
        };
        desired.add(one).unwrap();
    }
    desired
}

pub(crate) fn plan(desired: &Desired, books: &Arc<Mutex<Books>>, state: &State) -> Plan {
    let books = books.lock().unwrap();
    let mut observed = Observed::default();
    for address in desired.resources.keys().chain(state.resources.keys()) {
        let seen = books.objects.get(address).cloned().map(Box::new);
        observed.resources.insert(address.clone(), seen.map_or(Observation::Absent, Observation::Found));
    }
    let schema: KindSchema = serde_json::from_value(
        json!({"kind": "thing", "version": 1, "fields": {"region": {"immutable": "a thing cannot move"}}}),
    )
    .unwrap();
    let find = |_: &str, _: &str| Some(&schema);
    let options = Options {
        instance: "w".to_owned(),
        purpose: Purpose::Apply,
        allow_destroy: Vec::new(),
        replace: Vec::new(),
        honey_version: "0.1.0".to_owned(),
    };
    let plan =
        honey_plan::plan(&Input { desired, observed: &observed, state, schemas: &find, options }).unwrap();
    assert_eq!(honey_plan::lint::lint(&plan), []);
    plan
}

/// Everything of one run that a test may want to turn.
pub(crate) struct Setup {
    pub(crate) plan: Arc<Plan>,
    pub(crate) state: State,
    pub(crate) replay: Vec<Value>,
    pub(crate) journal: MemoryJournal,
    pub(crate) driver: Arc<WorldDriver>,
    pub(crate) store: MemoryStore,
    pub(crate) lock: MemoryLock,
    pub(crate) limits: Limits,
    pub(crate) cancel: Cancel,
}

impl Setup {
    pub(crate) fn new(plan: Plan, driver: Arc<WorldDriver>) -> Self {
        Self {
            state: State::empty(plan.lineage.clone()),
            plan: Arc::new(plan),
            replay: Vec::new(),
            journal: MemoryJournal::default(),
            driver,
            store: MemoryStore::default(),
            lock: MemoryLock::default(),
            limits: Limits::default(),
            cancel: Cancel::default(),
        }
    }

    pub(crate) async fn run(&self) -> Result<Outcome, Fault> {
        let drivers: BTreeMap<String, Arc<dyn Driver>> =
            BTreeMap::from([("world".to_owned(), Arc::clone(&self.driver) as Arc<dyn Driver>)]);
        let known: BTreeMap<Address, Value> = {
            let books = self.driver.books.lock().unwrap();
            books.objects.iter().map(|(at, found)| (at.clone(), found.outputs.clone())).collect()
        };
        execute(Run {
            plan: Arc::clone(&self.plan),
            state: self.state.clone(),
            known,
            replay: self.replay.clone(),
            drivers: &drivers,
            store: &self.store,
            journal: Box::new(self.journal.clone()),
            lock: &self.lock,
            limits: self.limits.clone(),
            retry: Retry {
                attempts: 4,
                first_wait: Duration::from_micros(50),
                longest_wait: Duration::from_millis(1),
            },
            cancel: self.cancel.clone(),
            progress: Progress::silent(),
            owner: Arc::new(|scope| format!("test-{scope}")),
            secrets: None,
        })
        .await
    }

    pub(crate) fn records(&self) -> Vec<Value> {
        self.journal.records.lock().unwrap().clone()
    }
}

pub(crate) fn fault(class: FaultClass) -> Fault {
    Fault::new(class, "world::fault", "the world said no")
}

pub(crate) fn quiet() -> Hook {
    Box::new(|_, _, _| Ok(()))
}
