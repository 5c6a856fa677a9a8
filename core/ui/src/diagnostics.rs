//! Findings and failed calls for people: miette with the lines they are about.
//!
//! Lines of tables that hold secrets are shown with everything between quotes
//! masked: a secret may stand there by mistake.

use std::fmt::{self, Write as _};

use honey_model::{
    Diagnostic, Fault, Severity,
    text::{is_unsafe, visible},
};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};
use textwrap::{WordSeparator, WordSplitter};

use crate::{Role, Theme, excerpt::Excerpt};

/// Columns beside a shown line: its number and the frame.
const FRAME: usize = 12;

/// Renders findings one below the other, with a closing line that counts them.
pub fn render(findings: &[Diagnostic], theme: &Theme, read: &dyn Fn(&str) -> Option<String>) -> String {
    let handler = handler(theme);
    let mut cache: Option<(String, Option<String>)> = None;
    let mut text = String::new();
    for finding in findings {
        let file = finding.source.as_ref().map(|source| source.file.clone());
        if let Some(file) = &file
            && cache.as_ref().is_none_or(|(known, _)| known != file)
        {
            cache = Some((file.clone(), read(file).map(|content| masked(&content))));
        }
        let content = file.and_then(|_| cache.as_ref().and_then(|(_, content)| content.as_deref()));
        if !text.is_empty() {
            text.push('\n');
        }
        let report = Report::new(finding, content, theme.width.saturating_sub(FRAME));
        if handler.render_report(&mut text, &report).is_err() {
            let _ = writeln!(text, "{}: {}", finding.code, finding.summary);
        }
    }
    text.push_str(&closing(findings, theme));
    text
}

/// Renders a failed call: who, what, the vendor's words, and what to do.
pub fn fault(fault: &Fault, theme: &Theme) -> String {
    let mut finding = Diagnostic::error(fault.code.clone(), fault.to_string());
    finding.help.clone_from(&fault.help);
    let mut all = vec![finding];
    all.extend(fault.diagnostics.iter().cloned());
    let mut text = render(&all, theme, &|_| None);
    if let Some(request) = fault.vendor.as_ref().and_then(|vendor| vendor.request_id.as_deref()) {
        let _ = writeln!(text, "vendor's request id: {}", visible(request, 100));
    }
    text
}

fn handler(theme: &Theme) -> GraphicalReportHandler {
    let look = if theme.color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    GraphicalReportHandler::new_themed(look)
        .with_width(theme.width)
        .with_links(false)
        .with_context_lines(1)
        // Addresses, paths and URLs stay whole, so that they can be copied.
        .with_break_words(false)
        .with_word_separator(WordSeparator::AsciiSpace)
        .with_word_splitter(WordSplitter::NoHyphenation)
        .without_syntax_highlighting()
}

/// `2 errors, 1 warning; honey explain HNY0103 …`
fn closing(findings: &[Diagnostic], theme: &Theme) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let word = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        many => Some(format!("{many} {word}s")),
    };
    let counted = [
        word(count(Severity::Error), "error"),
        word(count(Severity::Warning), "warning"),
        word(count(Severity::Note), "note"),
    ];
    let counted: Vec<String> = counted.into_iter().flatten().collect();
    let own = findings.iter().find(|finding| honey_model::codes::page(&finding.code).is_some());
    let hint = own.map(|finding| format!("; `honey explain {}` says more", finding.code)).unwrap_or_default();
    format!("{}\n", theme.paint(Role::Dim, &format!("{}{hint}", counted.join(", "))))
}

/// One finding as miette wants it.
struct Report<'a> {
    finding: &'a Diagnostic,
    excerpt: Option<Excerpt>,
    /// Where there is no text to show, the place in words.
    place: Option<String>,
}

impl<'a> Report<'a> {
    fn new(finding: &'a Diagnostic, content: Option<&str>, columns: usize) -> Self {
        let source = finding.source.as_ref();
        let excerpt = source.zip(content).and_then(|(source, content)| Excerpt::of(source, content, columns));
        let place = source.filter(|_| excerpt.is_none());
        let place = place.map(|source| format!("{}:{}:{}", source.file, source.line, source.column));
        Self { finding, excerpt, place }
    }
}

/// The content with control characters made harmless and, in tables of
/// secrets, everything between quotes masked. Lengths and lines stay.
fn masked(content: &str) -> String {
    let mut shown = String::with_capacity(content.len());
    let mut secret = false;
    let mut open: Option<&str> = None;
    for line in content.split_inclusive('\n') {
        if open.is_none() && line.trim_start().starts_with('[') {
            secret = line.contains("secret");
        }
        mask_line(line, secret || line.contains("secret"), &mut open, &mut shown);
    }
    shown
}

