//! Calling again what may succeed by waiting, and nothing else.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use honey_model::{Fault, FaultClass};
use honey_ports::call::Cancel;
use tokio::time::Instant;

/// How often and how long.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Calls in all, the first included.
    pub attempts: u32,
    /// Before the second call; doubled each time.
    pub first_wait: Duration,
    /// Never longer than this, unless the other side asked for more.
    pub longest_wait: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 5, first_wait: Duration::from_millis(500), longest_wait: Duration::from_secs(30) }
    }
}

impl Retry {
    /// How long to wait before the call after number `attempt` (from 1), or
    /// none when there is to be none. `random` is 0 to 1.
    pub fn wait(&self, attempt: u32, fault: &Fault, left: Duration, random: f64) -> Option<Duration> {
        if !fault.class.retriable() || attempt >= self.attempts {
            return None;
        }
        let doubled = self.first_wait.saturating_mul(1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX));
        let jittered = doubled.min(self.longest_wait).mul_f64(random.clamp(0.0, 1.0).mul_add(0.5, 0.5));
        // What the other side asked for is a floor, so it is only lengthened.
        let wait = fault.retry_after.map_or(jittered, |asked| asked.saturating_add(jittered.mul_f64(0.1)));
        (wait < left).then_some(wait)
    }

    /// Calls until it succeeds, fails for good, or time or patience is over.
    /// A wait ends early when the operator wants to stop.
    pub async fn run<T, F>(
        &self,
        deadline: Instant,
        cancel: &Cancel,
        mut call: impl FnMut() -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let mut attempt = 1;
        loop {
            let fault = match tokio::time::timeout_at(deadline, call()).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(fault)) => fault,
                Err(_) => {
                    let message = "the operation did not finish in its time";
                    return Err(Fault::new(FaultClass::Timeout, "HNY0304", message)
                        .with_help("`honey apply --resume` goes on where it stopped"));
                }
            };
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(wait) = self.wait(attempt, &fault, left, random()) else { return Err(fault) };
            if cancel.is_canceled() {
                return Err(stopped(&fault));
            }
            tracing::debug!(attempt, ?wait, %fault, "calling again");
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = cancel.canceled() => return Err(stopped(&fault)),
            }
            attempt += 1;
        }
    }
}

/// The operator wanted to stop while this was waiting to be tried again.
fn stopped(last: &Fault) -> Fault {
    Fault::new(FaultClass::Canceled, "HNY0309", format!("stopped while waiting to try again; last: {last}"))
}

/// 0 to 1. For spreading waits only.
fn random() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(bits).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use honey_model::{Fault, FaultClass};
    use honey_ports::call::Cancel;
    use tokio::time::Instant;

    use super::Retry;

    const LONG: Duration = Duration::from_hours(1);
    const QUICK: Retry =
        Retry { attempts: 5, first_wait: Duration::from_micros(10), longest_wait: Duration::from_millis(1) };

    fn fault(class: FaultClass) -> Fault {
        Fault::new(class, "test::fault", "no")
    }

    #[test]
    fn waits_grow_are_spread_and_end() {
        let retry = Retry::default();
        let wait = |attempt, random| retry.wait(attempt, &fault(FaultClass::Transient), LONG, random);
        assert_eq!(wait(1, 1.0), Some(Duration::from_millis(500)));
        assert_eq!(wait(1, 0.0), Some(Duration::from_millis(250)));
        assert_eq!(wait(4, 1.0), Some(Duration::from_secs(4)));
        assert_eq!(wait(5, 1.0), None, "five calls are all");
    }

    #[test]
    fn what_the_other_side_asked_for_is_honoured_or_given_up() {
        let mut limited = fault(FaultClass::RateLimited);
        limited.retry_after = Some(Duration::from_mins(1));
        let retry = Retry::default();
        assert!(retry.wait(1, &limited, LONG, 0.0).unwrap() >= Duration::from_mins(1));
        assert_eq!(retry.wait(1, &limited, Duration::from_secs(30), 0.0), None, "beyond the deadline");
    }

    #[tokio::test]
    async fn only_what_may_pass_is_called_again() {
        for (class, calls) in
            [(FaultClass::Invalid, 1), (FaultClass::Conflict, 1), (FaultClass::Transient, 5)]
        {
            let count = Cell::new(0);
            let call = || {
                count.set(count.get() + 1);
                async move { Err::<(), _>(fault(class)) }
            };
            let result = QUICK.run(Instant::now() + LONG, &Cancel::default(), call).await;
            assert_eq!(result.unwrap_err().class, class);
            assert_eq!(count.get(), calls, "{class:?}");
        }
    }

    #[tokio::test]
    async fn a_call_without_end_meets_its_deadline() {
        let call = std::future::pending::<Result<(), Fault>>;
        let soon = Instant::now() + Duration::from_millis(5);
        let result = QUICK.run(soon, &Cancel::default(), call).await;
        assert_eq!(result.unwrap_err().code, "HNY0304");
    }
}
