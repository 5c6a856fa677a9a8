//! The time by which waits and deadlines of plugins are measured. Rehearsals
//! skip waits: each moves the clock on instead of passing. What guests are told
//! as the wall clock stays the real one.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// A real pause in place of a skipped one: others must get a turn.
const TURN: Duration = Duration::from_millis(1);

/// A clock; the real one by default.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Mutex<Skipped>>>);

/// What a skipping clock did not wait for.
#[derive(Debug, Default)]
struct Skipped {
    ahead: Duration,
    waits: Vec<Duration>,
}

impl Clock {
    /// A clock whose waits take no time.
    pub fn skipping() -> Self {
        Self(Some(Arc::default()))
    }

    /// Now, skipped waits included.
    pub(crate) fn now(&self) -> Instant {
        let ahead = self.0.as_ref().map_or(Duration::ZERO, |skipped| open(skipped).ahead);
        Instant::now() + ahead
    }

    /// Waits, or moves on.
    pub(crate) async fn sleep(&self, wait: Duration) {
        let Some(skipped) = &self.0 else { return tokio::time::sleep(wait).await };
        {
            let mut skipped = open(skipped);
            skipped.ahead += wait;
            skipped.waits.push(wait);
        }
        tokio::time::sleep(wait.min(TURN)).await;
    }

    /// The waits that were skipped since this was last asked, in their order;
    /// always none of the real clock.
    pub fn take_waits(&self) -> Vec<Duration> {
        self.0.as_ref().map(|skipped| std::mem::take(&mut open(skipped).waits)).unwrap_or_default()
    }
}

fn open(skipped: &Mutex<Skipped>) -> std::sync::MutexGuard<'_, Skipped> {
    skipped.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::Clock;
    use std::time::Duration;

    #[tokio::test]
    async fn skipped_waits_move_the_clock_and_are_told() {
        let (clock, hour) = (Clock::skipping(), Duration::from_hours(1));
        let before = clock.now();
        clock.sleep(hour).await;
        assert!(clock.now() - before >= hour);
        assert_eq!(clock.take_waits(), [hour]);
        assert!(clock.take_waits().is_empty());
    }
}
