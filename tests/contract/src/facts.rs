//! A machine without a vendor, as ssh would show it: scripted, counted.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use honey_model::Fault;
use honey_plugin_host::SshFacts;
use serde_json::{Value, json};

/// What the next looks show; the usual machine where nothing is said.
#[derive(Default)]
pub struct Machine {
    looks: Mutex<usize>,
    next: Mutex<Vec<Result<Value, Fault>>>,
}

impl Machine {
    /// What the next look shows; several in their order.
    pub fn show(&self, next: Result<Value, Fault>) {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).push(next);
    }

    /// How often somebody looked.
    pub fn looks(&self) -> usize {
        *self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The usual machine.
    pub fn usual() -> Value {
        json!({"os_id": "ubuntu", "os_version": "24.04", "architecture": "x86_64", "hostname": "box", "sudo": true,
            "addresses": ["203.0.113.7", "10.0.0.7", "2001:db8::7", "fe80::1"]})
    }
}

#[async_trait]
impl SshFacts for Machine {
    async fn facts(&self, _: &str, _: u16, _: &str, _: Option<&str>) -> Result<Value, Fault> {
        *self.looks.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if next.is_empty() { Ok(Self::usual()) } else { next.remove(0) }
    }
}
