//! What the conformance kit found: one line a law, and what broke it.

use std::fmt::Write as _;

use honey_model::text::visible;

use crate::{Role, Theme, table};

/// How a law stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It is broken.
    Fail,
    /// It was not looked at.
    NotChecked,
}

/// One law.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name.
    pub law: String,
    /// How it stands.
    pub verdict: Verdict,
    /// How often it was put to the test.
    pub tried: usize,
    /// What it promises.
    pub promise: String,
    /// Kind and what was seen.
    pub failures: Vec<(String, String)>,
    /// Kind and why it was not looked at.
    pub notes: Vec<(String, String)>,
    /// How to mend it.
    pub mend: String,
}

/// All of one plugin.
#[derive(Clone, Debug)]
pub struct Report {
    /// `digitalocean 0.1.0`
    pub heading: String,
    /// Numbers.
    pub summary: String,
    /// Laws.
    pub rows: Vec<Row>,
}

/// What each law promises.
pub fn laws(laws: &[(&str, &str)], theme: &Theme) -> String {
    let rows: Vec<Vec<String>> =
        laws.iter().map(|(name, promise)| vec![(*name).to_owned(), (*promise).to_owned()]).collect();
    table::columns(&rows, 0, theme)
}

/// A report for people.
pub fn report(report: &Report, theme: &Theme) -> String {
    let mut text = String::new();
    let heading = theme.paint(Role::Strong, &visible(&report.heading, 100));
    let _ = writeln!(text, "{heading}  {}", report.summary);
    let widest = report.rows.iter().map(|row| row.law.len()).max().unwrap_or_default();
    for row in &report.rows {
        let word = match row.verdict {
            Verdict::Pass => theme.paint(Role::Good, "pass"),
            Verdict::Fail => theme.paint(Role::Bad, "FAIL"),
            Verdict::NotChecked => theme.paint(Role::Dim, "  - "),
        };
        let about = match row.verdict {
            Verdict::NotChecked => row.notes.first().map(|(_, why)| visible(why, 200)).unwrap_or_default(),
            _ => format!("{} times", row.tried),
        };
        let _ = writeln!(text, "  {word}  {:widest$}  {about}", row.law);
        for (kind, what) in &row.failures {
            let kind = if kind.is_empty() { String::new() } else { format!("{}: ", visible(kind, 60)) };
            let _ = writeln!(text, "          {kind}{}", visible(what, 600));
        }
        if row.verdict == Verdict::Fail {
            let _ = writeln!(text, "          promised: {}", row.promise);
            let _ = writeln!(text, "          mend: {}", row.mend);
        }
    }
    let failed = report.rows.iter().filter(|row| row.verdict == Verdict::Fail).count();
    let held = report.rows.iter().filter(|row| row.verdict == Verdict::Pass).count();
    let _ = match failed {
        0 => writeln!(text, "{held} laws hold"),
        _ => writeln!(text, "{held} laws hold, {failed} are broken"),
    };
    text
}