/// One line; `open` is the quote of several lines that it begins inside of.
fn mask_line(line: &str, secret: bool, open: &mut Option<&'static str>, shown: &mut String) {
    const QUOTES: [&str; 4] = ["\"\"\"", "'''", "\"", "'"];
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let quote = match *open {
            Some(quote) => rest.starts_with(quote).then_some(quote),
            None => QUOTES.into_iter().find(|quote| rest.starts_with(quote)),
        };
        let length = if let Some(quote) = quote {
            *open = if open.is_some() { None } else { Some(quote) };
            shown.push_str(quote);
            quote.len()
        } else {
            match c {
                '\n' | '\t' => shown.push(c),
                '\r' if rest.starts_with("\r\n") => shown.push(c),
                _ if secret && open.is_some() => shown.extend(std::iter::repeat_n('*', c.len_utf8())),
                c if is_unsafe(c) => shown.extend(std::iter::repeat_n('?', c.len_utf8())),
                c => shown.push(c),
            }
            c.len_utf8()
        };
        rest = &rest[length..];
    }
    // A quote of one character ends with its line, closed or not.
    if open.is_some_and(|quote| quote.len() == 1) {
        *open = None;
    }
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding.summary)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&visible(&self.finding.summary, 2000))?;
        if let Some(place) = &self.place {
            write!(f, " ({})", visible(place, 300))?;
        }
        Ok(())
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        Some(Box::new(visible(&self.finding.code, 100)))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        let help = self.finding.help.as_ref()?;
        Some(Box::new(visible(help, 2000)))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.excerpt.as_ref().map(|excerpt| excerpt as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let excerpt = self.excerpt.as_ref()?;
        Some(Box::new(std::iter::once(excerpt.label())))
    }
}

#[cfg(test)]
mod tests {
    use honey_model::{Diagnostic, Fault, FaultClass, Source, VendorError};

    use unicode_width::UnicodeWidthChar as _;

    use super::{fault, render};
    use crate::Theme;

    const FILE: &str = "version = 1\n[cluster]\nservrs = 3\n[secrets]\ntoken = \"canary-77\"\n";

    fn at(text: &str, code: &str, summary: &str) -> Diagnostic {
        let offset = FILE.find(text).unwrap();
        let line = FILE[..offset].matches('\n').count() + 1;
        let mut finding = Diagnostic::error(code, summary);
        finding.source =
            Some(Source { file: "honey.toml".into(), offset, length: text.len(), line, column: 1 });
        finding
    }

    #[test]
    fn findings_show_their_line() {
        let findings = [
            at("servrs", "HNY0103", "unknown key `servrs` in `cluster`").with_help("did you mean `servers`?"),
            Diagnostic::warning("hetzner::old", "the image is old"),
        ];
        insta::assert_snapshot!(render(&findings, &Theme::plain(), &|_| Some(FILE.to_owned())));
    }

