//! `{#` in a template: a comment where it stands on lines of its own, a
//! length or a mistake where it stands in the middle of a line.
//!
//! The template engine takes every `{#` for the beginning of a comment and swallows
//! what follows. In a shell script that is `${#array[@]}`, and the rest of it. So `${#`
//! stays as it is, and any other `{#` inside of a line is refused.

use std::ops::Range;

/// What the engine writes `{#` for.
const KEPT: &str = "{{ \"{#\" }}";

/// The template with each `${#` kept from the engine; the place of the first `{#` that is neither that nor a
/// comment on lines of its own.
pub(crate) fn keep_lengths(text: &str) -> Result<String, Range<usize>> {
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(begin) = text[at..].find('{').map(|index| at + index) {
        let rest = &text[begin..];
        let next = if rest.starts_with("{{") {
            begin + 2 + closed(&rest[2..], "}}")
        } else if rest.starts_with("{%") {
            begin + 2 + statement(&rest[2..])
        } else if rest.starts_with("{#") {
            if text[..begin].ends_with('$') {
                kept.push_str(&text[at..begin]);
                kept.push_str(KEPT);
                at = begin + 2;
                continue;
            }
            begin + own_lines(text, begin).ok_or(begin..begin + 2)?
        } else {
            begin + 1
        };
        kept.push_str(&text[at..next]);
        at = next;
    }
    kept.push_str(&text[at..]);
    Ok(kept)
}

/// Bytes until behind the closing mark, quoted texts skipped; all where there is none.
fn closed(rest: &str, mark: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (index, c) in rest.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if rest[index..].starts_with(mark) => return index + mark.len(),
            None => {}
        }
    }
    rest.len()
}

/// Bytes until behind a statement; behind its end where it begins a `raw` block.
fn statement(rest: &str) -> usize {
    let end = closed(rest, "%}");
    if word(&rest[..end]) != "raw" {
        return end;
    }
    let mut at = end;
    while let Some(index) = rest[at..].find("{%") {
        let inner = at + index + 2;
        let Some(length) = rest[inner..].find("%}") else { break };
        if word(&rest[inner..inner + length + 2]) == "endraw" {
            return inner + length + 2;
        }
        at = inner;
    }
    rest.len()
}

/// What a statement consists of, where it is one word.
fn word(statement: &str) -> &str {
    let marks = |c: char| c == '-' || c == '+' || c.is_whitespace();
    statement.trim_end_matches("%}").trim_matches(marks)
}

/// Bytes of the comment that begins here, where nothing else stands on its lines.
fn own_lines(text: &str, begin: usize) -> Option<usize> {
    let blank = |text: &str| text.chars().all(|c| matches!(c, ' ' | '\t' | '\r' | '\u{feff}'));
    let line_start = text[..begin].rfind('\n').map_or(0, |index| index + 1);
    let length = text[begin..].find("#}")? + 2;
    let after = text[begin + length..].split('\n').next().unwrap_or_default();
    (blank(&text[line_start..begin]) && blank(after)).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::{KEPT, keep_lengths};

    #[test]
    fn lengths_of_the_shell_are_kept_from_the_engine() {
        let script = "n=${#array[@]} # } #}\n{{ \"{#\" }}{% raw %}{# {% x %} ${#{% endraw %}${#a}";
        let kept = format!(
            "n=${KEPT}array[@]}} # }} #}}\n{{{{ \"{{#\" }}}}{{% raw %}}{{# {{% x %}} ${{#{{% endraw %}}${KEPT}a}}"
        );
        assert_eq!(keep_lengths(script).unwrap(), kept);
    }

    #[test]
    fn comments_have_their_lines_for_themselves() {
        for fine in
            ["{# a #}", "a\n  {#- a\n b #}\t\r\nb: c", "x {% set a = '{#' %}", "{% raw %} a {# {%- endraw %}"]
        {
            assert_eq!(keep_lengths(fine).unwrap(), fine);
        }
        for (wrong, at) in [
            ("a: b {# c #}", 5),
            ("{# a #} b", 0),
            ("a: {#x", 3),
            ("é {#", 3),
            ("{% raw %}{% endraw %}x{# #}", 22),
        ] {
            assert_eq!(keep_lengths(wrong).unwrap_err().start, at, "{wrong}");
        }
    }
}
