//! Text from outside, made safe to show.

/// Replaces control characters and terminal escapes by visible escapes and
/// cuts at `limit` characters, saying so.
pub fn visible(text: &str, limit: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(limit) + 16);
    for (count, c) in text.chars().enumerate() {
        if count == limit {
            shown.push_str("… (cut)");
            break;
        }
        match c {
            '\n' | '\t' => shown.push(' '),
            c if is_unsafe(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// Whether a character does something to a terminal beyond standing there.
pub fn is_unsafe(c: char) -> bool {
    c.is_control() || is_bidi(c)
}

/// Characters that reorder a terminal line.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn escapes_are_shown_not_sent() {
        assert_eq!(visible("a\u{1b}[31mb", 100), "a\\u{1b}[31mb");
        assert_eq!(visible("abcdef", 3), "abc… (cut)");
    }
}
