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
    let mut found = None;
    repeat(ctx, pace, &mut || {
        Ok(match look()? {
            Look::Ready(value) => {
                found = Some(value);
                None
            }
            Look::Waiting(words, percent) => Some((words, percent)),
        })
    })?;
    Ok(found)
}

/// Calls until there is nothing to wait for, or no time.
fn repeat(
    ctx: Context,
    pace: Pace,
    waits_for: &mut dyn FnMut() -> Result<Option<(String, Option<u8>)>, Fault>,
) -> Result<(), Fault> {
    /// What a last look and the way back may take.
    const RESERVE_MS: u64 = 10_000;
    let mut pause = pace.first_ms.max(1);
    let mut waited: u64 = 0;
    loop {
        ctx.check_canceled()?;
        match waits_for()? {
            None => return Ok(()),
            Some((words, Some(percent))) => ctx.progress_percent(&words, percent),
            Some((words, None)) => ctx.progress(&words),
        }
        let next = u64::from(pause);
        if waited + next > pace.budget_ms || ctx.remaining_ms() < next + RESERVE_MS {
            return Ok(());
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

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::{clock::now_ms, testing::MockHost};

    const START: u64 = 1_700_000_000_000;

    fn host() -> MockHost {
        MockHost::new("", "honeydue-box", "box/machine/one")
    }

    fn waiting() -> Look<()> {
        Look::Waiting("it".to_owned(), None)
    }

    #[test]
    fn pauses_grow_and_the_budget_ends_it() {
        let host = host();
        let mut looks = Vec::new();
        let pace = Pace { first_ms: 1_000, longest_ms: 2_000, budget_ms: 6_000 };
        let end = until(host.context(), pace, || {
            looks.push(now_ms() - START);
            Ok(waiting())
        });
        assert!(end.expect("no fault").is_none());
        assert_eq!(looks, [0, 1_000, 2_500, 4_500]);
    }

    #[test]
    fn the_hosts_own_limit_and_the_operator_end_it() {
        let host = host();
        let pace = Pace { budget_ms: u64::MAX, ..Pace::default() };
        assert_eq!(wait(host.context(), pace, "it", || Ok(waiting())).expect_err("no time").class, "timeout");
        assert!(now_ms() - START < 600_000, "before the host cuts it off");
        let host = self::host();
        host.cancel_at_ms(START + 1);
        assert_eq!(
            wait(host.context(), pace, "it", || Ok(waiting())).expect_err("stopped").class,
            "canceled"
        );
    }
}
