//! Findings to one list with places: where each stands in the file, or which
//! variable or flag it came from; the same mistake at several places is told once.

use std::collections::HashMap;

use honey_model::{Diagnostic, Severity};

use crate::{
    document::{Document, Positions},
    load::Merged,
    path,
    shape::Finding,
};

/// Findings reported at once; more would only scroll away.
const REPORT_LIMIT: usize = 50;
/// Further places of one mistake that are named.
const OTHERS_SHOWN: usize = 3;

/// Gives every finding its place, sorted by place.
pub(crate) fn report(
    document: &Document,
    merged: &Merged,
    findings: Vec<Finding>,
    problems: Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    if findings.is_empty() {
        return problems;
    }
    let positions = document.positions();
    let (findings, others) = fold(findings);
    let cut = findings.len().saturating_sub(REPORT_LIMIT);
    let shown = findings.into_iter().zip(others).take(REPORT_LIMIT);
    let mut placed: Vec<Diagnostic> = shown
        .map(|(finding, others)| {
            let mut diagnostic = place(finding, merged, &positions);
            if let Some(others) = others {
                diagnostic.help = Some(match diagnostic.help {
                    Some(help) => format!("{help}; {others}"),
                    None => others,
                });
            }
            diagnostic
        })
        .collect();
    placed.sort_by_key(|diagnostic| diagnostic.source.as_ref().map_or(usize::MAX, |source| source.offset));
    placed.dedup_by(|later, earlier| is_same(earlier, later));
    placed.extend(problems);
    if cut > 0 {
        placed.push(Diagnostic::new(Severity::Note, "HNY0104", format!("{cut} more findings are not shown")));
    }
    placed
}

/// One finding for what is the same mistake at several places, with the other places in words.
fn fold(findings: Vec<Finding>) -> (Vec<Finding>, Vec<Option<String>>) {
    let mut seen: HashMap<(String, String), usize> = HashMap::new();
    let mut kept: Vec<Finding> = Vec::new();
    let mut others: Vec<Vec<String>> = Vec::new();
    for finding in findings {
        let key = (finding.diagnostic.code.clone(), finding.diagnostic.summary.clone());
        match seen.get(&key) {
            // The same place seen twice, as under an instance's own settings, is told apart later.
            Some(&first) if kept[first].path != finding.path => {
                others[first].push(finding.diagnostic.path);
            }
            Some(_) => {}
            None => {
                seen.insert(key, kept.len());
                kept.push(finding);
                others.push(Vec::new());
            }
        }
    }
    let told = |mut paths: Vec<String>| {
        paths.dedup();
        let more = paths.len().saturating_sub(OTHERS_SHOWN);
        paths.truncate(OTHERS_SHOWN);
        let shown = paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
        match (paths.is_empty(), more) {
            (true, _) => None,
            (false, 0) => Some(format!("the same at {shown}")),
            (false, more) => Some(format!("the same at {shown} and {more} more")),
        }
    };
    (kept, others.into_iter().map(told).collect())
}

/// An instance's own cluster settings are seen twice: where they stand and where they were laid.
fn is_same(earlier: &Diagnostic, later: &Diagnostic) -> bool {
    earlier.source.is_some()
        && earlier.source == later.source
        && earlier.code == later.code
        && (earlier.path.ends_with(&later.path) || later.path.ends_with(&earlier.path))
}

/// Points to the file, or names the variable or flag that the value came from.
fn place(finding: Finding, merged: &Merged, positions: &Positions<'_>) -> Diagnostic {
    let Finding { mut diagnostic, path, focus, tag, .. } = finding;
    let layer = merged.layer(tag, &path).unwrap_or_else(|| "file".to_owned());
    let (kind, name) = layer.split_once(':').unwrap_or((&layer, ""));
    let in_file = match kind {
        "environment" | "flag" => None,
        "profile" => Some([path::of(&["profile", name]), path.clone()].concat()),
        "instance" => Some([path::of(&["instances", name]), path.clone()].concat()),
        _ => Some(path.clone()),
    };
    if let Some(path) = in_file {
        diagnostic.source = Some(positions.locate(&path, focus).0);
    } else {
        diagnostic.summary.push_str(&format!(" (from {})", describe(&layer, "")));
    }
    diagnostic
}

/// A layer's name for people.
pub(crate) fn describe(layer: &str, file: &str) -> String {
    match layer.split_once(':') {
        Some(("profile", name)) => format!("profile {name}"),
        Some(("instance", name)) => format!("instances.{name}.cluster"),
        Some(("environment", name)) => name.to_owned(),
        Some(("flag", path)) => format!("--set {path}"),
        _ => file.to_owned(),
    }
}
