//! Renders the application stack for one instance: the operator's parameters,
//! and over them what only honey knows.

use std::collections::{BTreeMap, BTreeSet};

use honey_catalogue::{Catalogue, RenderedObject};
use honey_config::schema::Stack;
use honey_model::{Active, Address, Diagnostic, Severity, State};
use serde_json::{Value, json};

use crate::{
    FlowError, Session, active_only,
    image::{follow, pin, resolve},
    lower::{StackObject, StackObjects, cluster_label},
    phase::prepare::Prepared,
    singleton,
};

/// Kinds that others wait for until they are ready.
const WAITED_FOR: &[&str] = &["Deployment", "StatefulSet", "DaemonSet", "Job"];

/// What a stack is rendered for.
pub struct Request<'a> {
    /// What was looked up.
    pub prepared: &'a Prepared,
    /// The instance.
    pub instance: &'a str,
    /// Who is active.
    pub active: &'a Active,
    /// What is recorded of all instances.
    pub state: &'a State,
    /// A standby gets the configuration's images, whatever the active instance runs.
    pub ahead: bool,
}

/// A stack as an instance gets it.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// Its objects, phase by phase; none where there is no stack.
    pub objects: Option<StackObjects>,
    /// Recorded, not wanted here, and left alone.
    pub kept: BTreeSet<Address>,
    /// Worth knowing.
    pub diagnostics: Vec<Diagnostic>,
}

/// Renders the stack, takes out what is not this instance's to run, and puts
/// digests in the place of images. Registries are asked for each image once a run.
pub async fn render(session: &Session, request: &Request<'_>) -> Result<Rendered, FlowError> {
    let Some(stack) = &session.config.stack else { return Ok(Rendered::default()) };
    let Request { instance, active, state, ahead, .. } = *request;
    let catalogue = Catalogue::open(&stack.source, &session.base).map_err(FlowError::Diagnostics)?;
    let declaration = catalogue.declaration();
    let missing = missing_secrets(stack, &catalogue);
    if !missing.is_empty() {
        return Err(FlowError::Diagnostics(missing));
    }
    // Templates name objects after digests, so these come before the rendering.
    let named = resolve::resolve(session, stack.images.values().map(String::as_str)).await?;
    let parameters = parameters(session, stack, &catalogue, &named, request);
    let mut rendered = catalogue.render(&parameters).map_err(FlowError::Diagnostics)?;
    let refused = singleton::refusals(rendered.iter().map(|entry| &entry.object));
    if !refused.is_empty() {
        let finding = |text| {
            Diagnostic::error("HNY0687", text)
                .with_help("a singleton is a Deployment, a StatefulSet or a CronJob that runs once; correct it or take the annotation `honey.dev/singleton` away")
                .at("stack")
        };
        return Err(FlowError::Diagnostics(refused.into_iter().map(finding).collect()));
    }
    let active_only::Sorted { kept, notes: mut diagnostics } =
        active_only::sort(&mut rendered, instance, active, state);
    let texts = pin::texts(&rendered);
    let mut resolved = resolve::resolve(session, texts.iter().map(String::as_str)).await?;
    resolved.extend(named);
    pin::pin(&mut rendered, &resolved);
    if let Some(leader) = follow::leader(active, instance) {
        let leading = follow::Leading::new(state, leader);
        let different = follow::follow(&mut rendered, &leading, ahead);
        diagnostics.extend(follow::report(instance, &leading, &different, ahead));
    }
    let (errors, warnings): (Vec<_>, Vec<_>) = pin::check(&rendered, &resolved, &stack.images)
        .into_iter()
        .partition(|finding| finding.severity == Severity::Error);
    if !errors.is_empty() {
        return Err(FlowError::Diagnostics(errors));
    }
    diagnostics.extend(warnings);
    let phases = declaration.phases.iter().map(|phase| phase.name.clone()).collect();
    let secrets_phase = declaration.phases.iter().find(|phase| phase.secrets).map(|phase| phase.name.clone());
    let objects = rendered.into_iter().map(|entry| object(entry, instance, active)).collect();
    Ok(Rendered { objects: Some(StackObjects { phases, secrets_phase, objects }), kept, diagnostics })
}

/// The operator's parameters, and over them what only honey knows.
fn parameters(
    session: &Session,
    stack: &Stack,
    catalogue: &Catalogue,
    named: &BTreeMap<String, resolve::Resolved>,
    request: &Request<'_>,
) -> BTreeMap<String, Value> {
    let declared = &catalogue.declaration().parameters;
    let mut parameters: BTreeMap<String, Value> =
        stack.parameters.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    for (name, value) in known(session, stack, named, request) {
        if declared.contains_key(name) {
            parameters.entry(name.to_owned()).or_insert(value);
        }
    }
    // Never the operator's to say: it follows from who is active.
    if declared.contains_key("singleton_replicas") {
        let replicas = u32::from(request.active.may_run_singletons(request.instance));
        parameters.insert("singleton_replicas".to_owned(), json!(replicas));
    }
    parameters
}

fn known<'a>(
    session: &Session,
    stack: &Stack,
    resolved: &BTreeMap<String, resolve::Resolved>,
    request: &Request<'_>,
) -> Vec<(&'a str, Value)> {
    let pinned = |reference: &String| match resolved.get(reference) {
        Some(resolve::Resolved::Pinned { image, .. }) => image.clone(),
        _ => reference.clone(),
    };
    let images: BTreeMap<&String, String> =
        stack.images.iter().map(|(workload, reference)| (workload, pinned(reference))).collect();
    let mut known = vec![
        ("namespace", json!(stack.namespace)),
        ("cluster_label", json!(cluster_label(&session.config, request.instance))),
        ("images", json!(images)),
    ];
    if let Some(dns) = &session.config.dns {
        known.push(("domain", json!(dns.zone)));
    }
    if let Some(edge) = &request.prepared.edge {
        let ranges: Vec<&String> = edge.ipv4.iter().chain(&edge.ipv6).collect();
        known.push(("edge_ranges", json!(ranges)));
    }
    known
}

/// Whatever a catalogue says, a marked workload does not run away from the
/// active instance.
fn object(entry: RenderedObject, instance: &str, active: &Active) -> StackObject {
    let mut object = entry.object;
    let singleton = singleton::is_marked(&object);
    if singleton && !active.may_run_singletons(instance) {
        singleton::stop(&mut object);
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
