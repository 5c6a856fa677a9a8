//! Wall clock and sleep.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{bindings::honey::plugin::clock::Host, call::CallState};

impl Host for CallState {
    async fn now_ms(&mut self) -> wasmtime::Result<u64> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
    }

    async fn sleep_ms(&mut self, ms: u32) -> wasmtime::Result<()> {
        self.pause(Duration::from_millis(ms.into())).await;
        Ok(())
    }
}
