//! Takes secrets out of what goes to a guest.

use base64::Engine as _;

/// What stands in the place of a secret.
const MASK: &[u8] = b"****";

/// Shorter values are no secrets, and masking them would tear replies apart.
const SHORTEST: usize = 4;

/// Every spelling of a set of secrets. Wiped when dropped.
#[derive(Default)]
pub(crate) struct Scrubber(Vec<zeroize::Zeroizing<Vec<u8>>>);

impl Scrubber {
    /// Adds a value with the spellings that an echoing server may use.
    pub(crate) fn add(&mut self, value: &[u8]) {
        let engines =
            [base64::engine::general_purpose::STANDARD, base64::engine::general_purpose::URL_SAFE_NO_PAD];
        let mut spellings =
            vec![value.to_vec(), percent(value, false).into_bytes(), percent(value, true).into_bytes()];
        spellings.extend(engines.iter().map(|engine| engine.encode(value).into_bytes()));
        spellings.push(hex::encode(value).into_bytes());
        if let Ok(text) = std::str::from_utf8(value) {
            let json = json_inside(text);
            spellings.push(json.replace('/', "\\/").into_bytes());
            spellings.push(json.into_bytes());
        }
        for spelling in spellings {
            if spelling.len() >= SHORTEST && !self.0.iter().any(|known| **known == spelling) {
                self.0.push(zeroize::Zeroizing::new(spelling));
            }
        }
        self.0.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    }

    /// The bytes with every spelling replaced.
    pub(crate) fn bytes(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        for spelling in &self.0 {
            if let Some(first) = find(&bytes, spelling) {
                let mut clean = bytes[..first].to_vec();
                let mut rest = &bytes[first..];
                while let Some(at) = find(rest, spelling) {
                    clean.extend_from_slice(&rest[..at]);
                    clean.extend_from_slice(MASK);
                    rest = &rest[at + spelling.len()..];
                }
                clean.extend_from_slice(rest);
                bytes = clean;
            }
        }
        bytes
    }

    /// The text with every spelling replaced.
    pub(crate) fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes().to_vec())).into_owned()
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    while let Some(at) = bytes.get(from..)?.iter().position(|byte| *byte == first) {
        if bytes[from + at..].starts_with(wanted) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// The inside of a JSON string literal.
pub(crate) fn json_inside(text: &str) -> String {
    let quoted = serde_json::Value::String(text.to_owned()).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// RFC 3986: everything but unreserved characters; or as forms write it, with `+` for a space.
pub(crate) fn percent(bytes: &[u8], form: bool) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(*byte));
            }
            b' ' if form => text.push('+'),
            byte => text.extend(['%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
    text
}

fn digit(value: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(value & 15)])
}

#[cfg(test)]
mod tests {
    use super::{Scrubber, percent};

    #[test]
    fn every_spelling_of_a_secret_is_masked() {
        let secret = "can\"ary/with space+é";
        let mut scrubber = Scrubber::default();
        scrubber.add(secret.as_bytes());
        for spelling in [
            secret.to_owned(),
            serde_json::to_string(secret).unwrap(),
            percent(secret.as_bytes(), false),
            percent(secret.as_bytes(), true),
            hex::encode(secret),
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, secret),
        ] {
            let clean = scrubber.text(&format!("<{spelling}> and <{spelling}>"));
            assert!(!clean.contains("ary"), "{clean}");
            assert!(clean.contains("****"), "{spelling} -> {clean}");
        }
        assert_eq!(scrubber.text("nothing here"), "nothing here");
    }

    #[test]
    fn short_values_do_not_tear_replies_apart() {
        let mut scrubber = Scrubber::default();
        scrubber.add(b"a");
        assert_eq!(scrubber.text("banana"), "banana");
    }
}
