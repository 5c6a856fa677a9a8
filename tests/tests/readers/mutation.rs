//! Inputs by chance: files of a corpus, bent in several places.

use proptest::{collection::vec, prelude::*};

/// Pieces that readers of text stumble over.
const PIECES: &[&str] = &[
    "\u{0}",
    "\u{1b}[2J",
    "\u{202e}",
    "\"",
    "'''",
    "\n[",
    "]]",
    "{{",
    "}}",
    "=",
    " = = ",
    "${",
    "${secret:x}",
    "\u{feff}",
    "9999999999999999999999",
    "-0",
    "1e999",
    "nan",
    "inf",
    "0x",
    "null",
    "~",
    "&a *a",
    "!!binary",
    "- - - - - -",
    "\r\n",
    "\t",
    "[[[[[[[[[[[[[[[[",
    "\\u0000",
    "\\ud800",
    "é",
    "𝔘",
    "../../../etc/passwd",
    "version = 2",
    "true",
    "2026-13-45",
    "#",
];

/// One bend.
#[derive(Clone, Debug)]
enum Bend {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Drop(prop::sample::Index, u8),
    Repeat(prop::sample::Index, u8),
    Insert(prop::sample::Index, usize),
    Swap(prop::sample::Index, prop::sample::Index),
    Bytes(prop::sample::Index, Vec<u8>),
    Nest(prop::sample::Index),
}

fn bend() -> impl Strategy<Value = Bend> {
    use any as a;
    prop_oneof![
        3 => (a::<prop::sample::Index>(), 1_u8..).prop_map(|(at, bits)| Bend::Flip(at, bits)),
        1 => a::<prop::sample::Index>().prop_map(Bend::Cut),
        3 => (a::<prop::sample::Index>(), 1_u8..).prop_map(|(at, count)| Bend::Drop(at, count)),
        2 => (a::<prop::sample::Index>(), 1_u8..).prop_map(|(at, count)| Bend::Repeat(at, count)),
        6 => (a::<prop::sample::Index>(), 0..PIECES.len()).prop_map(|(at, piece)| Bend::Insert(at, piece)),
        2 => (a::<prop::sample::Index>(), a::<prop::sample::Index>()).prop_map(|(a, b)| Bend::Swap(a, b)),
        1 => (a::<prop::sample::Index>(), vec(a::<u8>(), 1..40)).prop_map(|(at, bytes)| Bend::Bytes(at, bytes)),
        1 => a::<prop::sample::Index>().prop_map(Bend::Nest),
    ]
}

impl Bend {
    fn apply(&self, file: &mut Vec<u8>) {
        let place = |at: &prop::sample::Index, file: &[u8]| at.index(file.len() + 1);
        match self {
            Self::Flip(at, bits) => {
                let at = place(at, file);
                if let Some(byte) = file.get_mut(at) {
                    *byte ^= bits;
                }
            }
            Self::Cut(at) => file.truncate(place(at, file)),
            Self::Drop(at, count) => {
                let at = place(at, file);
                let end = (at + usize::from(*count)).min(file.len());
                file.drain(at..end);
            }
            Self::Repeat(at, count) => {
                let at = place(at, file);
                let part = file[at..(at + usize::from(*count)).min(file.len())].to_vec();
                file.splice(at..at, part);
            }
            Self::Insert(at, piece) => {
                let at = place(at, file);
                file.splice(at..at, PIECES[*piece].bytes());
            }
            Self::Swap(a, b) => {
                // Two lines trade places.
                let mut lines: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').collect();
                if !lines.is_empty() {
                    let (a, b) = (a.index(lines.len()), b.index(lines.len()));
                    lines.swap(a, b);
                }
                *file = lines.concat();
            }
            Self::Bytes(at, bytes) => {
                let at = place(at, file);
                file.splice(at..at, bytes.iter().copied());
            }
            Self::Nest(at) => {
                let at = place(at, file);
                file.splice(at..at, "[".repeat(3000).bytes());
            }
        }
    }
}

/// A file of the corpus, bent up to six times; now and then something else altogether.
pub(crate) fn inputs(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let bent = (any::<prop::sample::Index>(), vec(bend(), 1..6)).prop_map(move |(which, bends)| {
        let mut file = corpus[which.index(corpus.len())].clone();
        for bend in bends {
            bend.apply(&mut file);
        }
        file
    });
    prop_oneof![
        20 => bent,
        1 => vec(any::<u8>(), 0..400),
        1 => any::<String>().prop_map(String::into_bytes),
    ]
}
