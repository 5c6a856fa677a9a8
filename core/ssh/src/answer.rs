//! What comes back from a script. A host's output is hostile: it is bounded
//! before it gets here, and only marked lines count.
//!
//! Marked lines: `honey <n> changed|same`, `honey <n> failed <word> <text>`,
//! `honey facts <json>`, `honey read present <base64>|absent|large <size>`,
//! `honey digest <hex>|absent`, `honey confirmed yes|idle|restored`, `honey
//! etcd <json>`, and at the end of a script that ran through, `honey end`.

/// One marked line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A step ended; whether it changed something.
    Done(usize, bool),
    /// A step failed: number, word, text.
    Failed(usize, String, String),
    /// A named result and its text: `facts`, `read`, `digest`, `confirmed`, `etcd`.
    Result(String, String),
    /// The script ran through.
    End,
}

impl Line {
    /// Reads a line; `None` for whatever a login script may print.
    pub fn parse(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("honey ")?;
        let (word, text) = rest.split_once(' ').unwrap_or((rest, ""));
        match word {
            "end" => Some(Self::End),
            "facts" | "read" | "digest" | "confirmed" | "etcd" => {
                Some(Self::Result(word.to_owned(), text.to_owned()))
            }
            number => {
                let number = number.parse().ok()?;
                match text {
                    "changed" => Some(Self::Done(number, true)),
                    "same" => Some(Self::Done(number, false)),
                    text => {
                        let (word, text) = text.strip_prefix("failed ")?.split_once(' ')?;
                        Some(Self::Failed(number, word.to_owned(), text.to_owned()))
                    }
                }
            }
        }
    }
}

/// All marked lines of one script.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Steps that ended: number and whether they changed something.
    pub done: Vec<(usize, bool)>,
    /// The step that failed: number, word, text.
    pub failed: Option<(usize, String, String)>,
    /// Named results.
    pub results: Vec<(String, String)>,
    /// Whether the script ran through.
    pub ended: bool,
}

impl Answer {
    /// Takes a line in.
    pub fn take(&mut self, line: Line) {
        match line {
            Line::Done(number, changed) => self.done.push((number, changed)),
            Line::Failed(number, word, text) => self.failed = Some((number, word, text)),
            Line::Result(name, text) => self.results.push((name, text)),
            Line::End => self.ended = true,
        }
    }

    /// A named result.
    pub fn result(&self, name: &str) -> Option<&str> {
        self.results.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn only_marked_lines_count() {
        assert_eq!(Line::parse("Welcome to Ubuntu"), None);
        assert_eq!(Line::parse("honey"), None);
        assert_eq!(Line::parse("honey pot 7"), None);
        assert_eq!(Line::parse("honey 3 changed"), Some(Line::Done(3, true)));
        assert_eq!(Line::parse("honey 0 same"), Some(Line::Done(0, false)));
        assert_eq!(
            Line::parse("honey 1 failed apt no such package"),
            Some(Line::Failed(1, "apt".into(), "no such package".into()))
        );
        assert_eq!(Line::parse("honey end"), Some(Line::End));
    }
}
