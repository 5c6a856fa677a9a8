//! `honey lab status`: whether a lab runs, and its books in numbers.

use honey_model::Diagnostic;
use serde_json::{Value, json};

use super::{Status, control};
use crate::{
    context::Context,
    failure::{Exit, Failure},
};

pub(super) fn run(context: &Context, arguments: &Status) -> Result<Exit, Failure> {
    let folder = &arguments.directory;
    let books = context.block_on(async { Ok(control::ask(folder, "GET", "/books").await) })?;
    let Ok(books) = books else {
        let summary = format!("no lab runs in `{}`", folder.display());
        return Err(Failure::Diagnostics(
            Exit::Failed,
            vec![Diagnostic::error("HNY0909", summary).with_help("`honey lab up` starts one")],
        ));
    };
    let books: Value = serde_json::from_slice(&books).unwrap_or_default();
    let count = |name: &str| match &books[name] {
        Value::Array(items) => items.len(),
        Value::Object(items) => items.len(),
        _ => 0,
    };
    let document = json!({
        "folder": folder,
        "objects": count("objects"),
        "calls": count("calls"),
        "violations": books["violations"],
        "overlap_ms": books["overlap_ms"],
        "gap_ms": books["gap_ms"],
    });
    let human = || {
        format!(
            "a lab runs in {}\nobjects ever made: {}\nvendor calls: {}\nrequests that broke a contract: {}\nworker overlap: {} ms",
            folder.display(),
            document["objects"],
            document["calls"],
            count("violations"),
            document["overlap_ms"],
        )
    };
    context.output.show(|_| human(), &document)?;
    Ok(Exit::Done)
}
