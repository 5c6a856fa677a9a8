//! Server-side apply, for real and as a dry run.

use honey_model::{Fault, FaultClass};
use honey_ports::{
    CallContext,
    cluster::{FieldOwner, ObjectName},
};
use http::Method;
use serde_json::Value;

use crate::{
    FIELD_MANAGER,
    access::{Access, Call},
    discovery::Discovery,
    fault,
    normalise::normalise,
};

/// The media type of a server-side apply; JSON is YAML.
const APPLY: &str = "application/apply-patch+yaml";

/// Names an object, or says what it lacks.
pub(crate) fn name_of(object: &Value) -> Result<ObjectName, Fault> {
    let text =
        |pointer: &str| object.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let missing = |field: &str| {
        Fault::new(
            FaultClass::Invalid,
            fault::NOT_AN_OBJECT,
            format!("an object without `{field}` cannot be applied"),
        )
    };
    Ok(ObjectName {
        api_version: text("/apiVersion").ok_or_else(|| missing("apiVersion"))?.to_owned(),
        kind: text("/kind").ok_or_else(|| missing("kind"))?.to_owned(),
        namespace: text("/metadata/namespace").map(str::to_owned),
        name: text("/metadata/name").ok_or_else(|| missing("metadata.name"))?.to_owned(),
    })
}

/// `Deployment honeydue/api` for messages.
pub(crate) fn show(name: &ObjectName) -> String {
    match &name.namespace {
        Some(namespace) => fault::shown(&format!("{} {namespace}/{}", name.kind, name.name)),
        None => fault::shown(&format!("{} {}", name.kind, name.name)),
    }
}

/// What an apply sends: the object without what a server wrote, should it come from one.
fn sent(object: &Value) -> Value {
    normalise(object)
}

/// What an apply would leave. `None` where the kind or the namespace does not exist yet.
pub(crate) async fn dry_run(
    access: &Access,
    discovery: &Discovery,
    context: &CallContext,
    object: &Value,
) -> Result<Option<Value>, Fault> {
    let name = name_of(object)?;
    let Some(place) = discovery.place(access, context, &name.api_version, &name.kind).await? else {
        return Ok(None);
    };
    let what = format!("cannot compare {} with the cluster", show(&name));
    // Forced: a plan shows the outcome, and beside it from whom fields are taken over.
    let path = format!("{}?fieldManager={FIELD_MANAGER}&force=true&dryRun=All", place.object(&name));
    let call = Call::send(what, Method::PATCH, &path, APPLY, &sent(object));
    access.found(context, &call).await
}

/// Who owns fields that an unforced apply would have to take from them.
pub(crate) async fn owners_in_the_way(
    access: &Access,
    discovery: &Discovery,
    context: &CallContext,
    object: &Value,
) -> Result<Vec<FieldOwner>, Fault> {
    let name = name_of(object)?;
    let Some(place) = discovery.place(access, context, &name.api_version, &name.kind).await? else {
        return Ok(Vec::new());
    };
    let what = format!("cannot compare {} with the cluster", show(&name));
    let path = format!("{}?fieldManager={FIELD_MANAGER}&force=false&dryRun=All", place.object(&name));
    match access.json(context, &Call::send(what, Method::PATCH, &path, APPLY, &sent(object))).await {
        Ok(_) => Ok(Vec::new()),
        Err(refusal) => match refusal.error.as_ref().and_then(fault::owners) {
            Some(owners) => Ok(owners.into_iter().filter(|owner| owner.manager != FIELD_MANAGER).collect()),
            None => Err(refusal.fault),
        },
    }
}

/// Applies, and takes over those fields from those managers, no others.
pub(crate) async fn apply_taking_over(
    access: &Access,
    discovery: &Discovery,
    context: &CallContext,
    object: &Value,
    owners: &[FieldOwner],
) -> Result<Value, Fault> {
    if !owners.is_empty() {
        let now = owners_in_the_way(access, discovery, context, object).await?;
        if now.iter().all(|owner| owners.contains(owner)) {
            return apply(access, discovery, context, object, true).await;
        }
    }
    apply(access, discovery, context, object, false).await
}

/// Applies. Conflicts with honey's own calls of another form (scale) are no conflicts.
pub(crate) async fn apply(
    access: &Access,
    discovery: &Discovery,
    context: &CallContext,
    object: &Value,
    force: bool,
) -> Result<Value, Fault> {
    let name = name_of(object)?;
    let place = discovery.known(access, context, &name.api_version, &name.kind).await?;
    let what = format!("cannot apply {}", show(&name));
    let body = sent(object);
    let path = |force: bool| format!("{}?fieldManager={FIELD_MANAGER}&force={force}", place.object(&name));
    let first = path(force);
    match access.json(context, &Call::send(what.clone(), Method::PATCH, &first, APPLY, &body)).await {
        Ok(applied) => Ok(applied),
        Err(refusal) if refusal.error.as_ref().is_some_and(fault::only_with_ourselves) => {
            let forced = path(true);
            Ok(access.json(context, &Call::send(what, Method::PATCH, &forced, APPLY, &body)).await?)
        }
        Err(refusal) => Err(refusal.fault),
    }
}
