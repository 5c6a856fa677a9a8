//! One token bucket per credential, shared by all plugins that use it, fed by
//! what the vendor's own headers say.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use honey_plugin_pack::Rate;
use http::HeaderMap;

use crate::http::retry::retry_after;

/// The longest that a vendor's word is believed.
const LONGEST_BLOCK: Duration = Duration::from_mins(2);

struct Bucket {
    tokens: f64,
    filled: Instant,
    blocked_until: Option<Instant>,
}

/// All buckets of a host.
#[derive(Default)]
pub(crate) struct Buckets(Mutex<HashMap<String, Bucket>>);

impl Buckets {
    /// Takes one token; the answer is how long to wait before using it. Waits
    /// queue up: each caller gets its own moment.
    pub(crate) fn take(&self, key: &str, rate: &Rate, now: Instant) -> Duration {
        let mut buckets = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (burst, each) = (f64::from(rate.burst), 60.0 / f64::from(rate.per_minute.max(1)));
        let bucket = buckets.entry(key.to_owned()).or_insert(Bucket {
            tokens: burst,
            filled: now,
            blocked_until: None,
        });
        let passed = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed / each).min(burst) - 1.0;
        bucket.filled = now;
        let own =
            if bucket.tokens < 0.0 { Duration::from_secs_f64(-bucket.tokens * each) } else { Duration::ZERO };
        let blocked =
            bucket.blocked_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        own.max(blocked)
    }

    /// Learns from a reply.
    pub(crate) fn learn(&self, key: &str, status: u16, headers: &HeaderMap, now: Instant, clock: SystemTime) {
        let (remaining, reset) = told(headers, clock);
        let wait = if status == 429 {
            retry_after(headers, clock).or(reset)
        } else if remaining == Some(0) {
            reset.filter(|wait| *wait <= LONGEST_BLOCK)
        } else {
            None
        };
        let mut buckets = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(bucket) = buckets.get_mut(key) else { return };
        if let Some(remaining) = remaining {
            bucket.tokens = bucket.tokens.min(f64::from(u32::try_from(remaining).unwrap_or(u32::MAX)));
        }
        if let Some(wait) = wait {
            let until = now + wait.min(LONGEST_BLOCK);
            bucket.blocked_until = Some(bucket.blocked_until.map_or(until, |known| known.max(until)));
        }
    }
}

/// What a reply says is left, and when there is more.
fn told(headers: &HeaderMap, clock: SystemTime) -> (Option<u64>, Option<Duration>) {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    if let Some(text) = headers.get("ratelimit").and_then(|value| value.to_str().ok()) {
        let parameter = |wanted: &str| {
            text.split([';', ','])
                .find_map(|part| part.trim().split_once('=').filter(|(key, _)| *key == wanted))
        };
        let value = |wanted| parameter(wanted).and_then(|(_, value)| value.trim().parse::<u64>().ok());
        if let Some(remaining) = value("r").or_else(|| value("remaining")) {
            return (Some(remaining), value("t").or_else(|| value("reset")).map(Duration::from_secs));
        }
    }
    let either = |one: &str, other: &str| number(one).or_else(|| number(other));
    let remaining = either("ratelimit-remaining", "x-ratelimit-remaining").filter(|value| *value >= 0.0);
    let reset = either("ratelimit-reset", "x-ratelimit-reset").filter(|value| (0.0..1e11).contains(value));
    let reset = reset.map(|value| {
        let now = clock.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        Duration::from_secs_f64(if value > 1e8 { (value - now).max(0.0) } else { value })
    });
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative; saturates")]
    let remaining = remaining.map(|value| value as u64);
    (remaining, reset)
}

#[cfg(test)]
mod tests {
    use super::{Buckets, told};
    use honey_plugin_pack::Rate;
    use http::HeaderMap;
    use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    const RATE: Rate = Rate { per_minute: 60, burst: 2, feed: String::new() };

    #[test]
    fn the_burst_is_free_and_then_each_waits_its_turn() {
        let (buckets, now) = (Buckets::default(), Instant::now());
        let waits: Vec<u128> = (0..4).map(|_| buckets.take("k", &RATE, now).as_millis()).collect();
        assert_eq!(waits, [0, 0, 1000, 2000]);
        assert_eq!(buckets.take("other", &RATE, now), Duration::ZERO);
        assert_eq!(buckets.take("k", &RATE, now + Duration::from_secs(3)), Duration::ZERO);
    }

    #[test]
    fn the_vendor_knows_better() {
        let (buckets, now, clock) =
            (Buckets::default(), Instant::now(), UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        buckets.take("k", &RATE, now);
        buckets.learn("k", 429, &headers(&[("retry-after", "9")]), now, clock);
        assert_eq!(buckets.take("k", &RATE, now), Duration::from_secs(9));
        let left = headers(&[("ratelimit-remaining", "0"), ("ratelimit-reset", "1700000005")]);
        buckets.take("m", &RATE, now);
        buckets.learn("m", 200, &left, now, clock);
        assert_eq!(buckets.take("m", &RATE, now), Duration::from_secs(5));
    }

    #[test]
    fn all_spellings_are_understood() {
        let clock = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let seconds = |value| Some(Duration::from_secs(value));
        for (given, wanted) in [
            (headers(&[("ratelimit", "\"default\";r=50;t=30")]), (Some(50), seconds(30))),
            (headers(&[("ratelimit-remaining", "7"), ("ratelimit-reset", "12")]), (Some(7), seconds(12))),
            (
                headers(&[("x-ratelimit-remaining", "7"), ("x-ratelimit-reset", "1700000002")]),
                (Some(7), seconds(2)),
            ),
            (headers(&[("ratelimit-remaining", "many")]), (None, None)),
            (headers(&[]), (None, None)),
        ] {
            assert_eq!(told(&given, clock), wanted, "{given:?}");
        }
        assert_eq!(told(&headers(&[("ratelimit-reset", "1e300")]), SystemTime::now()), (None, None));
    }
}
