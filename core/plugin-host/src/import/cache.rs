//! A cache of the plugin's own for this run, bounded.

use std::sync::PoisonError;

use crate::{bindings::honey::plugin::cache::Host, call::CallState};

/// Bytes of all keys and values of one plugin.
const MOST: usize = 16 << 20;

impl Host for CallState {
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.plugin.cache.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned())
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<()> {
        let mut cache = self.plugin.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let held: usize = cache.iter().map(|(key, value)| key.len() + value.len()).sum();
        if key.len() + value.len() + held <= MOST {
            cache.insert(key, value);
        } else if key.len() + value.len() <= MOST {
            cache.clear();
            cache.insert(key, value);
        }
        Ok(())
    }
}
