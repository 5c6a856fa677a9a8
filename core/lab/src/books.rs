//! The lab's books: every vendor call, every object made or removed, every
//! instant with a running worker. Append only; tests read them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// One call of a vendor's API.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// Milliseconds since the lab started, at arrival.
    pub at_ms: u64,
    /// Vendor name.
    pub vendor: String,
    /// HTTP method.
    pub method: String,
    /// Path with identifiers replaced by `{…}` where the route names them.
    pub template: String,
    /// Path and query as asked.
    pub path: String,
    /// Status answered; 0 when the connection was cut.
    pub status: u16,
    /// Milliseconds until the answer.
    pub ms: u64,
    /// What was done, e.g. `server.create`.
    pub operation: String,
    /// The `User-Agent` of the caller.
    pub agent: String,
    /// A fault that changed the answer, by its name.
    pub fault: Option<String>,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// It began to exist.
    Created,
    /// It was changed in place.
    Changed,
    /// It ceased to exist.
    Deleted,
}

/// One line about an object of a vendor.
#[derive(Debug, Clone, Serialize)]
pub struct ObjectEvent {
    /// Milliseconds since the lab started.
    pub at_ms: u64,
    /// Vendor name.
    pub vendor: String,
    /// Vendor's word for the kind, e.g. `server`.
    pub kind: String,
    /// The vendor's identifier.
    pub id: String,
    /// The object's name.
    pub name: String,
    /// What happened.
    pub event: Event,
}

/// A running worker, from start to stop.
#[derive(Debug, Clone, Serialize)]
pub struct WorkerSpan {
    /// Which cluster.
    pub cluster: String,
    /// Which pod.
    pub pod: String,
    /// Milliseconds since the lab started.
    pub started_ms: u64,
    /// The same; none while it runs.
    pub stopped_ms: Option<u64>,
}

/// A request that broke a vendor's contract.
#[derive(Debug, Clone, Serialize)]
pub struct Violation {
    /// Milliseconds since the lab started.
    pub at_ms: u64,
    /// Vendor name.
    pub vendor: String,
    /// Method and path.
    pub request: String,
    /// `rules` (ours) or the name of a specification file.
    pub judge: String,
    /// What is wrong.
    pub message: String,
    /// The body as sent, shortened.
    pub body: String,
}

/// The books as one value.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    /// Every call.
    pub calls: Vec<Call>,
    /// Every object event.
    pub objects: Vec<ObjectEvent>,
    /// Every worker span.
    pub workers: Vec<WorkerSpan>,
    /// Every violation.
    pub violations: Vec<Violation>,
}

/// The books.
#[derive(Debug, Default)]
pub struct Books {
    calls: Mutex<Vec<Call>>,
    objects: Mutex<Vec<ObjectEvent>>,
    workers: Mutex<Vec<WorkerSpan>>,
    violations: Mutex<Vec<Violation>>,
    misreplies: Mutex<Vec<Violation>>,
}

