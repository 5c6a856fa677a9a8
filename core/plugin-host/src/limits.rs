//! How much of the machine one call may take.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
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

/// Counts what the guest itself computed. While it waits for the host no tick
/// comes; each tick lets the executor run others and the deadline strike.
pub(crate) fn count_ticks(
    budget: Duration,
) -> impl FnMut(StoreContextMut<CallState>) -> wasmtime::Result<UpdateDeadline> {
    let mut used = Duration::ZERO;
    let mut before = None;
    move |_| {
        let now = computed();
        used += share(before, now);
        before = Some(now);
        if used > budget { Err(OutOfCpu.into()) } else { Ok(UpdateDeadline::Yield(1)) }
    }
}

/// A thread and the processor time it has had.
type Computed = (std::thread::ThreadId, Duration);

fn computed() -> Computed {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    (std::thread::current().id(), Duration::try_from(time).unwrap_or_default())
}

/// What one tick counts: what the thread had of the processor since the tick
/// before, so that a guest on a busy machine is not charged for the others,
/// and a tick at most, since the thread may have worked for others meanwhile.
fn share(before: Option<Computed>, now: Computed) -> Duration {
    match before {
        Some((thread, then)) if thread == now.0 => now.1.saturating_sub(then).min(TICK),
        _ => TICK,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Limiter, TICK, computed, share};
    use wasmtime::ResourceLimiter as _;

    #[test]
    fn all_memories_count_together() {
        let mut limiter = Limiter::new(1);
        assert!(limiter.memory_growing(0, 600 << 10, None).unwrap());
        assert!(limiter.memory_growing(0, 600 << 10, None).is_err());
        assert_eq!(limiter.exceeded.as_deref(), Some("1 MiB of memory"));
    }

    #[test]
    fn a_starved_guest_is_charged_for_what_it_had() {
        let now = computed();
        let later = |millis| (now.0, now.1 + Duration::from_millis(millis));
        assert_eq!(share(Some(now), later(2)), Duration::from_millis(2));
        assert_eq!(share(Some(now), later(400)), TICK, "others ran on this thread too");
        let other = std::thread::spawn(computed).join().unwrap();
        assert_eq!(share(Some(other), now), TICK, "moved to another thread");
    }
}
