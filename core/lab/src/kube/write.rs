//! Writes: create, replace, patch, apply. What comes in is read as its kind,
//! owned by its manager, and stored.

use serde_json::{Value, json};

use super::{
    body::{self, Body},
    handle::{Answer, Call, Target, scale_of, settle},
    ownership::{self, Writer},
    patch,
    resource::{ResourceType, Schema},
    schema::{decode, typed},
    status::Refusal,
    store::{Key, State, now_text},
};

/// What a write does about fields that the schema does not declare, or that stand twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Validation {
    Strict,
    Warn,
    Ignore,
}

fn validation(call: &Call, options: &str) -> Result<Validation, Refusal> {
    match call.query("fieldValidation") {
        "Strict" => Ok(Validation::Strict),
        "" | "Warn" => Ok(Validation::Warn),
        "Ignore" => Ok(Validation::Ignore),
        other => {
            let why = format!(
                "{options}.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: {other:?}: supported values: \"Ignore\", \"Strict\", \"Warn\""
            );
            Err(Refusal::new(422, "Invalid", why))
        }
    }
}

/// Reads an object as its kind, in place. Answers the places of undeclared fields, or what is wrong.
pub(super) fn read_as(kind: &ResourceType, object: &mut Value) -> Result<Vec<String>, String> {
    let decoded = match &kind.schema {
        Schema::BuiltIn(node) => decode::built_in(object, node)?,
        Schema::Custom(custom) => {
            let decoded = decode::prune(object, &custom.root);
            custom.fill(object);
            decoded
        }
    };
    Ok(decoded.unknown)
}

/// Names what is not declared or stands twice, as far as the caller wants to know.
fn strict_faults(unknown: &[String], twice: &[String]) -> Vec<String> {
    let twice = twice.iter().map(|place| format!("duplicate field \"{place}\""));
    twice.chain(unknown.iter().map(|place| format!("unknown field \"{place}\""))).collect()
}

/// Either warns, or answers the faults as one message.
fn judge(call: &Call, how: Validation, faults: Vec<String>) -> Result<(), String> {
    match how {
        _ if faults.is_empty() => Ok(()),
        Validation::Strict => Err(format!("strict decoding error: {}", faults.join(", "))),
        Validation::Warn => {
            call.warnings.borrow_mut().extend(faults);
            Ok(())
        }
        Validation::Ignore => Ok(()),
    }
}

/// A whole object from a create or a replace.
fn whole(call: &Call, target: &Target, options: &str) -> Result<Value, Refusal> {
    let how = validation(call, options)?;
    let Body { mut value, twice, .. } = body::read(call)?;
    let kind = &target.kind;
    let scale = target.subresource.as_deref() == Some("scale");
    if scale {
        return Ok(value);
    }
    let cannot = |why: &str| {
        let (kind, version) = (&kind.kind, &kind.version);
        Refusal::bad(format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {why}"))
    };
    if !value.is_object() {
        return Err(cannot("json: cannot unmarshal into Go value: no object"));
    }
    if let Some(version) = value["apiVersion"].as_str()
        && version != kind.api_version()
    {
        return Err(Refusal::bad(format!(
            "the API version in the data ({version}) does not match the expected API version ({})",
            kind.api_version()
        )));
    }
    if let Some(given) = value["kind"].as_str()
        && given != kind.kind
    {
        return Err(Refusal::bad(format!(
            "the kind in the data ({given}) does not match the expected kind ({})",
            kind.kind
        )));
    }
    let unknown = read_as(kind, &mut value).map_err(|why| cannot(&why))?;
    judge(call, how, strict_faults(&unknown, &twice)).map_err(|why| cannot(&why))?;
    Ok(value)
}

/// The namespace of an object is that of the request. A cluster-scoped object has none, whatever it says.
fn in_namespace(object: &mut Value, target: &Target) -> Result<(), Refusal> {
    let wanted = target.namespace.as_deref().unwrap_or_default();
    let Some(metadata) = object["metadata"].as_object_mut() else { return Ok(()) };
    match metadata.get("namespace").and_then(Value::as_str) {
        Some(given) if !wanted.is_empty() && !given.is_empty() && given != wanted => Err(Refusal::bad(
            "the namespace of the provided object does not match the namespace sent on the request",
        )),
        Some(_) if wanted.is_empty() => {
            metadata.remove("namespace");
            Ok(())
        }
        _ => Ok(()),
    }
}

fn writer<'a>(manager: &'a str, time: &'a str, target: &'a Target) -> Writer<'a> {
    Writer { manager, time, subresource: target.subresource.as_deref(), schema: target.kind.schema.root() }
}

