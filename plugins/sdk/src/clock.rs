//! Wall clock and sleep, and times as vendors write them.

use crate::{Context, Fault, host};

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    host::now_ms()
}

/// Sleeps; a fault when the operator wants to stop.
pub fn sleep(ctx: Context, ms: u32) -> Result<(), Fault> {
    ctx.check_canceled()?;
    host::sleep_ms(ms);
    ctx.check_canceled()
}

/// Seconds since 1970 as RFC 3339 writes them: `2026-06-03T12:00:00Z`.
pub fn rfc3339(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Years that begin in March put the leap day at their end.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

/// The beginning of the day of a time that begins `YYYY-MM-DD`, in seconds
/// since 1970; where only days matter, and vendors differ in what follows.
pub fn midnight_of(text: &str) -> Option<i64> {
    let date = text.get(..10)?;
    let mut parts = date.split('-').map(|part| part.parse::<i64>().ok().filter(|number| *number >= 0));
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some((era * 146_097 + day_of_era - 719_468) * 86_400)
}

#[cfg(test)]
mod tests {
    use super::{midnight_of, rfc3339};

    #[test]
    fn times_are_written_as_vendors_read_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
            assert_eq!(midnight_of(text), Some(seconds - seconds % 86_400), "{text}");
        }
        assert_eq!(midnight_of("2040-01-01 05:20:00 +0000 UTC"), Some(2_208_988_800));
        for bad in ["", "2040", "2040-13-01", "20x0-01-01", "-040-01-01", "\u{20ac}040-01-01"] {
            assert_eq!(midnight_of(bad), None, "{bad}");
        }
    }
}
