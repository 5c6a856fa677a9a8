//! What is wrong with a text, and where.

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes from the beginning of the text.
    pub offset: usize,
    /// Bytes, at least 1.
    pub length: usize,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl Place {
    /// The place of some bytes; where the range lies outside of the text, its nearest end.
    pub fn of(text: &str, range: std::ops::Range<usize>) -> Self {
        let start = floor(text, range.start);
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |index| index + 1);
        Self {
            offset: start,
            length: range.end.saturating_sub(start).max(1),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// The nearest beginning of a character at or before an offset.
fn floor(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|index| text.is_char_boundary(*index)).unwrap_or(0)
}

/// Why a text is refused. The message alone holds nothing of the text, so that it can be shown where
/// the text may hold secrets; the subject is what the text says there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What is wrong, without a word of the text.
    pub message: String,
    /// The words of the text that it is about, where there are some.
    pub subject: Option<String>,
    /// What to do about it, where there is something to say.
    pub help: Option<&'static str>,
    /// Where it is.
    pub place: Place,
    /// Where what it clashes with stands: the first of two equal keys.
    pub first: Option<Place>,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>, place: Place) -> Self {
        Self { message: message.into(), subject: None, help: None, place, first: None }
    }

    pub(crate) fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    pub(crate) fn with_help(mut self, help: &'static str) -> Self {
        self.help = Some(help);
        self
    }
}