/// `POST` of a new object.
pub(super) fn create(state: &mut State, call: &Call, target: &Target) -> Result<Answer, Refusal> {
    let mut object = whole(call, target, "CreateOptions")?;
    if object["metadata"]["name"].as_str().is_none_or(str::is_empty) {
        let Some(start) = object["metadata"]["generateName"].as_str().map(str::to_owned) else {
            return Err(Refusal::invalid(
                &target.kind,
                "",
                &[("metadata.name".into(), "Required value: name or generateName is required".into())],
            ));
        };
        object["metadata"]["name"] = json!(format!("{start}{}", state.random(5)));
    }
    in_namespace(&mut object, target)?;
    if target.kind.subresources.contains(&"status") {
        object = with_status(&object, &Value::Null);
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let namespace = target.namespace.clone().unwrap_or_default();
    let key = Key::new(&target.kind.group, &target.kind.plural, &namespace, &name);
    if state.objects.contains_key(&key) {
        return Err(Refusal::exists(&target.kind, &name));
    }
    let (manager, time) = (call.manager(), now_text());
    ownership::book(None, &mut object, &writer(&manager, &time, target));
    Ok(Answer::Json(201, state.commit(&target.kind, &key, object, call.dry())?))
}

/// `PUT` of a known object.
pub(super) fn replace(state: &mut State, call: &Call, target: &Target) -> Result<Answer, Refusal> {
    let key = target.key()?;
    let mut sent = whole(call, target, "UpdateOptions")?;
    let before =
        state.objects.get(&key).cloned().ok_or_else(|| Refusal::not_found(&target.kind, &key.name))?;
    same_name(&sent, &key)?;
    in_namespace(&mut sent, target)?;
    let version = &sent["metadata"]["resourceVersion"];
    if version.as_str().is_some_and(|version| !version.is_empty())
        && *version != before["metadata"]["resourceVersion"]
    {
        return Err(Refusal::stale(&target.kind, &key.name));
    }
    let after = match target.subresource.as_deref() {
        Some("scale") => scaled(&before, &sent["spec"]["replicas"])?,
        Some("status") => with_status(&before, &sent["status"]),
        _ => keeps_status(target, &sent, &before),
    };
    finish_write(state, call, target, &key, &before, after)
}

/// A write of the object itself leaves its status alone, where that is a subresource.
fn keeps_status(target: &Target, after: &Value, before: &Value) -> Value {
    let mut after = if target.kind.subresources.contains(&"status") {
        with_status(after, &before["status"])
    } else {
        after.clone()
    };
    // A replacement without owners leaves them as they are, as its name and namespace.
    for field in ["name", "namespace"] {
        if let Some(value) = before["metadata"].get(field) {
            after["metadata"][field] = value.clone();
        }
    }
    after
}

fn same_name(object: &Value, key: &Key) -> Result<(), Refusal> {
    match object["metadata"]["name"].as_str() {
        Some(name) if name != key.name => Err(Refusal::bad(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            key.name
        ))),
        _ => Ok(()),
    }
}

fn finish_write(
    state: &mut State,
    call: &Call,
    target: &Target,
    key: &Key,
    before: &Value,
    mut after: Value,
) -> Result<Answer, Refusal> {
    let (manager, time) = (call.manager(), now_text());
    ownership::book(Some(before), &mut after, &writer(&manager, &time, target));
    let stored = state.commit(&target.kind, key, after, call.dry())?;
    if !call.dry() {
        settle(state, key);
    }
    let shown = if target.subresource.as_deref() == Some("scale") { scale_of(&stored) } else { stored };
    Ok(Answer::Json(200, shown))
}

