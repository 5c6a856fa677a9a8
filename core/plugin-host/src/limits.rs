//! How much of the machine one call may take.

use std::time::Duration;

use wasmtime::{ResourceLimiter, StoreContextMut, UpdateDeadline};

use crate::{call::CallState, engine::TICK};

/// Table elements in all.
const TABLE_ELEMENTS: usize = 100_000;

/// Memory and table limits of one call, and what was refused.
pub(crate) struct Limiter {
    memory: usize,
    used: usize,
    /// The limit that was hit, in words.
    pub(crate) exceeded: Option<String>,
}

/// The guest computed too long.
#[derive(Debug, thiserror::Error)]
#[error("the guest computed too long")]
pub(crate) struct OutOfCpu;

impl Limiter {
    pub(crate) fn new(memory_mib: u32) -> Self {
        Self { memory: (memory_mib as usize) << 20, used: 0, exceeded: None }
    }

    fn refuse(&mut self, what: String) -> wasmtime::Result<bool> {
        let text = format!("more than {what}");
        self.exceeded = Some(what);
        Err(wasmtime::Error::msg(text))
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.used + desired.saturating_sub(current);
        if wanted > self.memory {
            return self.refuse(format!("{} MiB of memory", self.memory >> 20));
        }
        self.used = wanted;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS {
            return self.refuse(format!("{TABLE_ELEMENTS} table elements"));
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        64
    }

    fn memories(&self) -> usize {
        16
    }
}

/// Counts the ticks in which the guest itself ran. While it waits for the host
/// no tick is counted; each tick lets the executor run others and the deadline strike.
pub(crate) fn count_ticks(
    budget: Duration,
) -> impl FnMut(StoreContextMut<CallState>) -> wasmtime::Result<UpdateDeadline> {
    let most = budget.as_millis() / TICK.as_millis();
    let mut ticks = 0_u128;
    move |_| {
        ticks += 1;
        if ticks > most { Err(OutOfCpu.into()) } else { Ok(UpdateDeadline::Yield(1)) }
    }
}

#[cfg(test)]
mod tests {
    use super::Limiter;
    use wasmtime::ResourceLimiter as _;

    #[test]
    fn all_memories_count_together() {
        let mut limiter = Limiter::new(1);
        assert!(limiter.memory_growing(0, 600 << 10, None).unwrap());
        assert!(limiter.memory_growing(0, 600 << 10, None).is_err());
        assert_eq!(limiter.exceeded.as_deref(), Some("1 MiB of memory"));
    }
}
