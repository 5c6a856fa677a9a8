//! Findings and failed calls for people: miette with the lines they are about.
//!
//! Lines of tables that hold secrets are shown with everything between quotes
//! masked: a secret may stand there by mistake.

use std::fmt::{self, Write as _};

use honey_model::{Diagnostic, Fault, Severity, text::visible};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use textwrap::{WordSeparator, WordSplitter};

use crate::{Role, Theme};

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
        let report = Report::new(finding, content);
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
    source: Option<(NamedSource<String>, LabeledSpan)>,
    /// Where there is no text to show, the place in words.
    place: Option<String>,
}

impl<'a> Report<'a> {
    fn new(finding: &'a Diagnostic, content: Option<&str>) -> Self {
        let source = finding.source.as_ref();
        let shown = source.zip(content).filter(|(source, content)| source.offset <= content.len());
        let place = source.map(|source| format!("{}:{}:{}", source.file, source.line, source.column));
        let snippet = shown.map(|(source, content)| {
            let length = source.length.min(line_rest(content, source.offset)).max(1);
            let label = LabeledSpan::new(Some("here".to_owned()), source.offset, length);
            (NamedSource::new(&source.file, content.to_owned()), label)
        });
        let place = if snippet.is_some() { None } else { place };
        Self { finding, source: snippet, place }
    }
}

/// Bytes until the end of the line.
fn line_rest(content: &str, offset: usize) -> usize {
    content[offset..].find('\n').unwrap_or(content.len() - offset)
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
                _ if secret && open.is_some() => shown.extend(std::iter::repeat_n('*', c.len_utf8())),
                c if c.is_ascii_control() => shown.push('?'),
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
        self.source.as_ref().map(|(source, _)| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (_, label) = self.source.as_ref()?;
        Some(Box::new(std::iter::once(label.clone())))
    }
}

#[cfg(test)]
mod tests {
    use honey_model::{Diagnostic, Fault, FaultClass, Source, VendorError};

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
