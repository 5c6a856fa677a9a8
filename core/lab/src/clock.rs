//! The lab's time: real instants for the books, scaled spans for the work
//! vendors pretend to do.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time of one lab.
#[derive(Debug, Clone)]
pub struct Clock {
    started: Instant,
    scale: f64,
}

impl Clock {
    /// A clock that starts now; `scale` multiplies every simulated span.
    pub fn new(scale: f64) -> Self {
        let scale = if scale.is_finite() && scale >= 0.0 { scale } else { 1.0 };
        Self { started: Instant::now(), scale }
    }

    /// Milliseconds since the lab started (not scaled).
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A simulated span of `ms` milliseconds as a real one.
    pub fn span(&self, ms: u64) -> Duration {
        Duration::from_millis(ms).mul_f64(self.scale)
    }

    /// Sleeps a simulated span.
    pub async fn sleep(&self, ms: u64) {
        tokio::time::sleep(self.span(ms)).await;
    }

    /// Wall clock in whole seconds since 1970.
    pub fn unix() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
    }

    /// Wall clock in milliseconds since 1970.
    pub fn unix_ms() -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }

    /// Wall clock as RFC 3339 in UTC with whole seconds.
    pub fn rfc3339() -> String {
        Self::rfc3339_after(0)
    }

    /// The time in so many seconds from now, in the same form.
    pub fn rfc3339_after(seconds: u64) -> String {
        jiff::Timestamp::from_second(i64::try_from(Self::unix() + seconds).unwrap_or(0))
            .map_or_else(|_| String::from("1970-01-01T00:00:00Z"), |stamp| stamp.to_string())
    }

    /// Now with `+00:00` for an offset, as some vendors write it.
    pub fn rfc3339_offset() -> String {
        Self::rfc3339().replace('Z', "+00:00")
    }
}
