//! The two streams, and nothing else that prints.

use std::io::{self, Write as _};

use honey_model::Diagnostic;
use serde::Serialize;

use crate::{Theme, diagnostics};

/// Where a command writes. Data to standard output, the rest to standard error.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Standard output.
    pub stdout: Theme,
    /// Standard error.
    pub stderr: Theme,
    /// One JSON document instead of text for people.
    pub json: bool,
}

impl Output {
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

    /// Findings for people on standard error, whatever the format of the data is.
    pub fn warnings(&self, findings: &[Diagnostic], read: &dyn Fn(&str) -> Option<String>) {
        if !findings.is_empty() {
            self.message(&diagnostics::render(findings, &self.stderr, read));
        }
    }
}
