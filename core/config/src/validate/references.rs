//! `${…}` in the places where it is filled in: it must parse and point to
//! something. Whether a kind has the output is the plugin's to say, and
//! cycles are the planner's.

use honey_model::Diagnostic;
use serde_json::Value;

use super::{Findings, missing, secrets};
use crate::{
    interpolate::{Part, Template},
    path::{self, Path},
    schema::Config,
};

pub(super) fn check(config: &Config, findings: &mut Findings) {
    for (name, resource) in &config.shared {
        let at = path::of(&["shared", name, "settings"]);
        table(&resource.settings, &at, config, findings);
    }
    for (name, instance) in &config.instances {
        table(&instance.machine, &path::of(&["instances", name, "machine"]), config, findings);
        for (index, machine) in instance.machines.iter().enumerate() {
            table(machine, &path::at(&path::of(&["instances", name, "machines"]), index), config, findings);
        }
    }
    if let Some(stack) = &config.stack {
        table(&stack.parameters, &path::of(&["stack", "parameters"]), config, findings);
        for (name, secret) in &stack.secrets {
            for (key, value) in &secret.data {
                text(value, || path::of(&["stack", "secrets", name, "data", key]), config, findings);
            }
        }
    }
    for (name, value) in &config.values {
        tree(&value.input, &|| path::of(&["values", name, "input"]), config, findings);
        for (index, other) in value.after.iter().enumerate() {
            if !config.values.contains_key(other) {
                let at = path::at(&path::of(&["values", name, "after"]), index);
                findings.reference(at, "values", no_value(config, other));
            }
        }
    }
}

fn table<'a>(
    entries: impl IntoIterator<Item = (&'a String, &'a Value)>,
    at: &Path,
    config: &Config,
    findings: &mut Findings,
) {
    for (key, value) in entries {
        tree(value, &|| path::join(at, key), config, findings);
    }
}

/// Paths are only built for texts that hold a reference.
fn tree(value: &Value, at: &dyn Fn() -> Path, config: &Config, findings: &mut Findings) {
    match value {
        Value::String(value) => text(value, at, config, findings),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                tree(item, &|| path::at(&at(), index), config, findings);
            }
        }
        Value::Object(entries) => {
            for (key, item) in entries {
                tree(item, &|| path::join(&at(), key), config, findings);
            }
        }
        _ => {}
    }
}

fn text(text: &str, at: impl Fn() -> Path, config: &Config, findings: &mut Findings) {
    if Template::is_plain(text) {
        return;
    }
    let parts = match Template::parse(text) {
        Ok(parts) => parts,
        Err(error) => {
            let diagnostic = Diagnostic::error("HNY0116", error.to_string())
                .with_help("known: ${shared.NAME.OUTPUT}, ${values.NAME}, ${secret:NAME}");
            findings.value(at(), diagnostic);
            return;
        }
    };
    for part in parts {
        match part {
            Part::Shared { name, .. } if !config.shared.contains_key(&name) => {
                let known: Vec<&str> = config.shared.keys().map(String::as_str).collect();
                let diagnostic = missing("HNY0117", "shared resource", &name, known, "add it under [shared]");
                findings.reference(at(), "shared", diagnostic);
            }
            Part::Value { name } if !config.values.contains_key(&name) => {
                findings.reference(at(), "values", no_value(config, &name));
            }
            Part::Secret { name } if !secrets::is_known(config, &name) => {
                findings.add(secrets::unknown(config, &name, at()));
            }
            _ => {}
        }
    }
}

/// Suggestions among thousands of values would cost more than they help.
fn no_value(config: &Config, name: &str) -> Diagnostic {
    let few = config.values.len() <= 200;
    let known: Vec<&str> = config.values.keys().filter(|_| few).map(String::as_str).collect();
    missing("HNY0117", "value", name, known, "add it under [values]")
}
