//! The two streams, and nothing else that prints.

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
    sync::{Arc, Mutex, PoisonError},
};

use honey_model::{Diagnostic, Severity};
use serde::Serialize;

use crate::{Theme, diagnostics};

/// Where a command writes. Data to standard output, the rest to standard error.
/// Clones write to the same streams and know of each other what was shown.
#[derive(Clone, Debug)]
pub struct Output {
    /// Standard output.
    pub stdout: Theme,
    /// Standard error.
    pub stderr: Theme,
    /// One JSON document instead of text for people.
    pub json: bool,
    warned: Arc<Mutex<Warned>>,
}

/// Warnings that are not shown, or not again.
#[derive(Debug, Default)]
struct Warned {
    /// Codes that the configuration acknowledges.
    acknowledged: Vec<String>,
    /// Code, summary and configuration path of those that were shown.
    shown: BTreeSet<(String, String, String)>,
}

impl Output {
    /// Both streams; `json` for one document instead of text for people.
    pub fn new(stdout: Theme, stderr: Theme, json: bool) -> Self {
        Self { stdout, stderr, json, warned: Arc::default() }
    }

    /// From now on warnings and notes of these codes are not shown.
    pub fn acknowledge(&self, codes: &[String]) {
        self.warned.lock().unwrap_or_else(PoisonError::into_inner).acknowledged = codes.to_vec();
    }

    /// What is left to show of some findings: every error, and each warning once in a
    /// command unless it is acknowledged.
    fn fresh(&self, findings: &[Diagnostic]) -> Vec<Diagnostic> {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_fresh = |finding: &&Diagnostic| {
            if finding.severity == Severity::Error {
                return true;
            }
            let acknowledged =
                warned.acknowledged.iter().any(|code| code.eq_ignore_ascii_case(&finding.code));
            let key = (finding.code.clone(), finding.summary.clone(), finding.path.clone());
            !acknowledged && warned.shown.insert(key)
        };
        findings.iter().filter(|finding| is_fresh(finding)).cloned().collect()
    }

    /// Writes a text to standard output and ends its line.
    pub fn data(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            stdout.write_all(b"\n")?;
        }
        stdout.flush()
    }

    /// Writes the one JSON document.
    pub fn document(&self, value: &impl Serialize) -> io::Result<()> {
        // Standard output is written line by line: a large document would be as many system calls.
        let mut stdout = io::BufWriter::new(io::stdout().lock());
        serde_json::to_writer_pretty(&mut stdout, value).map_err(io::Error::from)?;
        stdout.write_all(b"\n")?;
        stdout.flush()
    }

    /// The human text or the JSON document, as asked.
    pub fn show(&self, human: impl FnOnce(&Theme) -> String, json: &impl Serialize) -> io::Result<()> {
        if self.json { self.document(json) } else { self.data(&human(&self.stdout)) }
    }

    /// Writes a message to standard error. A closed stream is nobody's concern.
    pub fn message(&self, text: &str) {
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(text.as_bytes());
        if !text.ends_with('\n') {
            let _ = stderr.write_all(b"\n");
        }
    }

    /// Findings, with the lines they are about. `read` answers with a file's
    /// text. With `--json`, a document `{"diagnostics": […]}` on standard output.
    pub fn diagnostics(
        &self,
        findings: &[Diagnostic],
        read: &dyn Fn(&str) -> Option<String>,
    ) -> io::Result<()> {
        if findings.is_empty() {
            return Ok(());
        }
        if self.json {
            return self.document(&serde_json::json!({ "diagnostics": findings }));
        }
        self.warnings(findings, read);
        Ok(())
    }

    /// Findings for people on standard error, whatever the format of the data is. A warning is
    /// shown once in a command, one that the configuration acknowledges never.
    pub fn warnings(&self, findings: &[Diagnostic], read: &dyn Fn(&str) -> Option<String>) {
        let fresh = self.fresh(findings);
        if !fresh.is_empty() {
            self.message(&diagnostics::render(&fresh, &self.stderr, read));
        }
    }
}

#[cfg(test)]
mod tests {
    use honey_model::Diagnostic;

    use super::Output;
    use crate::Theme;

    #[test]
    fn warnings_are_shown_once_and_acknowledged_ones_never() {
        let output = Output::new(Theme::plain(), Theme::plain(), false);
        let left = |findings: &[Diagnostic]| output.clone().fresh(findings).len();
        let warning = |code: &str, text: &str| Diagnostic::warning(code, text);
        let error = Diagnostic::error("HNY0190", "wrong");
        assert_eq!(left(&[warning("HNY0190", "a"), warning("HNY0190", "a"), warning("HNY0190", "b")]), 2);
        assert_eq!(
            left(&[warning("HNY0190", "a"), warning("HNY0711", "a")]),
            1,
            "a clone knows what was shown"
        );
        output.acknowledge(&["hny0190".to_owned()]);
        assert_eq!(left(&[warning("HNY0190", "c"), warning("HNY0711", "c")]), 1);
        assert_eq!((left(&[error.clone()]), left(&[error])), (1, 1), "errors always");
    }
}
