//! The binary as a whole: start, plan, apply, plan again, vendor calls.

use std::{fmt::Write as _, path::Path, process::Command};

use super::{
    Line,
    measure::{median, once},
    peer,
};
use crate::{
    demo::LabProcess,
    workspace::{Failure, output, target_directory},
};

const LARGE: usize = 10_000;
const SMALL: usize = 1_000;

fn folder() -> Result<tempfile::TempDir, Failure> {
    tempfile::tempdir().map_err(|error| Failure::File { path: std::env::temp_dir(), error })
}

/// A configuration of `size` values in the peer's graph.
fn configuration(folder: &Path, size: usize) -> Result<(), Failure> {
    let mut text = String::from("version = 1\n[project]\nname = \"bench\"\n");
    for index in 0..size {
        let _ = writeln!(text, "[values.v{index}]\ninput = \"{index}\"");
        let needs = peer::needs(index, size);
        if !needs.is_empty() {
            let needs: Vec<String> = needs.into_iter().map(|need| format!("\"v{need}\"")).collect();
            let _ = writeln!(text, "after = [{}]", needs.join(", "));
        }
    }
    let path = folder.join("honey.toml");
    std::fs::write(&path, text).map_err(|error| Failure::File { path, error })
}

fn honey(binary: &Path, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.arg("--config").arg(folder.join("honey.toml")).args(arguments).current_dir(folder);
    command
}

fn forget(folder: &Path) {
    let _ = std::fs::remove_dir_all(folder.join(".honey"));
}

/// `honey version`.
pub(super) fn start(binary: &Path) -> Result<Vec<Line>, Failure> {
    let sample = median(0, || {
        let mut command = Command::new(binary);
        command.arg("version");
        Ok(command)
    })?;
    Ok(vec![Line::limit("start", "honey version, cold process", "ms", sample.seconds * 1000.0, 10.0)])
}

/// Over the empty world.
pub(super) fn plan(binary: &Path) -> Result<Vec<Line>, Failure> {
    let own = folder()?;
    configuration(own.path(), LARGE)?;
    let sample = median(0, || Ok(honey(binary, own.path(), &["plan", "--json"])))?;
    let peer = if peer::version().is_some() {
        let theirs = folder()?;
        peer::prepare(theirs.path(), LARGE)?;
        let plan = ["plan", "-input=false", "-lock=false"];
        peer::peer(&median(0, || Ok(peer::command(theirs.path(), &plan)))?)
    } else {
        eprintln!("terraform is not installed: no peer");
        None
    };
    Ok(vec![
        Line::beside("plan", "plan of 10 000 resources, empty world", sample.seconds, peer, 20.0),
        Line::limit("plan", "peak memory of that plan", "MB", sample.megabytes, 100.0),
    ])
}

/// No-op resources with a durable journal.
pub(super) fn apply(binary: &Path, full: bool) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    for (size, times) in [(SMALL, 80.0), (LARGE, 200.0)] {
        let own = folder()?;
        configuration(own.path(), size)?;
        let sample = median(0, || {
            forget(own.path());
            Ok(honey(binary, own.path(), &["apply", "--yes", "--json"]))
        })?;
        let peer = if peer::version().is_some() && (full || size == SMALL) {
            let theirs = folder()?;
            peer::prepare(theirs.path(), size)?;
            let apply = ["apply", "-auto-approve", "-input=false"];
            peer::peer(&once(peer::command(theirs.path(), &apply), 0)?)
        } else {
            None
        };
        lines.push(Line::beside(
            "apply",
            &format!("apply of {size} no-op resources"),
            sample.seconds,
            peer,
            times,
        ));
    }
    let growth = lines[1].honey / lines[0].honey;
    lines.push(Line::limit("apply", "10 000 through 1 000: linear is 10", "x", growth, 15.0));
    Ok(lines)
}

/// Everything exists already.
pub(super) fn replan(binary: &Path) -> Result<Vec<Line>, Failure> {
    let own = folder()?;
    configuration(own.path(), LARGE)?;
    once(honey(binary, own.path(), &["apply", "--yes", "--json"]), 0)?;
    let sample = median(0, || Ok(honey(binary, own.path(), &["plan", "--detailed-exitcode", "--json"])))?;
    let peer = if peer::version().is_some() {
        let theirs = folder()?;
        peer::prepare(theirs.path(), LARGE)?;
        peer::state(theirs.path(), LARGE)?;
        let plan = ["plan", "-input=false", "-lock=false", "-detailed-exitcode"];
        peer::peer(&once(peer::command(theirs.path(), &plan), 0)?)
    } else {
        None
    };
    Ok(vec![Line::beside("replan", "plan again with 10 000 in state", sample.seconds, peer, 100.0)])
}

/// Calls of a whole build, deploy and swap on the lab.
pub(super) fn calls(binary: &Path) -> Result<Vec<Line>, Failure> {
    let lab = LabProcess::start(binary, &target_directory().join("bench-lab"))?;
    let mut lines = Vec::new();
    let mut before = 0;
    for (work, arguments) in [
        ("build and deploy on one provider", &["apply", "--yes"][..]),
        ("build and deploy the standby", &["apply", "--provider", "ovh", "--yes"]),
        ("cut over", &["cutover", "--to", "ovh", "--yes"]),
    ] {
        let (code, text) = output(lab.honey(arguments))?;
        if code != Some(0) {
            return Err(Failure::Holds(format!("{work} ended with {code:?}: {text}")));
        }
        let now = lab.books()?.calls();
        lines.push(Line::told(
            "calls",
            &format!("vendor calls: {work}"),
            "calls",
            f64::from(u32::try_from(now - before).unwrap_or(u32::MAX)),
        ));
        before = now;
    }
    let (code, text) = output(lab.honey(&["plan", "--provider", "ovh", "--detailed-exitcode", "--json"]))?;
    if code != Some(0) {
        return Err(Failure::Holds(format!("the last plan ended with {code:?}: {text}")));
    }
    let books = lab.books()?;
    lines.push(Line::told(
        "calls",
        "vendor calls: plan again",
        "calls",
        f64::from(u32::try_from(books.calls() - before).unwrap_or(u32::MAX)),
    ));
    let repeated = books.repeated_reads(before);
    let repeated = f64::from(u32::try_from(repeated).unwrap_or(u32::MAX));
    lines.push(Line::limit("calls", "calls made twice without need", "calls", repeated, 0.0));
    Ok(lines)
}