fn open<T>(page: &Mutex<T>) -> MutexGuard<'_, T> {
    page.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Books {
    /// Writes a call down.
    pub fn call(&self, call: Call) {
        open(&self.calls).push(call);
    }

    /// Writes an object event down.
    pub fn object(&self, event: ObjectEvent) {
        open(&self.objects).push(event);
    }

    /// Writes a violation down.
    pub fn violation(&self, violation: Violation) {
        open(&self.violations).push(violation);
    }

    /// Writes down an answer of the lab itself that its vendor's specification
    /// does not allow.
    pub(crate) fn misreply(&self, violation: Violation) {
        open(&self.misreplies).push(violation);
    }

    /// Answers of the lab that a vendor's specification does not allow.
    pub fn misreplies(&self) -> Vec<Violation> {
        open(&self.misreplies).clone()
    }

    /// A worker began to run.
    pub fn worker_started(&self, cluster: &str, pod: &str, at_ms: u64) {
        open(&self.workers).push(WorkerSpan {
            cluster: cluster.to_owned(),
            pod: pod.to_owned(),
            started_ms: at_ms,
            stopped_ms: None,
        });
    }

    /// A worker stopped. A second call for the same pod changes nothing.
    pub fn worker_stopped(&self, cluster: &str, pod: &str, at_ms: u64) {
        let mut workers = open(&self.workers);
        let span = workers
            .iter_mut()
            .rev()
            .find(|span| span.cluster == cluster && span.pod == pod && span.stopped_ms.is_none());
        if let Some(span) = span {
            span.stopped_ms = Some(at_ms);
        }
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Call> {
        open(&self.calls).clone()
    }

    /// Calls of one vendor so far.
    pub fn calls_of(&self, vendor: &str) -> Vec<Call> {
        open(&self.calls).iter().filter(|call| call.vendor == vendor).cloned().collect()
    }

    /// How often an operation of a vendor was asked for.
    pub fn count(&self, vendor: &str, operation: &str) -> usize {
        open(&self.calls).iter().filter(|call| call.vendor == vendor && call.operation == operation).count()
    }

    /// Every object event so far.
    pub fn objects(&self) -> Vec<ObjectEvent> {
        open(&self.objects).clone()
    }

    /// How many objects of a kind were ever created.
    pub fn created(&self, vendor: &str, kind: &str) -> usize {
        self.count_events(vendor, kind, Event::Created)
    }

    /// How many objects of a kind were ever deleted.
    pub fn deleted(&self, vendor: &str, kind: &str) -> usize {
        self.count_events(vendor, kind, Event::Deleted)
    }

    fn count_events(&self, vendor: &str, kind: &str, event: Event) -> usize {
        open(&self.objects)
            .iter()
            .filter(|line| line.vendor == vendor && line.kind == kind && line.event == event)
            .count()
    }

    /// Names that two living objects of one vendor and kind carried at once.
    pub fn duplicates(&self) -> Vec<(String, String, String)> {
        let mut living: Vec<(String, String, String, String)> = Vec::new();
        let mut found = Vec::new();
        for line in open(&self.objects).iter() {
            match line.event {
                Event::Created => {
                    let twin = living.iter().any(|(vendor, kind, name, id)| {
                        vendor == &line.vendor && kind == &line.kind && name == &line.name && id != &line.id
                    });
                    if twin {
                        found.push((line.vendor.clone(), line.kind.clone(), line.name.clone()));
                    }
                    living.push((line.vendor.clone(), line.kind.clone(), line.name.clone(), line.id.clone()));
                }
                Event::Deleted => living.retain(|(vendor, kind, _, id)| {
                    !(vendor == &line.vendor && kind == &line.kind && id == &line.id)
                }),
                Event::Changed => {}
            }
        }
        found
    }

    /// Every worker span so far.
    pub fn workers(&self) -> Vec<WorkerSpan> {
        open(&self.workers).clone()
    }

    /// Milliseconds during which more than one worker ran; running ones count
    /// up to `now_ms`.
    pub fn overlap_ms(&self, now_ms: u64) -> u64 {
        self.sweep(now_ms, |running| running > 1)
    }

    /// Milliseconds without any worker between the first start and the last
    /// known instant of one (`now_ms` when none runs any more).
    pub fn gap_ms(&self, now_ms: u64) -> u64 {
        self.sweep(now_ms, |running| running == 0)
    }

    fn sweep(&self, now_ms: u64, counts: impl Fn(i64) -> bool) -> u64 {
        let mut edges: Vec<(u64, i64)> = Vec::new();
        for span in open(&self.workers).iter() {
            edges.push((span.started_ms, 1));
            edges.push((span.stopped_ms.unwrap_or(now_ms), -1));
        }
        edges.sort_unstable();
        let mut total = 0;
        let mut running = 0;
        let mut before: Option<u64> = None;
        for (at, step) in edges {
            if let Some(before) = before
                && counts(running)
            {
                total += at.saturating_sub(before);
            }
            running += step;
            before = Some(at);
        }
        if let Some(before) = before
            && running == 0
            && counts(0)
        {
            total += now_ms.saturating_sub(before);
        }
        total
    }

    /// Every violation so far.
    pub fn violations(&self) -> Vec<Violation> {
        open(&self.violations).clone()
    }

    /// Everything.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            calls: self.calls(),
            objects: self.objects(),
            workers: self.workers(),
            violations: self.violations(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_and_gap_of_workers() {
        let books = Books::default();
        books.worker_started("a", "one", 10);
        books.worker_stopped("a", "one", 30);
        books.worker_started("b", "two", 50);
        assert_eq!((books.overlap_ms(60), books.gap_ms(60)), (0, 20));
        books.worker_started("b", "three", 55);
        books.worker_stopped("b", "three", 58);
        assert_eq!((books.overlap_ms(60), books.gap_ms(60)), (3, 20));
    }

    #[test]
    fn twins_are_found_only_while_both_live() {
        let books = Books::default();
        let line = |id: &str, event| ObjectEvent {
            at_ms: 0,
            vendor: "hetzner".into(),
            kind: "server".into(),
            id: id.into(),
            name: "node-1".into(),
            event,
        };
        books.object(line("1", Event::Created));
        books.object(line("1", Event::Deleted));
        books.object(line("2", Event::Created));
        assert!(books.duplicates().is_empty());
        books.object(line("3", Event::Created));
        assert_eq!(books.duplicates().len(), 1);
    }
}
