//! Waiting for what a vendor does in the background.

use crate::{Context, Fault, clock};

/// What one look showed.
pub enum Look<T> {
    /// Finished.
    Ready(T),
    /// Not yet; words for the operator, and per cent where the vendor tells.
    Waiting(String, Option<u8>),
}

/// How often to look, and how long within one call.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// First pause.
    pub first_ms: u32,
    /// Each pause is longer by half, up to this.
    pub longest_ms: u32,
    /// Waiting longer than this in one call is given back to the host.
    pub budget_ms: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { first_ms: 500, longest_ms: 5_000, budget_ms: 480_000 }
    }
}

/// Looks until it is ready. `None` when the budget or the host's own limit is
/// near: the caller then returns [`crate::Outcome::Pending`] or a timeout.
pub fn until<T>(
    ctx: Context,
    pace: Pace,
    mut look: impl FnMut() -> Result<Look<T>, Fault>,
) -> Result<Option<T>, Fault> {
    /// What a last look and the way back may take.
    const RESERVE_MS: u64 = 10_000;
    let mut pause = pace.first_ms.max(1);
    let mut waited: u64 = 0;
    loop {
        ctx.check_canceled()?;
        match look()? {
            Look::Ready(value) => return Ok(Some(value)),
            Look::Waiting(words, Some(percent)) => ctx.progress_percent(&words, percent),
            Look::Waiting(words, None) => ctx.progress(&words),
        }
        let next = u64::from(pause);
        if waited + next > pace.budget_ms || ctx.remaining_ms() < next + RESERVE_MS {
            return Ok(None);
        }
        clock::sleep(ctx, pause)?;
        waited += next;
        pause = pause.saturating_add(pause / 2).min(pace.longest_ms).max(1);
    }
}

/// Looks until it is ready, and counts running out of time as a fault.
pub fn wait<T>(
    ctx: Context,
    pace: Pace,
    what: &str,
    look: impl FnMut() -> Result<Look<T>, Fault>,
) -> Result<T, Fault> {
    until(ctx, pace, look)?.ok_or_else(|| Fault::timeout(format!("{what} did not finish in time")))
}