/// `PATCH` of any form.
pub(super) fn patch_object(state: &mut State, call: &Call, target: &Target) -> Result<Answer, Refusal> {
    let key = target.key()?;
    if call.content_type.contains("apply-patch") {
        return apply(state, call, target, &key);
    }
    let how = validation(call, "PatchOptions")?;
    let Body { value: change, twice, .. } = body::read(call)?;
    let before =
        state.objects.get(&key).cloned().ok_or_else(|| Refusal::not_found(&target.kind, &key.name))?;
    if target.subresource.as_deref() == Some("scale") {
        let mut scale = scale_of(&before);
        patch_value(&mut scale, &change, call, target)?;
        let after = scaled(&before, &scale["spec"]["replicas"])?;
        return finish_write(state, call, target, &key, &before, after);
    }
    let mut after = before.clone();
    patch_value(&mut after, &change, call, target)?;
    let version = &after["metadata"]["resourceVersion"];
    if version.is_string() && *version != before["metadata"]["resourceVersion"] {
        return Err(Refusal::stale(&target.kind, &key.name));
    }
    let shown =
        if call.content_type.contains("strategic") { typed::plain(&change) } else { after.to_string() };
    let cannot = |why: &str| Refusal::invalid_patch(&shown, why);
    let unknown = read_as(&target.kind, &mut after).map_err(|why| cannot(&why))?;
    judge(call, how, strict_faults(&unknown, &twice)).map_err(|why| cannot(&why))?;
    same_name(&after, &key)?;
    in_namespace(&mut after, target)?;
    let after = match target.subresource.as_deref() {
        Some("status") => with_status(&before, &after["status"]),
        _ => keeps_status(target, &after, &before),
    };
    finish_write(state, call, target, &key, &before, after)
}

fn patch_value(object: &mut Value, change: &Value, call: &Call, target: &Target) -> Result<(), Refusal> {
    let content_type = call.content_type.as_str();
    if content_type.contains("json-patch") {
        patch::json_patch(object, change).map_err(|why| Refusal::new(422, "Invalid", why))
    } else if content_type.contains("strategic-merge-patch") && target.kind.built_in() {
        patch::strategic(object, change, target.kind.schema.root());
        Ok(())
    } else if content_type.contains("merge-patch") && !content_type.contains("strategic") {
        patch::merge(object, change);
        Ok(())
    } else {
        let accepted = if target.kind.built_in() {
            "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml"
        } else {
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
        };
        Err(Refusal::new(
            415,
            "UnsupportedMediaType",
            format!(
                "the body of the request was in an unknown format - accepted media types include: {accepted}"
            ),
        ))
    }
}

