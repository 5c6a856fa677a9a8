//! Streams of changes, one JSON line each.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::Stream;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    resource::ResourceType,
    selector,
    store::{Change, State},
};

/// What a client asked to watch, and how far it is.
pub(super) struct Watch {
    kind: ResourceType,
    namespace: Option<String>,
    labels: String,
    fields: String,
    seen: u64,
    pending: VecDeque<String>,
    changed: watch::Receiver<u64>,
    ends: Instant,
    bookmarks: bool,
    generation: u64,
    over: bool,
}

impl Watch {
    #[allow(clippy::too_many_arguments, reason = "one for each query parameter of a watch")]
    pub(super) fn new(
        state: &State,
        kind: ResourceType,
        namespace: Option<String>,
        labels: String,
        fields: String,
        from: u64,
        timeout: Option<u64>,
        bookmarks: bool,
    ) -> Self {
        let mut watch = Self {
            kind,
            namespace,
            labels,
            fields,
            seen: if from == 0 { state.version() } else { from },
            pending: VecDeque::new(),
            changed: state.subscribe(),
            ends: Instant::now() + Duration::from_secs(timeout.unwrap_or(3600)),
            bookmarks,
            generation: state.faults.watch_generation,
            over: false,
        };
        let oldest = state.log.front().map_or(0, |change| change.version);
        if from == 0 {
            let existing: Vec<Value> = state
                .list(&watch.kind.group, &watch.kind.plural, watch.namespace.as_deref())
                .filter(|(_, object)| watch.selects(object))
                .map(|(_, object)| object.clone())
                .collect();
            for object in existing {
                watch.push("ADDED", &object);
            }
        } else if from + 1 < oldest {
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410,
                "message": "too old resource version", "metadata": {},
            });
            watch.push("ERROR", &status);
            watch.over = true;
        }
        watch
    }

    fn selects(&self, object: &Value) -> bool {
        selector::labels_match(object, &self.labels) && selector::fields_match(object, &self.fields)
    }

    fn push(&mut self, event: &str, object: &Value) {
        self.pending.push_back(format!("{}\n", json!({"type": event, "object": object})));
    }

    /// Reads what happened since.
    fn catch_up(&mut self, state: &State) {
        if self.generation != state.faults.watch_generation {
            self.over = true;
            return;
        }
        let first = state.log.partition_point(|change| change.version <= self.seen);
        for change in state.log.iter().skip(first) {
            self.consider(change);
        }
        self.seen = state.version().max(self.seen);
    }

    fn consider(&mut self, change: &Change) {
        let here = change.key.group == self.kind.group
            && change.key.plural == self.kind.plural
            && self.namespace.as_ref().is_none_or(|namespace| *namespace == change.key.namespace);
        if !here {
            return;
        }
        let was = change.before.as_ref().is_some_and(|object| self.selects(object));
        let is = change.after.as_ref().is_some_and(|object| self.selects(object));
        match (was, is) {
            (false, true) => self.push("ADDED", &change.after.clone().unwrap_or_default()),
            (true, true) => self.push("MODIFIED", &change.after.clone().unwrap_or_default()),
            (true, false) => {
                let last = change.last.clone().or_else(|| change.after.clone()).unwrap_or_default();
                self.push("DELETED", &last);
            }
            (false, false) => {}
        }
    }

    /// The lines, until the watch times out, is cut by a script or the client leaves.
    pub(super) fn lines(
        self,
        state: Arc<Mutex<State>>,
    ) -> impl Stream<Item = Result<String, std::io::Error>> {
        futures::stream::unfold((self, state), |(mut watch, state)| async move {
            loop {
                if let Some(line) = watch.pending.pop_front() {
                    return Some((Ok(line), (watch, state)));
                }
                if watch.over {
                    return None;
                }
                watch.changed.borrow_and_update();
                watch.catch_up(&state.lock().unwrap_or_else(PoisonError::into_inner));
                if !watch.pending.is_empty() || watch.over {
                    continue;
                }
                let left = watch.ends.saturating_duration_since(Instant::now());
                let changed = tokio::time::timeout(left, watch.changed.changed()).await;
                match changed {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return None,
                    Err(_) => {
                        watch.over = true;
                        if watch.bookmarks {
                            let object = json!({
                                "kind": watch.kind.kind, "apiVersion": watch.kind.api_version(),
                                "metadata": {"resourceVersion": watch.seen.to_string()},
                            });
                            watch.push("BOOKMARK", &object);
                        }
                    }
                }
            }
        })
    }
}
