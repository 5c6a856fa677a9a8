//! Whatever a text holds, it is read or refused: nothing panics, nothing hangs,
//! places lie inside of the text, and edits can rely on them.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use honey_yaml::{documents, single};
use proptest::prelude::*;

const PIECES: &[&str] = &[
    ":",
    "-",
    "#",
    "?",
    "!",
    "&",
    "*",
    "{",
    "}",
    "[",
    "]",
    ",",
    "'",
    "\"",
    "|",
    ">",
    "%",
    "@",
    "`",
    " ",
    "\n",
    "\t",
    "\r",
    "~",
    "<<",
    "=",
    "+",
    ".",
    "0",
    "1",
    "x",
    "a",
    "b",
    "\\",
    "\n  ",
    "\n- ",
    "!!str",
    "!<a,b>",
    "&a",
    "*a",
    "---\n",
    "...\n",
    ": ",
    "é",
    "\u{feff}",
    "\u{2028}",
    "%YAML 1.1\n",
    "\\u",
    "\\x4",
    "!x,",
    "|2",
    ">+\n",
    "\u{7}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn garbage_is_read_or_refused(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        let text = pieces.concat();
        for found in documents(&text) {
            let place = match found {
                Ok(document) => document.place,
                Err(error) => error.place,
            };
            prop_assert!(place.offset <= text.len() && text.is_char_boundary(place.offset) && place.length > 0);
        }
        if let Ok(Some(tree)) = single(&text) {
            let root = tree.root();
            prop_assert!(text.get(tree.node(root).start..tree.end(root)).is_some());
        }
    }
}
