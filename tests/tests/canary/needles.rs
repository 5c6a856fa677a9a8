//! Secrets in every spelling in which they could come to light.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose};

/// What is looked for starts with this many bytes of a spelling.
const HEAD: usize = 8;

/// Shorter values (a user's name) are no secrets.
const SHORTEST: usize = 12;

/// Which secret it is, how it is spelt, and how that looks.
type Spelling = (usize, &'static str, Vec<u8>);

/// Spellings of secrets.
#[derive(Default)]
pub(crate) struct Needles {
    secrets: Vec<Vec<u8>>,
    by_head: HashMap<[u8; HEAD], Vec<Spelling>>,
}

impl Needles {
    /// With these secrets too. Of a text of many lines, its secret parts count each.
    pub(crate) fn with_all<'a>(mut self, secrets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        for secret in secrets {
            for part in parts(secret) {
                if part.len() >= SHORTEST && !self.secrets.contains(&part) {
                    self.add(part);
                }
            }
        }
        self
    }

    /// How many secrets.
    pub(crate) fn secrets(&self) -> usize {
        self.secrets.len()
    }

    /// The secrets as an echo could spell them.
    pub(crate) fn spelled(&self) -> Vec<String> {
        let texts = self.secrets.iter().filter_map(|secret| std::str::from_utf8(secret).ok());
        texts
            .flat_map(|text| {
                [
                    text.to_owned(),
                    general_purpose::STANDARD.encode(text),
                    percent(text.as_bytes(), false),
                    hex::encode(text),
                ]
            })
            .collect()
    }

    fn add(&mut self, secret: Vec<u8>) {
        let number = self.secrets.len();
        for (name, spelling) in spellings(&secret) {
            let Some(head) = spelling.first_chunk::<HEAD>() else { continue };
            self.by_head.entry(*head).or_default().push((number, name, spelling));
        }
        self.secrets.push(secret);
    }

    /// What is found: a secret's first characters and its spelling.
    pub(crate) fn find(&self, bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for (at, head) in bytes.windows(HEAD).enumerate() {
            let head: &[u8; HEAD] = head.try_into().expect("windows have their length");
            for (number, name, spelling) in self.by_head.get(head).into_iter().flatten() {
                if bytes[at..].starts_with(spelling) {
                    let start = String::from_utf8_lossy(&self.secrets[*number][..4]).into_owned();
                    found.push(format!("a secret `{start}…` in {name} form"));
                }
            }
        }
        found
    }
}

/// The secret parts of a file: the whole of a line, the keys of a longer text.
fn parts(secret: &[u8]) -> Vec<Vec<u8>> {
    let trimmed = secret.trim_ascii();
    let Ok(text) = std::str::from_utf8(trimmed) else { return vec![trimmed.to_vec()] };
    if !text.contains('\n') {
        return vec![trimmed.to_vec()];
    }
    let keyed = ["client-key-data:", "token:", "password:"];
    let of_line = |line: &str| {
        keyed
            .iter()
            .find_map(|key| line.trim().strip_prefix(key))
            .map(|value| value.trim().as_bytes().to_vec())
    };
    let mut parts: Vec<Vec<u8>> = text.lines().filter_map(of_line).collect();
    if text.contains("PRIVATE KEY") {
        // The public half of the key is in its first lines.
        parts.extend(
            text.lines()
                .skip(3)
                .filter(|line| !line.starts_with('-'))
                .map(|line| line.trim().as_bytes().to_vec()),
        );
    }
    parts
}

fn spellings(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut all = vec![
        ("plain", secret.to_vec()),
        ("percent", percent(secret, false).into_bytes()),
        ("percent", percent(secret, true).into_bytes()),
        ("hex", hex::encode(secret).into_bytes()),
        ("hex", hex::encode_upper(secret).into_bytes()),
    ];
    for engine in [&general_purpose::STANDARD_NO_PAD, &general_purpose::URL_SAFE_NO_PAD] {
        for before in 0..3 {
            // In the middle of something longer it begins at any of three places;
            // characters that its neighbours have a part in are left out.
            let mut bytes = vec![0; before];
            bytes.extend_from_slice(secret);
            let text = engine.encode(&bytes);
            let start = [0, 2, 3][before];
            let whole = bytes.len() / 3 * 4;
            all.push(("base64", text.as_bytes()[start..whole].to_vec()));
        }
    }
    all
}

/// Every byte, or every byte that RFC 3986 reserves.
fn percent(bytes: &[u8], every: bool) -> String {
    let spell = |byte: &u8| {
        if (byte.is_ascii_alphanumeric() || b"-._~".contains(byte)) && !every {
            char::from(*byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    bytes.iter().map(spell).collect()
}

#[test]
fn a_secret_is_found_in_every_spelling() {
    let needles = Needles::default().with_all([b"s3cr3t/with+signs".as_slice()]);
    let basic = general_purpose::STANDARD.encode("me:s3cr3t/with+signs!");
    for text in
        ["x s3cr3t/with+signs y", "a=s3cr3t%2Fwith%2Bsigns", "7333637233742f776974682b7369676e73", &basic]
    {
        assert!(!needles.find(text.as_bytes()).is_empty(), "{text}");
    }
    assert!(needles.find(b"s3cr3t/with-other+signs").is_empty());
}
