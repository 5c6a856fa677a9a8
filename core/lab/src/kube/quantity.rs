//! Amounts as Kubernetes writes them: `0.5` is `500m`, `1024Mi` is `1Gi`.

/// What the API says of a text that is no amount.
pub(super) const REFUSAL: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];

/// The usual form of an amount: no fraction, the largest suffix. `None` for what is no amount.
pub(super) fn canonical(text: &str) -> Option<String> {
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let negative = number.starts_with('-');
    let number = number.strip_prefix(['+', '-']).unwrap_or(number);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: i128 = digits.parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    let sign = if negative && value != 0 { "-" } else { "" };
    if let Some(power) = BINARY.iter().skip(1).position(|known| *known == suffix) {
        let bytes = value.checked_mul(1024_i128.checked_pow(u32::try_from(power).ok()? + 1)?)?;
        let scale = 10_i128.checked_pow(u32::try_from(places).ok()?)?;
        if bytes % scale != 0 {
            // A fraction of a byte: thousandths, rounded up.
            let thousandths = (bytes.checked_mul(1000)? + scale - 1) / scale;
            return Some(format!("{sign}{thousandths}m"));
        }
        let mut bytes = bytes / scale;
        let mut step = 0;
        // Below 1Ki the usual form has no suffix.
        while bytes != 0 && bytes % 1024 == 0 && step + 1 < BINARY.len() {
            bytes /= 1024;
            step += 1;
        }
        return Some(format!("{sign}{bytes}{}", BINARY[step]));
    }
    let (exponent, scientific) = match DECIMAL.iter().find(|(known, _)| *known == suffix) {
        Some((_, exponent)) => (*exponent, false),
        None => (suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?, true),
    };
    let (mut value, mut exponent) = (value, exponent - places);
    if value == 0 {
        return Some("0".to_owned());
    }
    while value % 10 == 0 {
        value /= 10;
        exponent += 1;
    }
    // The largest multiple of three that leaves no fraction, and no finer than n.
    let target = (exponent.div_euclid(3) * 3).clamp(-9, 18);
    if exponent < target {
        let scale = 10_i128.checked_pow(u32::try_from(target - exponent).ok()?)?;
        value = (value + scale - 1) / scale;
    } else {
        value = value.checked_mul(10_i128.checked_pow(u32::try_from(exponent - target).ok()?)?)?;
    }
    if scientific {
        let power = if target == 0 { String::new() } else { format!("e{target}") };
        return Some(format!("{sign}{value}{power}"));
    }
    let suffix = DECIMAL.iter().find(|(_, exponent)| *exponent == target).map_or("", |(suffix, _)| suffix);
    Some(format!("{sign}{value}{suffix}"))
}

/// An amount in thousandths, to compare two. `None` for what is no amount.
pub(super) fn thousandths(text: &str) -> Option<i128> {
    let canonical = canonical(text)?;
    let end = canonical.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(canonical.len());
    let (number, suffix) = canonical.split_at(end);
    let number: i128 = number.parse().ok()?;
    if let Some(power) = BINARY.iter().skip(1).position(|known| *known == suffix) {
        return number.checked_mul(1000)?.checked_mul(1024_i128.checked_pow(u32::try_from(power).ok()? + 1)?);
    }
    let exponent = match DECIMAL.iter().find(|(known, _)| *known == suffix) {
        Some((_, exponent)) => *exponent,
        None => suffix.strip_prefix('e')?.parse().ok()?,
    } + 3;
    let scale = 10_i128.checked_pow(exponent.unsigned_abs())?;
    if exponent < 0 { Some(number / scale) } else { number.checked_mul(scale) }
}

#[cfg(test)]
mod tests {
    use super::{canonical, thousandths};

    #[test]
    fn amounts_get_their_usual_form() {
        for (given, wanted) in [
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("1500", "1500"),
            ("2000", "2k"),
            ("100Mi", "100Mi"),
            ("0", "0"),
            ("0.1", "100m"),
            ("1e3", "1e3"),
            ("-2000m", "-2"),
            ("1G", "1G"),
            ("512Ki", "512Ki"),
        ] {
            assert_eq!(canonical(given).as_deref(), Some(wanted), "{given}");
        }
        for wrong in ["", "x", "1Q", "1.2.3", "Mi", "1 Gi"] {
            assert_eq!(canonical(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn amounts_compare_across_suffixes() {
        for (less, more) in [("1Gi", "2Gi"), ("1G", "1Gi"), ("500m", "1"), ("900Mi", "1Gi"), ("1e3", "1Ki")] {
            assert!(thousandths(less).unwrap() < thousandths(more).unwrap(), "{less} {more}");
        }
    }
}
