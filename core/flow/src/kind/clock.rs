//! Whether a host's clock may be trusted: certificates of a cluster begin at the
//! moment when its first server makes them. Pure but for [`now`].

use std::time::{SystemTime, UNIX_EPOCH};

use honey_model::{Fault, FaultClass};
use honey_ports::host::Facts;

/// More than any round trip, less than what certificates forgive.
const LIMIT_SECONDS: u64 = 60;

/// Seconds since 1970 on this machine.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(since).unwrap_or(i64::MAX)
}

/// Whether it goes too far from this machine's.
pub(super) fn is_off(facts: &Facts) -> bool {
    facts.epoch_seconds != 0 && facts.clock_ahead_seconds.unsigned_abs() > LIMIT_SECONDS
}

/// An error when it does.
pub(super) fn refuse(host: &str, facts: &Facts) -> Result<(), Fault> {
    if !is_off(facts) {
        return Ok(());
    }
    let (seconds, way) = match facts.clock_ahead_seconds {
        behind @ ..0 => (behind.unsigned_abs(), "behind"),
        ahead => (ahead.unsigned_abs(), "ahead of"),
    };
    let text = format!("the clock of {host} is {seconds} s {way} this machine's");
    Err(Fault::new(FaultClass::Conflict, "HNY0593", text).with_help(
        "set it right, there or here (`timedatectl`, `cluster.host.time-sync`): k3s refuses certificates from another time",
    ))
}

#[cfg(test)]
mod tests {
    use honey_ports::host::Facts;

    use super::refuse;

    #[test]
    fn an_hour_is_refused_both_ways_and_a_slow_answer_is_not() {
        let at = |clock_ahead_seconds| Facts { epoch_seconds: 1, clock_ahead_seconds, ..Facts::default() };
        assert!(refuse("a", &at(59)).is_ok() && refuse("a", &at(-59)).is_ok());
        assert!(refuse("a", &at(3600)).unwrap_err().message.contains("3600 s ahead of"));
        assert!(refuse("a", &at(-3600)).unwrap_err().message.contains("3600 s behind"));
    }
}
