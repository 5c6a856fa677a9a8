//! Renders the application stack for one instance: the operator's parameters,
//! and over them what only honey knows.

use std::collections::BTreeMap;

use honey_catalogue::{Catalogue, RenderedObject};
use honey_config::schema::Stack;
use honey_model::{Active, Diagnostic};
use serde_json::{Value, json};

use crate::{
    FlowError, Session,
    lower::{StackObject, StackObjects, cluster_label},
    phase::prepare::Prepared,
};

/// Marks a workload that only the active instance may run.
const SINGLETON: &str = "/metadata/annotations/honey.dev~1singleton";
/// Kinds that others wait for until they are ready.
const WAITED_FOR: &[&str] = &["Deployment", "StatefulSet", "DaemonSet", "Job"];

/// The stack's objects, phase by phase; none where there is no stack.
pub fn render(
    session: &Session,
    prepared: &Prepared,
    instance: &str,
    active: &Active,
) -> Result<Option<StackObjects>, FlowError> {
    let Some(stack) = &session.config.stack else { return Ok(None) };
    let catalogue = Catalogue::open(&stack.source, &session.base).map_err(FlowError::Diagnostics)?;
    let declaration = catalogue.declaration();
    let missing = missing_secrets(stack, &catalogue);
    if !missing.is_empty() {
        return Err(FlowError::Diagnostics(missing));
    }
    let mut parameters: BTreeMap<String, Value> =
        stack.parameters.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    for (name, value) in known(session, stack, prepared, instance) {
        if declaration.parameters.contains_key(name) {
            parameters.entry(name.to_owned()).or_insert(value);
        }
    }
    // Never the operator's to say: it follows from who is active.
    if declaration.parameters.contains_key("singleton_replicas") {
        let replicas = u32::from(active.may_run_singletons(instance));
        parameters.insert("singleton_replicas".to_owned(), json!(replicas));
    }
    let rendered = catalogue.render(&parameters).map_err(FlowError::Diagnostics)?;
    let phases = declaration.phases.iter().map(|phase| phase.name.clone()).collect();
    let secrets_phase = declaration.phases.iter().find(|phase| phase.secrets).map(|phase| phase.name.clone());
    let objects = rendered.into_iter().map(|entry| object(entry, instance, active)).collect();
    Ok(Some(StackObjects { phases, secrets_phase, objects }))
}

fn known<'a>(session: &Session, stack: &Stack, prepared: &Prepared, instance: &str) -> Vec<(&'a str, Value)> {
    let pinned = |reference: &String| prepared.images.get(reference).unwrap_or(reference).clone();
    let images: BTreeMap<&String, String> =
        stack.images.iter().map(|(workload, reference)| (workload, pinned(reference))).collect();
    let mut known = vec![
        ("namespace", json!(stack.namespace)),
        ("cluster_label", json!(cluster_label(&session.config, instance))),
        ("images", json!(images)),
    ];
    if let Some(dns) = &session.config.dns {
        known.push(("domain", json!(dns.zone)));
    }
    if let Some(edge) = &prepared.edge {
        let ranges: Vec<&String> = edge.ipv4.iter().chain(&edge.ipv6).collect();
        known.push(("edge_ranges", json!(ranges)));
    }
    known
}

/// Whatever a catalogue says, a marked workload has no replicas away from the
/// active instance.
fn object(entry: RenderedObject, instance: &str, active: &Active) -> StackObject {
    let mut object = entry.object;
    let singleton = object.pointer(SINGLETON).and_then(Value::as_str) == Some("true");
    if singleton && !active.may_run_singletons(instance) {
        object["spec"]["replicas"] = json!(0);
    }
    let kind = object["kind"].as_str().unwrap_or_default();
    StackObject { phase: entry.phase, wait: WAITED_FOR.contains(&kind), singleton, object }
}

/// A workload that starts without its secrets only crash-loops.
fn missing_secrets(stack: &Stack, catalogue: &Catalogue) -> Vec<Diagnostic> {
    let expected = catalogue.declaration().secrets.iter().filter(|secret| !secret.optional);
    let mut missing = Vec::new();
    for secret in expected {
        let at = format!("stack.secrets.{}", secret.name);
        let Some(given) = stack.secrets.get(&secret.name) else {
            let text = format!("the stack needs the secret `{}`: {}", secret.name, secret.description);
            missing.push(
                Diagnostic::error("HNY0189", text).with_help(format!("add `[{at}]`")).at("stack.secrets"),
            );
            continue;
        };
        for key in secret.keys.iter().filter(|key| !given.data.contains_key(*key)) {
            let text = format!("the secret `{}` lacks the key `{key}`", secret.name);
            missing.push(
                Diagnostic::error("HNY0189", text)
                    .with_help(format!("add it to `[{at}.data]`"))
                    .at(at.clone()),
            );
        }
    }
    missing
}
