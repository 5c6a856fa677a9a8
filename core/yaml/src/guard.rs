//! One thing that the parser cannot take: a tag right before a comma, as in
//! `[!!str, x]`. It panics there (libyaml-safer 0.3), so such a text is never given to it.
//!
//! Whether a `!…,` is a tag or part of a text is not for a search to say: the
//! parser itself is asked, about the text with a letter in the place of each such `!`.

use std::io::Cursor;

use libyaml_safer::{EventData, Parser, ScalarStyle};

/// Where a part holds a tag right before a comma.
pub(crate) fn tag_before_comma(part: &str) -> Option<usize> {
    let suspects = suspects(part);
    if suspects.is_empty() {
        return None;
    }
    let mut harmless = part.as_bytes().to_vec();
    for range in &suspects {
        harmless[range.clone()].fill(b'x');
    }
    let mut parser = Parser::new();
    parser.set_input(Cursor::new(harmless));
    let index = |mark: libyaml_safer::Mark| usize::try_from(mark.index).unwrap_or(usize::MAX);
    loop {
        // What is broken without the tag is broken with it, before the parser comes to it or there.
        let Ok(event) = parser.parse() else { return suspects.first().map(|range| range.start) };
        match event.data {
            EventData::StreamEnd => return None,
            EventData::Scalar { style: ScalarStyle::Plain, .. } => {
                let whole = index(event.start_mark)..index(event.end_mark);
                let begins = |at: usize| {
                    let before = part.get(whole.start..at).unwrap_or_default();
                    before.split_whitespace().all(|word| word.starts_with(['&', '!']))
                };
                let found = suspects.iter().find(|range| whole.contains(&range.start) && begins(range.start));
                if let Some(range) = found {
                    return Some(range.start);
                }
            }
            _ => {}
        }
    }
}

/// Each `!` with what may follow it in a tag, where a comma comes next.
fn suspects(part: &str) -> Vec<std::ops::Range<usize>> {
    let bytes = part.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(index) = bytes[at..].iter().position(|byte| *byte == b'!') {
        let start = at + index;
        let in_tag = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_;/?:@&=+$.%!~*'()".contains(byte);
        let rest = &bytes[start + 1..];
        let length = match rest.first() {
            Some(b'<') => rest.iter().position(|byte| *byte == b'>').map_or(0, |end| end + 1),
            _ => rest.iter().take_while(|byte| in_tag(byte)).count(),
        };
        at = start + 1 + length;
        if bytes.get(at) == Some(&b',') {
            found.push(start..at);
        }
    }
    found
}
