//! When a request is sent again, and after how long. Pure.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

/// What came of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// Nothing reached the vendor.
    NotSent,
    /// It may have reached the vendor, no whole answer came back.
    Interrupted,
    /// A status came back, with the time after which to come again, where told.
    Status(u16, Option<Duration>),
}

/// How often and how long.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Attempts in all.
    pub attempts: u32,
    /// Wait before the second attempt; doubles each time.
    pub base: Duration,
    /// Longest wait that is not the vendor's own word.
    pub most: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 6, base: Duration::from_millis(250), most: Duration::from_secs(20) }
    }
}

impl Retry {
    /// The wait before attempt `number + 1`, or `None` to hand the outcome over.
    /// `random` is between 0 and 1.
    pub(crate) fn wait(
        &self,
        number: u32,
        idempotent: bool,
        outcome: Attempt,
        remaining: Duration,
        random: f64,
    ) -> Option<Duration> {
        if number >= self.attempts {
            return None;
        }
        let again = match outcome {
            Attempt::NotSent | Attempt::Status(429, _) => true,
            Attempt::Interrupted | Attempt::Status(500 | 502..=504, _) => idempotent,
            Attempt::Status(..) => false,
        };
        if !again {
            return None;
        }
        let ceiling =
            self.base.saturating_mul(1_u32.checked_shl(number - 1).unwrap_or(u32::MAX)).min(self.most);
        let backoff = ceiling.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0);
        let wait = match outcome {
            Attempt::Status(_, Some(told)) => told.max(self.base.mul_f64(random.clamp(0.0, 1.0))),
            _ => backoff,
        };
        (wait < remaining).then_some(wait)
    }
}

/// The longest wait that a vendor is believed.
const LONGEST: Duration = Duration::from_hours(24);

/// Reads Retry-After: seconds or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default().min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::{Attempt, Retry, retry_after};
    use http::HeaderMap;
    use std::time::{Duration, SystemTime};

    const LONG: Duration = Duration::from_mins(10);

    #[test]
    fn only_what_cannot_happen_twice_is_sent_again() {
        let retry = Retry::default();
        for (idempotent, outcome, again) in [
            (true, Attempt::NotSent, true),
            (false, Attempt::NotSent, true),
            (true, Attempt::Interrupted, true),
            (false, Attempt::Interrupted, false),
            (true, Attempt::Status(503, None), true),
            (false, Attempt::Status(503, None), false),
            (false, Attempt::Status(429, None), true),
            (true, Attempt::Status(500, None), true),
            (false, Attempt::Status(500, None), false),
            (true, Attempt::Status(501, None), false),
            (true, Attempt::Status(200, None), false),
            (true, Attempt::Status(404, None), false),
        ] {
            assert_eq!(
                retry.wait(1, idempotent, outcome, LONG, 0.5).is_some(),
                again,
                "{idempotent} {outcome:?}"
            );
        }
    }

    #[test]
    fn waits_grow_end_and_heed_the_vendor_and_the_deadline() {
        let retry = Retry::default();
        let wait = |number, random| retry.wait(number, true, Attempt::NotSent, LONG, random);
        assert_eq!(wait(1, 1.0), Some(Duration::from_millis(250)));
        assert_eq!(wait(3, 1.0), Some(Duration::from_secs(1)));
        assert_eq!(wait(1, 0.0), Some(Duration::from_millis(125)));
        assert_eq!(wait(6, 0.0), None);
        let told = Attempt::Status(429, Some(Duration::from_secs(7)));
        assert_eq!(retry.wait(1, false, told, LONG, 0.0), Some(Duration::from_secs(7)));
        assert_eq!(retry.wait(1, false, told, Duration::from_secs(5), 0.0), None, "past the deadline");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        for (text, wanted) in [
            ("3", Some(3)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Tue, 06 Nov 1990 08:49:37 GMT", Some(0)),
            ("soon", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", text.parse().unwrap());
            assert_eq!(retry_after(&headers, now), wanted.map(Duration::from_secs), "{text}");
        }
    }
}
