//! Owner and address as marks on what a plugin makes, in the alphabet of the
//! vendor's labels. A create that a crash interrupted is found by them.

use crate::{Context, Ownership};

/// Name of the mark that says whose an object is.
pub const OWNER: &str = "honey-owner";
/// Name of the mark that says which resource an object is.
pub const ADDRESS: &str = "honey-address";

/// Both marks of an operation, each at most `limit` characters of
/// `A-Z a-z 0-9 - _ .`, alphanumeric at both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Whose.
    pub owner: String,
    /// Which.
    pub address: String,
}

impl Marks {
    /// The marks of this operation.
    pub fn of(ctx: Context, limit: usize) -> Self {
        Self { owner: label(&ctx.owner(), limit), address: label(&ctx.address(), limit) }
    }

    /// Whose an object is, from the owner mark found on it.
    pub fn ownership(&self, found_owner: Option<&str>) -> Ownership {
        match found_owner {
            Some(owner) if owner == self.owner => Ownership::Ours,
            Some(_) => Ownership::Foreign,
            None => Ownership::Unmarked,
        }
    }

    /// Both in one text, for vendors with nothing but a comment.
    pub fn comment(&self) -> String {
        format!("{OWNER}={} {ADDRESS}={}", self.owner, self.address)
    }

    /// Whose an object is, from a comment that may hold marks.
    pub fn ownership_in(&self, comment: &str) -> Ownership {
        self.ownership(in_comment(comment, OWNER))
    }
}

/// The value of a mark within a comment.
pub fn in_comment<'a>(comment: &'a str, mark: &str) -> Option<&'a str> {
    comment.split_whitespace().find_map(|word| word.strip_prefix(mark)?.strip_prefix('='))
}

/// A text as a label value. Different texts have different labels: what has
/// no place in the alphabet is escaped, what is too long ends in a digest.
pub fn label(text: &str, limit: usize) -> String {
    let mut label = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => label.push(char::from(byte)),
            b'/' => label.push_str("__"),
            other => {
                label.push('_');
                label.push_str(&hex(&[other]));
            }
        }
    }
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    if label.len() <= limit && ends(label.as_bytes().first()) && ends(label.as_bytes().last()) {
        return label;
    }
    let digest = hex(&fnv(text.as_bytes()).to_be_bytes());
    let room = limit.saturating_sub(digest.len() + 1);
    let start = label.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let start = start.get(..room).unwrap_or(start).trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    if start.is_empty() { digest } else { format!("{start}-{digest}") }
}

/// FNV-1a with 128 bits: tells names apart; no guard against an attacker, who
/// could write any label at the vendor anyway.
pub(crate) fn fnv(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_legal_and_tell_texts_apart() {
        let texts = [
            "hetzner/machine/node-1",
            "hetzner_machine/node-1",
            "a//b",
            "a/_b",
            "a__b",
            "é",
            "-",
            "x-",
            "_",
            "",
        ];
        let long = "o".repeat(200);
        let longer = format!("{long}o");
        let labels: Vec<String> = texts
            .iter()
            .copied()
            .chain([long.as_str(), longer.as_str()])
            .map(|text| label(text, 63))
            .collect();
        for label in &labels {
            assert!(label.len() <= 63, "{label}");
            assert!(label.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)), "{label}");
            assert!(
                label.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && label.ends_with(|c: char| c.is_ascii_alphanumeric()),
                "{label}"
            );
        }
        let unique: std::collections::BTreeSet<_> = labels.iter().collect();
        assert_eq!(unique.len(), labels.len(), "{labels:?}");
        assert_eq!(labels[0], "hetzner__machine__node-1");
    }

    #[test]
    fn a_comment_tells_its_marks_back() {
        let marks = Marks { owner: "honeydue-dns".into(), address: "dns__record__app".into() };
        assert_eq!(marks.ownership_in(&marks.comment()), Ownership::Ours);
        assert_eq!(marks.ownership_in("honey-owner=other-dns"), Ownership::Foreign);
        assert_eq!(marks.ownership_in("made by hand"), Ownership::Unmarked);
    }
}
