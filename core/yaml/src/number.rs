//! Numbers as Go reads and writes them: what a plain scalar resolves to, and
//! what becomes of it on its way through JSON to the API.

use serde_json::{Number, Value};

/// A number of a document, before JSON.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Parsed {
    Integer(i64),
    Unsigned(u64),
    Float(f64),
}

/// What begins with a digit or a sign. Underscores are left out wherever they stand, `0…`
/// is octal, `0b`, `0o` and `0x` are understood; sixty-based numbers are not.
pub(crate) fn digits(text: &str) -> Option<Parsed> {
    let plain = text.replace('_', "");
    integer(&plain).or_else(|| float(&plain))
}

fn integer(plain: &str) -> Option<Parsed> {
    let (negative, rest) = match plain.as_bytes().first()? {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, plain),
    };
    let (radix, digits) = match rest.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (16, &rest[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &rest[2..]),
        [b'0', b'b' | b'B', _, ..] => (2, &rest[2..]),
        [b'0', _, ..] => (8, &rest[1..]),
        _ => (10, rest),
    };
    // The parsers of the standard library would take a sign of their own.
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let signed = if negative { format!("-{digits}") } else { digits.to_owned() };
    if let Ok(value) = i64::from_str_radix(&signed, radix) {
        return Some(Parsed::Integer(value));
    }
    // Without a sign only, as Go has it.
    if plain.starts_with(['-', '+']) {
        None
    } else {
        u64::from_str_radix(digits, radix).ok().map(Parsed::Unsigned)
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, finite.
fn float(plain: &str) -> Option<Parsed> {
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(index) => (&unsigned[..index], Some(&unsigned[index + 1..])),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_holds =
        all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let exponent_holds = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    if !mantissa_holds || !exponent_holds {
        return None;
    }
    plain.parse::<f64>().ok().filter(|value| value.is_finite()).map(Parsed::Float)
}

/// What begins with a point. Underscores stand between digits only.
pub(crate) fn fraction(text: &str) -> Option<Parsed> {
    let bytes = text.as_bytes();
    let digit =
        |index: Option<usize>| index.and_then(|index| bytes.get(index)).is_some_and(u8::is_ascii_digit);
    let placed = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'_')
        .all(|(index, _)| digit(index.checked_sub(1)) && digit(Some(index + 1)));
    if placed { float(&text.replace('_', "")) } else { None }
}

/// A number as it arrives at the API: Go writes a whole float without a point, and what is written
/// without a point and fits is an integer again.
pub fn number(value: f64) -> Option<Number> {
    const LARGEST_WITHOUT_EXPONENT: f64 = 1e21;
    if value.fract() == 0.0 && value.abs() < LARGEST_WITHOUT_EXPONENT {
        // Through text, as Go: the shortest digits, then zeros.
        if let Ok(whole) = value.to_string().parse::<i64>() {
            return Some(whole.into());
        }
    }
    Number::from_f64(value)
}

impl Parsed {
    /// As JSON; `None` for what JSON has no word for.
    #[expect(clippy::cast_precision_loss, reason = "Kubernetes reads what is no int64 as a float")]
    pub(crate) fn to_json(self) -> Option<Value> {
        match self {
            Self::Integer(value) => Some(value.into()),
            Self::Unsigned(value) => Number::from_f64(value as f64).map(Value::Number),
            Self::Float(value) => number(value).map(Value::Number),
        }
    }

    /// As a key; `None` for what kubectl refuses.
    pub(crate) fn to_key(self) -> Option<String> {
        match self {
            Self::Integer(value) => Some(value.to_string()),
            Self::Unsigned(_) => None,
            Self::Float(value) => Some(short(value)),
        }
    }
}

/// Go's `%g` of the nearest float of 32 bits, the shortest text for it.
fn short(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "that is what the Go library does with keys")]
    let value = value as f32;
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    format!("{value}")
}
