//! `honey plugin test`: the conformance kit on any component.

use std::path::{Path, PathBuf};

use honey_conformance::{Law, Report, Setup, Subject, Verdict};
use honey_model::Diagnostic;
use honey_ui::view::conformance;
use serde_json::json;

use super::plugin_build::manifest;
use crate::{
    command::plugin::Test,
    context::Context,
    failure::{Exit, Failure},
};

pub(crate) fn plugin_test(context: &Context, arguments: &Test) -> Result<Exit, Failure> {
    if arguments.laws {
        let laws: Vec<(&str, &str)> = Law::ALL.iter().map(|law| (law.name(), law.promise())).collect();
        context.output.show(|theme| conformance::laws(&laws, theme), &json!(laws))?;
        return Ok(Exit::Done);
    }
    let folder = folder(&arguments.path);
    let file = arguments.conformance.clone().unwrap_or_else(|| folder.join(honey_conformance::FILE));
    let setup = Setup::read(&file).map_err(|error| {
        unusable(error.to_string(), "`honey plugin new` writes one that works; PLUGIN-GUIDE.md explains it")
    })?;
    if let Some(port) = arguments.serve {
        return serve(context, &setup, port);
    }
    let path = artifact(&arguments.path, &folder)?;
    let bytes = std::fs::read(&path).map_err(|error| {
        unusable(format!("{}: {error}", path.display()), "`honey plugin build .` makes it")
    })?;
    let report = context.block_on(async {
        let subject = Subject { artifact: bytes, setup, laws: arguments.law.clone(), cache: None };
        let cancel = context.cancel.clone();
        let tell = |kind: &str| context.output.message(&format!("looking at `{kind}`"));
        tokio::select! {
            report = honey_conformance::run(subject, &tell) => report.map_err(Failure::from),
            () = cancel.canceled() => Err(Failure::Shown(Exit::Stopped)),
        }
    })?;
    context.output.show(|theme| conformance::report(&shown(&report), theme), &report)?;
    Ok(if report.holds() { Exit::Done } else { Exit::Unverified })
}

/// The plugin's folder: the path, or where the file lies.
fn folder(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.to_path_buf();
    }
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf()
}

fn artifact(path: &Path, folder: &Path) -> Result<PathBuf, Failure> {
    if path.is_dir() {
        Ok(folder.join(format!("{}.wasm", manifest(folder)?.id)))
    } else {
        Ok(path.to_path_buf())
    }
}

/// Serves the stand-in for people to play with.
fn serve(context: &Context, setup: &Setup, port: u16) -> Result<Exit, Failure> {
    context.block_on(async {
        let stand_in = honey_conformance::serve(setup, None, port)
            .await
            .map_err(|error| unusable(error.to_string(), "another port may be free"))?;
        let origin = stand_in.origin().to_owned();
        context.output.show(
            |_| format!("the stand-in vendor listens on {origin}; Ctrl-C ends it"),
            &json!({ "origin": origin }),
        )?;
        context.cancel.canceled().await;
        Ok(Exit::Done)
    })
}

fn unusable(text: String, help: &str) -> Failure {
    Failure::usage(Diagnostic::error("HNY0488", text).with_help(help))
}

/// The report as people see it.
fn shown(report: &Report) -> conformance::Report {
    let law = |row: &honey_conformance::Row| conformance::Row {
        law: row.law.to_owned(),
        verdict: match row.verdict {
            Verdict::Holds => conformance::Verdict::Pass,
            Verdict::Broken => conformance::Verdict::Fail,
            Verdict::NotChecked => conformance::Verdict::NotChecked,
        },
        tried: row.tried,
        promise: row.promise.to_owned(),
        failures: row.failures.iter().map(|failure| (failure.kind.clone(), failure.what.clone())).collect(),
        notes: row.notes.iter().map(|(kind, why)| (kind.clone(), why.clone())).collect(),
        mend: row.mend.to_owned(),
    };
    conformance::Report {
        heading: format!("{} {}", report.plugin, report.version),
        summary: format!(
            "{} kinds, {} bytes, {} requests in {:.1} s",
            report.kinds.len(),
            report.bytes,
            report.requests,
            report.seconds
        ),
        rows: report.laws.iter().map(law).collect(),
    }
}
