//! What a scalar means: YAML 1.1 as the Go library behind kubectl has it.
//!
//! Sixty-based numbers and dates stay texts, `y` and `n` are booleans, `0755` is
//! octal, `089` (no octal number) is 89.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::Value;

use crate::number::{self, Parsed};

/// What a scalar resolves to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Resolved {
    Null,
    Boolean(bool),
    Number(Parsed),
    /// `.inf`, `-.inf` and `.nan`, with the word for them in a key.
    NoNumber(&'static str),
    Text(String),
}

/// Why a scalar means nothing.
pub(crate) struct Refusal {
    pub(crate) message: &'static str,
    pub(crate) help: Option<&'static str>,
}

const PREFIX: &str = "tag:yaml.org,2002:";

/// Resolves a scalar. `plain` says that it was written without quotes.
pub(crate) fn resolve(tag: Option<&str>, value: &str, plain: bool) -> Result<Resolved, Refusal> {
    let Some(tag) = tag else {
        return Ok(if plain { implicit(value) } else { Resolved::Text(value.to_owned()) });
    };
    let text = || Resolved::Text(value.to_owned());
    // Tags of applications mean nothing to kubectl: what carries one is a text.
    let Some(short) = tag.strip_prefix(PREFIX) else { return Ok(text()) };
    let resolved = implicit(value);
    match (short, resolved) {
        ("binary", _) => binary(value),
        ("timestamp", _) if !looks_like_a_date(value) => {
            Err(Refusal { message: "not a date, as its tag says", help: None })
        }
        ("null", resolved @ Resolved::Null)
        | ("bool", resolved @ Resolved::Boolean(_))
        | ("int", resolved @ Resolved::Number(Parsed::Integer(_) | Parsed::Unsigned(_)))
        | ("float", resolved @ (Resolved::Number(Parsed::Float(_)) | Resolved::NoNumber(_))) => Ok(resolved),
        #[expect(clippy::cast_precision_loss, reason = "a float was asked for")]
        ("float", Resolved::Number(Parsed::Integer(number))) => {
            Ok(Resolved::Number(Parsed::Float(number as f64)))
        }
        ("null" | "bool" | "int" | "float", _) => Err(Refusal {
            message: "not what its tag says",
            help: Some("leave the tag out, or write a value of its type"),
        }),
        _ => Ok(text()),
    }
}

/// A scalar without a tag and without quotes.
pub(crate) fn implicit(value: &str) -> Resolved {
    match value {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Resolved::Boolean(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Resolved::Boolean(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Resolved::NoNumber(".nan"),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Resolved::NoNumber(".inf"),
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::NoNumber("-.inf"),
        _ => {}
    }
    let found = match value.as_bytes().first() {
        Some(b'0'..=b'9' | b'+' | b'-') => number::digits(value),
        Some(b'.') => number::fraction(value),
        _ => None,
    };
    found.map_or_else(|| Resolved::Text(value.to_owned()), Resolved::Number)
}

fn binary(value: &str) -> Result<Resolved, Refusal> {
    const GO: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
    );
    let joined: String = value.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let bytes =
        GO.decode(joined).map_err(|_| Refusal { message: "not base64, as its tag says", help: None })?;
    // kubectl would put a replacement character in the place of each wrong byte.
    String::from_utf8(bytes).map(Resolved::Text).map_err(|_| Refusal {
        message: "`!!binary` of bytes that are no text, which JSON cannot carry",
        help: Some(
            "write the base64 without the tag, under `binaryData` of a ConfigMap or `data` of a Secret",
        ),
    })
}

/// `2001-1-2`, and anything after it.
fn looks_like_a_date(value: &str) -> bool {
    let mut parts = value.splitn(3, '-');
    let digits = |part: Option<&str>, least: usize, most: usize| {
        part.is_some_and(|part| {
            (least..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    digits(parts.next(), 4, 4)
        && digits(parts.next(), 1, 2)
        && parts.next().is_some_and(|day| day.starts_with(|c: char| c.is_ascii_digit()))
}

impl Resolved {
    /// As JSON.
    pub(crate) fn to_json(&self) -> Result<Value, Refusal> {
        const NO_NUMBER: Refusal = Refusal {
            message: "a number that JSON cannot carry",
            help: Some("write a finite number, or quote it where a text is meant"),
        };
        match self {
            Self::Null => Ok(Value::Null),
            Self::Boolean(value) => Ok(Value::Bool(*value)),
            Self::Text(text) => Ok(Value::String(text.clone())),
            Self::Number(number) => number.to_json().ok_or(NO_NUMBER),
            Self::NoNumber(_) => Err(NO_NUMBER),
        }
    }

    /// As a key: kubectl makes texts of booleans and numbers.
    pub(crate) fn to_key(&self) -> Result<String, Refusal> {
        const NO_KEY: Refusal =
            Refusal { message: "a key that is no text", help: Some("put quotes around the key") };
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Boolean(value) => Ok(value.to_string()),
            Self::Number(number) => number.to_key().ok_or(NO_KEY),
            Self::NoNumber(word) => Ok((*word).to_owned()),
            Self::Null => Err(NO_KEY),
        }
    }
}
