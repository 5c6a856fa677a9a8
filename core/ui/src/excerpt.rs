//! The lines that a finding is about, cut to what a terminal shows: a window
//! around the span, however long the line is. Line and column stay those of the file.

use std::ops::Range;

use honey_model::{Source, text::visible};
use miette::{LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use unicode_width::UnicodeWidthChar as _;

/// What a tab is shown as, in columns.
const TAB: usize = 4;
/// The narrowest window.
const NARROWEST: usize = 20;
/// What some editors put in front of a file.
const MARK: char = '\u{feff}';
/// Stands for what is cut.
const CUT: char = '…';

/// A few lines of a file around a span.
#[derive(Debug)]
pub(crate) struct Excerpt {
    name: String,
    text: String,
    /// Lines of the file before the first one here.
    lines_before: usize,
    /// Where the span begins in its line of the file, from 0.
    column: usize,
    span: Range<usize>,
}

impl Excerpt {
    /// The lines around a place; none where the file has no such place. `content` has had what
    /// does no good on a terminal replaced already; lines have at most `columns` columns.
    pub(crate) fn of(source: &Source, content: &str, columns: usize) -> Option<Self> {
        let mut start = Some(source.offset).filter(|offset| *offset <= content.len())?;
        while !content.is_char_boundary(start) {
            start -= 1;
        }
        let columns = columns.max(NARROWEST);
        let begin = content[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = content[start..].find('\n').map_or(content.len(), |newline| start + newline);
        let line = bare(&content[begin..end]);
        let skipped = if content[begin..end].starts_with(MARK) { MARK.len_utf8() } else { 0 };
        let at = (start - begin).saturating_sub(skipped).min(line.len());
        let mut until = at.saturating_add(source.length).min(line.len());
        while !line.is_char_boundary(until) {
            until += 1;
        }
        let mut text = String::new();
        let mut lines_before = source.line.saturating_sub(1);
        if let Some(before) = begin.checked_sub(1) {
            let earlier = content[..before].rfind('\n').map_or(0, |newline| newline + 1);
            text.push_str(&window(bare(&content[earlier..before]), 0..0, columns).0);
            text.push('\n');
            lines_before = lines_before.saturating_sub(1);
        }
        let (shown, within) = window(line, at..until, columns);
        let span = text.len() + within.start..text.len() + within.end;
        text.push_str(&shown);
        text.push('\n');
        let rest = content.get(end + 1..).unwrap_or_default();
        if !rest.is_empty() {
            let after = rest.split('\n').next().unwrap_or_default();
            text.push_str(&window(bare(after), 0..0, columns).0);
            text.push('\n');
        }
        let name = visible(&source.file, 300);
        Some(Self { name, text, lines_before, column: source.column.saturating_sub(1), span })
    }

    /// The span's mark.
    pub(crate) fn label(&self) -> LabeledSpan {
        // A mark needs a character to stand under.
        LabeledSpan::new(Some("here".to_owned()), self.span.start, self.span.len().max(1))
    }
}

/// A line without what belongs to the file and not to it.
fn bare(line: &str) -> &str {
    let line = line.strip_prefix(MARK).unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// Columns of a character. None counts as nothing, so that thousands of them are many too.
fn columns_of(c: char) -> usize {
    if c == '\t' { TAB } else { c.width().unwrap_or(1).max(1) }
}

/// The part of a line around a range that fits, and the range in it.
fn window(line: &str, range: Range<usize>, columns: usize) -> (String, Range<usize>) {
    // Bytes are at least columns, but for tabs.
    let whole =
        line.len() <= columns.saturating_mul(TAB) && line.chars().map(columns_of).sum::<usize>() <= columns;
    if whole {
        return (line.to_owned(), range);
    }
    let room = columns.saturating_sub(2);
    let mut left = room / 3;
    let mut from = range.start;
    for (at, c) in line[..range.start].char_indices().rev() {
        let Some(less) = left.checked_sub(columns_of(c)) else { break };
        (left, from) = (less, at);
    }
    // What is not needed on the left is free on the right.
    let mut right = room - room / 3 + left;
    let mut to = range.start;
    for c in line[range.start..].chars() {
        let Some(less) = right.checked_sub(columns_of(c)) else { break };
        right = less;
        to += c.len_utf8();
    }
    let mut text = String::new();
    if from > 0 {
        text.push(CUT);
    }
    let shift = text.len();
    text.push_str(&line[from..to]);
    if to < line.len() {
        text.push(CUT);
    }
    (text, range.start - from + shift..range.end.clamp(range.start, to.max(range.start)) - from + shift)
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let found = self.text.as_str().read_span(span, before, after)?;
        let own = before == 0 && span.offset() == self.span.start;
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            found.data(),
            *found.span(),
            found.line() + self.lines_before,
            if own { self.column } else { found.column() },
            found.line_count(),
        )))
    }
}
