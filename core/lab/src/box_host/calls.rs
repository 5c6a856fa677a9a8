//! Reads the calls out of a script: single-quoted words, one call after
//! another, behind the marker line, up to the brace that closes their function.

/// The line in front of the calls.
const MARKER: &[u8] = b"\n# --- honey calls\n";

/// One call: its name and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: Vec<String>,
}

impl Call {
    /// An argument, empty where it is missing.
    pub(super) fn argument(&self, index: usize) -> &str {
        self.arguments.get(index).map_or("", String::as_str)
    }
}

/// What a shell would say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotCalls {
    /// The script is cut; a shell runs nothing of it.
    Cut,
    /// Some other script, which a box cannot run.
    Foreign,
}

/// Reads the calls. A script without the closing brace has none.
pub(super) fn parse(script: &[u8]) -> Result<Vec<Call>, NotCalls> {
    let Some(at) = script.windows(MARKER.len()).position(|part| part == MARKER) else {
        return Err(if script.ends_with(b"\n") && script.len() < 4096 {
            NotCalls::Foreign
        } else {
            NotCalls::Cut
        });
    };
    let text = std::str::from_utf8(&script[at + MARKER.len()..]).map_err(|_| NotCalls::Foreign)?;
    let (mut calls, mut words, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next().ok_or(NotCalls::Cut)? {
                        '\'' => break,
                        inside => word.push(inside),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(characters.next().ok_or(NotCalls::Cut)?),
            ' ' | '\n' => {
                words.extend(word.take());
                if c == '\n' && !words.is_empty() {
                    let mut line = std::mem::take(&mut words).into_iter();
                    let name: String = line.next().unwrap_or_default();
                    if name == "}" {
                        return Ok(calls);
                    }
                    calls.push(Call { name, arguments: line.collect() });
                }
            }
            '$' | '`' | ';' | '&' | '|' | '<' | '>' | '(' | ')' | '"' => return Err(NotCalls::Foreign),
            other => word.get_or_insert_default().push(other),
        }
    }
    Err(NotCalls::Cut)
}

#[cfg(test)]
mod tests {
    use super::{Call, NotCalls, parse};

    fn script(calls: &str) -> Vec<u8> {
        format!("set -eu\nh_calls() {{\n# --- honey calls\n{calls}}}\nh_calls </dev/null\n").into_bytes()
    }

    #[test]
    fn words_are_read_as_a_shell_reads_them() {
        let calls = parse(&script("h_file '/a b' '600' 'it'\\''s\n$(x)'\nh_end\n")).unwrap();
        let file =
            Call { name: "h_file".into(), arguments: vec!["/a b".into(), "600".into(), "it's\n$(x)".into()] };
        assert_eq!(calls, [file, Call { name: "h_end".into(), arguments: Vec::new() }]);
        assert_eq!(parse(&script("h_x ''\n")).unwrap()[0].arguments, [""]);
    }

    #[test]
    fn a_cut_script_has_no_calls_and_a_foreign_one_is_told_apart() {
        let whole = script("h_file '/a' '600' 'eA=='\n");
        for cut in [whole.len() - 22, whole.len() - 30, 60] {
            assert_eq!(parse(&whole[..cut]), Err(NotCalls::Cut), "{cut}");
        }
        assert_eq!(parse(b"id\n"), Err(NotCalls::Foreign));
        assert_eq!(parse(&script("h_x $(id)\n")), Err(NotCalls::Foreign));
    }
}