    #[test]
    fn without_the_file_the_place_is_told_in_words() {
        let text = render(&[at("servrs", "HNY0103", "unknown key")], &Theme::plain(), &|_| None);
        assert!(text.contains("unknown key (honey.toml:3:1)"), "{text}");
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_masked() {
        for text in ["token", "\"canary-77\""] {
            let shown = render(&[at(text, "HNY0104", "wrong")], &Theme::plain(), &|_| Some(FILE.to_owned()));
            assert!(shown.contains("token = \"*********\""), "{shown}");
            assert!(!shown.contains("canary"), "{shown}");
        }
    }

    #[test]
    fn masking_keeps_lengths_and_hides_strings_of_several_lines() {
        let file = "a = \"shown\"\n[stack.secrets.x.data]\nK = \"\"\"can\nary\"\"\"\nL = 'canary\n[b]\nc = \"shown ü\"\n";
        let shown = super::masked(file);
        assert_eq!(shown.len(), file.len());
        assert!(shown.contains("a = \"shown\"") && shown.contains("shown ü"), "{shown}");
        assert!(!shown.contains("can") && !shown.contains("ary"), "{shown}");
    }

    #[test]
    fn a_file_that_shrank_since_does_no_harm() {
        let text = render(&[at("token", "HNY0104", "wrong")], &Theme::plain(), &|_| Some("x".to_owned()));
        assert!(text.contains("wrong"));
    }

    /// A finding at a place of a text, as a reader of the text would have it.
    fn place(text: &str, offset: usize, length: usize) -> Diagnostic {
        let floor = (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let before = &text[..floor];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
        let mut finding = Diagnostic::error("HNY0102", "it is wrong");
        finding.source = Some(Source { file: "f.toml".into(), offset, length, line, column });
        finding
    }

    fn shown(text: &str, offset: usize, length: usize) -> String {
        render(&[place(text, offset, length)], &Theme::plain(), &|_| Some(text.to_owned()))
    }

    /// What stands above the mark and as wide as it.
    fn marked(shown: &str) -> String {
        let lines: Vec<&str> = shown.lines().collect();
        let mark = lines.iter().position(|line| line.contains(['┬', '▲'])).unwrap();
        let columns = |line: &str| {
            line.chars().flat_map(|c| std::iter::repeat_n(c, c.width().unwrap_or(0))).collect::<Vec<char>>()
        };
        let (line, mark) = (columns(lines[mark - 1]), columns(lines[mark]));
        line.into_iter().zip(mark).filter(|(_, mark)| "─┬▲".contains(*mark)).map(|(c, _)| c).collect()
    }

    #[test]
    fn a_line_of_any_length_is_shown_through_a_window() {
        for filler in ["x", "ü", "界", "\t", "e\u{301}", "a\u{200d}"] {
            let many = filler.repeat(100_000 / filler.len());
            let text = format!("first\nkey = '{many}WRONG{many}'\n{many}\n");
            let offset = text.find("WRONG").unwrap();
            let shown = shown(&text, offset, 5);
            let column = text[..offset].rsplit('\n').next().unwrap().chars().count() + 1;
            assert!(shown.contains(&format!("[f.toml:2:{column}]")), "{filler:?}:\n{shown}");
            assert!(shown.contains("…") && shown.contains("WRONG"), "{filler:?}:\n{shown}");
            assert!(shown.len() < 4000, "{filler:?}: {} bytes", shown.len());
            if filler.chars().all(|c| c.width() > Some(0)) {
                assert_eq!(marked(&shown), "WRONG", "{filler:?}:\n{shown}");
            }
            let all = super::tests::shown(&text, text.find("key").unwrap(), 90_000);
            assert!(all.len() < 4000 && all.contains("key"), "{filler:?}:\n{all}");
        }
    }

    #[test]
    fn odd_spans_point_to_what_is_there() {
        assert_eq!(marked(&shown("a = 界\n", 5, 1)), "界界", "the middle of a character is its beginning");
        assert_eq!(marked(&shown("ab\n", 1, 0)), "b", "nothing is the place where it would be");
        assert_eq!(marked(&shown("ab\ncd\n", 1, 50)), "b", "a line's end ends the mark");
        assert_eq!(marked(&shown("\u{feff}ab = 1\r\ncd = 2\r\n", 3, 2)), "ab");
        let windows = shown("ab = 1\r\ncd = 2\r\n", 8, 2);
        assert!(windows.contains("f.toml:2:1") && !windows.contains('?'), "{windows}");
        assert!(shown("ab", 2, 1).contains("f.toml:1:3"));
        assert!(shown("", 0, 1).contains("it is wrong"));
        assert!(shown("x", 9, 1).contains("(f.toml:1:2)"));
    }

    #[test]
    fn what_would_reorder_a_terminal_is_not_sent() {
        let shown = shown("a = '\u{202e}\u{9b}31m\u{1b}[31m'\n", 0, 1);
        assert!(!shown.contains(['\u{202e}', '\u{9b}', '\u{1b}']), "{shown:?}");
    }

    proptest::proptest! {
        #[test]
        fn any_text_and_any_span_can_be_shown(
            pieces in proptest::collection::vec("[ab\"'=\\[\\]\n\r\t界e\u{301}\u{feff}\u{1f468}\u{200d}\u{9b}]{0,12}", 0..6),
            times in 1_usize..400,
            offset in 0_usize..9000,
            length in proptest::prop_oneof![0_usize..40, proptest::strategy::Just(usize::MAX)],
            width in 1_usize..200,
        ) {
            let text = pieces.iter().map(|piece| piece.repeat(times)).collect::<String>();
            let theme = Theme { width, ..Theme::plain() };
            let shown = render(&[place(&text, offset, length)], &theme, &|_| Some(text.clone()));
            proptest::prop_assert!(shown.contains("wrong"));
            proptest::prop_assert!(!shown.contains("OutOfBounds") && !shown.contains("Failed to read"), "{}", shown);
            proptest::prop_assert!(shown.len() < 8000, "{} bytes", shown.len());
            proptest::prop_assert!(shown.lines().count() < 40 + 200 / width, "{}", shown);
        }
    }

    #[test]
    fn faults_tell_who_and_the_vendors_words() {
        let mut failed = Fault::new(FaultClass::Quota, "hetzner::limit", "the server limit is reached")
            .with_help("ask the vendor to raise it")
            .from_origin("hetzner@0.1.0");
        failed.vendor = Some(VendorError {
            status: 403,
            code: "resource_limit_exceeded".into(),
            message: "server limit\u{1b}[31m exceeded".into(),
            request_id: Some("r-1".into()),
        });
        insta::assert_snapshot!(fault(&failed, &Theme::plain()));
    }
}