/// Server-side apply.
fn apply(state: &mut State, call: &Call, target: &Target, key: &Key) -> Result<Answer, Refusal> {
    let how = validation(call, "PatchOptions")?;
    let manager = call.query("fieldManager").to_owned();
    let kind = &target.kind;
    if manager.is_empty() {
        let why = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
        return Err(Refusal::new(422, "Invalid", why));
    }
    let Body { value: mut applied, twice, yaml } = body::read(call)?;
    if !applied.is_object() {
        return Err(Refusal::bad("error decoding YAML: the body is no object"));
    }
    if applied["metadata"].get("managedFields").is_some_and(|list| !list.is_null()) {
        return Err(Refusal::bad("metadata.managedFields must be nil"));
    }
    let given = applied["apiVersion"].as_str().unwrap_or_default();
    if given != kind.api_version() {
        return Err(Refusal::bad(format!(
            "Incorrect version specified in apply patch. Specified patch version: {given}, expected: {}",
            kind.api_version()
        )));
    }
    let version = if kind.group.is_empty() { format!("/{}", kind.version) } else { kind.api_version() };
    if applied["kind"] != json!(kind.kind) {
        let given = applied["kind"].as_str().unwrap_or_default();
        return Err(Refusal::bad(format!("invalid object type: {version}, Kind={given}")));
    }
    if applied["metadata"].get("name").is_none() {
        applied["metadata"]["name"] = json!(key.name);
    }
    let named = format!("{}/{}; {version}, Kind={}", shown_namespace(&applied), key.name, kind.kind);
    let faults = typed::faults(&applied, kind.schema.root());
    if !faults.is_empty() {
        return Err(Refusal::internal(format!(
            "failed to create typed patch object ({named}): {}",
            typed::message(&faults)
        )));
    }
    same_name(&applied, key)?;
    in_namespace(&mut applied, target)?;
    if target.subresource.as_deref() != Some("status")
        && let Some(map) = applied.as_object_mut()
    {
        map.remove("status");
    }
    let live = state.objects.get(key).cloned();
    if live.is_none() && target.subresource.is_some() {
        return Err(Refusal::not_found(kind, &key.name));
    }
    let time = now_text();
    let force = call.query("force") == "true";
    let mut object = ownership::apply(live.as_ref(), &applied, force, &writer(&manager, &time, target))
        .map_err(|conflicts| Refusal::conflicts(&conflicts))?;
    read_as(kind, &mut object).map_err(|why| {
        let why = if why.starts_with("illegal base64") { format!("error decoding from json: {why}") } else { why };
        Refusal::internal(format!(
            "failed to convert new object ({named}) to proper version: unable to convert unstructured object to {version}, Kind={}: {why}",
            kind.kind
        ))
    })?;
    if !twice.is_empty() {
        let lines: Vec<String> = twice.iter().map(|place| twice_in(place, yaml)).collect();
        let why = format!("error converting YAML to JSON: yaml: unmarshal errors:\n  {}", lines.join("\n  "));
        match how {
            Validation::Strict => return Err(Refusal::bad(format!("error strict decoding YAML: {why}"))),
            Validation::Warn => call.warnings.borrow_mut().push(lines.join("; ")),
            Validation::Ignore => {}
        }
    }
    object["metadata"]["name"] = json!(key.name);
    let code = if live.is_some() { 200 } else { 201 };
    let stored = state.commit(kind, key, object, call.dry())?;
    if !call.dry() {
        settle(state, key);
    }
    Ok(Answer::Json(code, stored))
}

fn shown_namespace(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or_default()
}

fn twice_in(place: &str, yaml: bool) -> String {
    let name = place.rsplit('.').next().unwrap_or_default();
    if yaml { format!("key \"{name}\" already set in map") } else { format!("duplicate field \"{place}\"") }
}

fn with_status(object: &Value, status: &Value) -> Value {
    let mut object = object.clone();
    if status.is_null() {
        if let Some(map) = object.as_object_mut() {
            map.remove("status");
        }
    } else {
        object["status"] = status.clone();
    }
    object
}

fn scaled(object: &Value, replicas: &Value) -> Result<Value, Refusal> {
    if replicas.as_i64().is_none() && !replicas.is_null() {
        return Err(Refusal::bad(format!(
            "Scale in version \"v1\" cannot be handled as a Scale: json: cannot unmarshal {replicas} into Go struct field ScaleSpec.spec.replicas of type int32"
        )));
    }
    let mut object = object.clone();
    object["spec"]["replicas"] = if replicas.is_null() { json!(0) } else { replicas.clone() };
    Ok(object)
}

/// Books and stores an object that somebody else than a client of the API writes.
pub(super) fn write_as(
    state: &mut State,
    kind: &ResourceType,
    key: &Key,
    mut object: Value,
    writer: &Writer<'_>,
) -> Result<(), Refusal> {
    read_as(kind, &mut object).map_err(Refusal::bad)?;
    let before = state.objects.get(key).cloned();
    ownership::book(before.as_ref(), &mut object, writer);
    state.commit(kind, key, object, false).map(|_| ())
}

#[cfg(test)]
mod tests;
