//! Why a plan does what it does to one address, in words.

use std::fmt::Write;

use honey_model::{Address, Desired, Diagnostic};

use crate::{Action, FieldChange, Operation, Plan};

/// Reasons, what it waits for, and what waits for it.
pub fn why(plan: &Plan, desired: &Desired, address: &Address) -> Result<String, Diagnostic> {
    let operation = plan.operations.iter().find(|operation| operation.address == *address);
    let resource = desired.resources.get(address);
    if operation.is_none() && resource.is_none() {
        return Err(Diagnostic::error("HNY0214", format!("this plan knows no {address}"))
            .with_help("`honey plan` lists the addresses"));
    }
    let mut text = match operation {
        Some(operation) => {
            let mut text = format!("{address} ({}): {}\n", operation.kind, verb(operation.action));
            for reason in &operation.reasons {
                line(&mut text, "because", reason);
            }
            for change in &operation.changes {
                line(&mut text, "changes", &change_text(change));
            }
            text
        }
        None => format!("{address}: stays as it is; everything that the configuration names is as wanted\n"),
    };
    if let Some(resource) = resource.filter(|resource| !resource.origin.is_empty()) {
        line(&mut text, "configured at", &resource.origin);
    }
    let needed = resource
        .map(honey_model::Resource::dependencies)
        .or(operation.map(|operation| operation.dependencies.clone()))
        .unwrap_or_default();
    for needed in &needed {
        line(&mut text, "needs", &format!("{needed} ({})", fate(plan, needed)));
    }
    for first in operation.map(|operation| operation.after.as_slice()).unwrap_or_default() {
        if !needed.contains(first) {
            line(&mut text, "waits for", &format!("{first} ({})", fate(plan, first)));
        }
    }
    for user in desired.resources.values().filter(|user| user.dependencies().contains(address)) {
        line(&mut text, "needed by", &format!("{} ({})", user.address, fate(plan, &user.address)));
    }
    let waiting = |other: &&Operation| other.after.contains(address);
    for waiting in
        plan.operations.iter().filter(waiting).filter(|other| !desired.resources.contains_key(&other.address))
    {
        line(&mut text, "waited for by", &format!("{} ({})", waiting.address, verb(waiting.action)));
    }
    Ok(text)
}

fn line(text: &mut String, what: &str, detail: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  {what}: {detail}");
}

fn fate(plan: &Plan, address: &Address) -> &'static str {
    plan.operations
        .iter()
        .find(|operation| operation.address == *address)
        .map_or("stays as it is", |operation| verb(operation.action))
}

/// What is done, as a word.
pub fn verb(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Adopt => "adopt",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
        Action::Forget => "forget",
    }
}

fn change_text(change: &FieldChange) -> String {
    let path = change.path.strip_prefix('/').unwrap_or(&change.path);
    let side =
        |value: &Option<serde_json::Value>| value.as_ref().map_or("(none)".to_owned(), ToString::to_string);
    let after = match &change.known_after {
        Some(address) => format!("(known after {address})"),
        None => side(&change.after),
    };
    let forced =
        change.replaces.as_ref().map(|why| format!(" — needs a new object: {why}")).unwrap_or_default();
    format!("{path}: {} → {after}{forced}", side(&change.before))
}
