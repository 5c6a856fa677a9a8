//! A cache of the plugin's own for this run, bounded.
//!
//! Calls of one plugin that ask for the same missing key at once wait for the
//! first of them: what it looks up is looked up once. A call that is itself
//! expected to fill a key never waits, so nobody waits in a circle.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use crate::{bindings::honey::plugin::cache::Host, call::CallState};

/// Bytes of all keys and values of one plugin.
const MOST: usize = 16 << 20;
/// How long another call's answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What one plugin keeps, and what its calls are about to keep.
#[derive(Default)]
pub(crate) struct Cache {
    kept: HashMap<String, Vec<u8>>,
    expected: HashMap<String, Arc<Notify>>,
}

impl Cache {
    /// Nothing is kept any more; whoever waits looks for itself.
    pub(crate) fn clear(&mut self) {
        self.kept.clear();
        for waiting in self.expected.drain().map(|(_, waiting)| waiting) {
            waiting.notify_waiters();
        }
    }
}

/// The keys that one call is expected to fill; given up when the call ends.
pub(crate) struct Expected {
    cache: Arc<Mutex<Cache>>,
    keys: Vec<String>,
}

impl Expected {
    pub(crate) fn new(cache: Arc<Mutex<Cache>>) -> Self {
        Self { cache, keys: Vec::new() }
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        for key in &self.keys {
            if let Some(waiting) = cache.expected.remove(key) {
                waiting.notify_waiters();
            }
        }
    }
}

impl Host for CallState {
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        let cache = self.plugin.cache.clone();
        let waiting = {
            let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(value) = cache.kept.get(&key) {
                return Ok(Some(value.clone()));
            }
            match cache.expected.get(&key) {
                Some(waiting) if self.expected.keys.is_empty() => waiting.clone(),
                Some(_) => return Ok(None),
                None => {
                    cache.expected.insert(key.clone(), Arc::default());
                    self.expected.keys.push(key);
                    return Ok(None);
                }
            }
        };
        let notified = waiting.notified();
        tokio::pin!(notified);
        notified.as_mut().enable();
        // It may have been filled between the look and the wait.
        if let Some(value) = cache.lock().unwrap_or_else(PoisonError::into_inner).kept.get(&key) {
            return Ok(Some(value.clone()));
        }
        tokio::select! {
            () = notified => {}
            () = tokio::time::sleep(PATIENCE.min(self.remaining())) => {}
            () = self.context.cancel.canceled() => {}
        }
        Ok(cache.lock().unwrap_or_else(PoisonError::into_inner).kept.get(&key).cloned())
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<()> {
        let mut cache = self.plugin.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let held: usize = cache.kept.iter().map(|(key, value)| key.len() + value.len()).sum();
        let size = key.len() + value.len();
        if size + held > MOST && size <= MOST {
            cache.kept.clear();
        }
        if let Some(waiting) = cache.expected.remove(&key) {
            waiting.notify_waiters();
        }
        self.expected.keys.retain(|expected| *expected != key);
        if size <= MOST {
            cache.kept.insert(key, value);
        }
        Ok(())
    }
}
