//! From a request to an answer: paths, verbs, patches.

use std::{cell::RefCell, collections::BTreeMap};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    body, discovery, eviction,
    resource::ResourceType,
    selector,
    status::Refusal,
    store::{Key, State, now_text},
    watch::Watch,
    write,
};

/// A request, read.
pub(super) struct Call {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) content_type: String,
    pub(super) user_agent: String,
    pub(super) body: Vec<u8>,
    /// What the answer warns of.
    pub(super) warnings: RefCell<Vec<String>>,
}

/// An answer.
#[expect(clippy::large_enum_variant, reason = "one at a time, moved once")]
pub(super) enum Answer {
    /// JSON.
    Json(u16, Value),
    /// Plain text.
    Text(String),
    /// A stream of changes.
    Watch(Watch),
}

/// What a path of the API names.
pub(super) struct Target {
    pub(super) kind: ResourceType,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) subresource: Option<String>,
}

impl Target {
    pub(super) fn key(&self) -> Result<Key, Refusal> {
        let name = self.name.as_deref().ok_or_else(Refusal::unknown_path)?;
        Ok(Key::new(&self.kind.group, &self.kind.plural, self.namespace.as_deref().unwrap_or_default(), name))
    }
}

impl Call {
    pub(super) fn query(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    pub(super) fn dry(&self) -> bool {
        self.query("dryRun") == "All"
    }

    pub(super) fn manager(&self) -> String {
        let given = self.query("fieldManager");
        let agent = self.user_agent.split(['/', ' ']).next().unwrap_or("unknown");
        if given.is_empty() { agent.to_owned() } else { given.to_owned() }
    }

    fn json(&self) -> Result<Value, Refusal> {
        Ok(body::read(self)?.value)
    }
}

/// Answers a request.
pub(super) fn handle(state: &mut State, call: &Call) -> Answer {
    match route(state, call) {
        Ok(answer) => answer,
        Err(refusal) => Answer::Json(refusal.code, refusal.body),
    }
}

fn route(state: &mut State, call: &Call) -> Result<Answer, Refusal> {
    if call.method == "GET"
        && let Some(found) = discovery::answer(state, &call.path)
    {
        return Ok(found);
    }
    let target = target(state, &call.path)?;
    match (call.method.as_str(), target.name.is_some()) {
        ("GET", false) if call.query("watch") == "true" || call.query("watch") == "1" => {
            watch(state, call, &target)
        }
        ("GET", false) => list(state, call, &target),
        ("GET", true) => read(state, call, &target),
        ("POST", false) => write::create(state, call, &target),
        ("POST", true) if target.subresource.as_deref() == Some("eviction") => {
            eviction::evict(state, call, &target)
        }
        ("PUT", true) => write::replace(state, call, &target),
        ("PATCH", true) => write::patch_object(state, call, &target),
        ("DELETE", true) => delete(state, call, &target),
        ("DELETE", false) => delete_all(state, call, &target),
        _ => Err(Refusal::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )),
    }
}

fn target(state: &State, path: &str) -> Result<Target, Refusal> {
    let mut segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (group, version) = match segments.as_slice() {
        ["api", version, ..] => ("", *version),
        ["apis", group, version, ..] => (*group, *version),
        _ => return Err(Refusal::unknown_path()),
    };
    segments.drain(..if group.is_empty() { 2 } else { 3 });
    let mut namespace = None;
    if let ["namespaces", name, plural, ..] = segments.as_slice()
        && !(group.is_empty() && matches!(*plural, "status" | "finalize"))
    {
        namespace = Some((*name).to_owned());
        segments.drain(..2);
    }
    let plural = segments.first().ok_or_else(Refusal::unknown_path)?;
    let kind = state.find_type(group, version, plural).ok_or_else(Refusal::unknown_path)?.clone();
    let (name, subresource) = (segments.get(1), segments.get(2));
    if kind.namespaced && namespace.is_none() && name.is_some() {
        return Err(Refusal::unknown_path());
    }
    if let Some(subresource) = subresource
        && !kind.subresources.contains(subresource)
    {
        return Err(Refusal::unknown_path());
    }
    Ok(Target {
        kind,
        namespace,
        name: name.map(|name| (*name).to_owned()),
        subresource: subresource.map(|name| (*name).to_owned()),
    })
}

fn selected(call: &Call, object: &Value) -> bool {
    selector::labels_match(object, call.query("labelSelector"))
        && selector::fields_match(object, call.query("fieldSelector"))
}

fn watch(state: &State, call: &Call, target: &Target) -> Result<Answer, Refusal> {
    let given = call.query("resourceVersion");
    let from: u64 = if given.is_empty() || given == "0" {
        0
    } else {
        given.parse().map_err(|_| Refusal::bad(format!("invalid resource version {given:?}")))?
    };
    Ok(Answer::Watch(Watch::new(
        state,
        target.kind.clone(),
        target.namespace.clone(),
        call.query("labelSelector").to_owned(),
        call.query("fieldSelector").to_owned(),
        from,
        call.query("timeoutSeconds").parse().ok(),
        call.query("allowWatchBookmarks") == "true",
    )))
}

fn list(state: &State, call: &Call, target: &Target) -> Result<Answer, Refusal> {
    let limit: usize = call.query("limit").parse().unwrap_or(0);
    let after = match call.query("continue") {
        "" => None,
        token => Some(
            URL_SAFE_NO_PAD
                .decode(token)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .and_then(|text| {
                    text.split_once('/').map(|(namespace, name)| (namespace.to_owned(), name.to_owned()))
                })
                .ok_or_else(|| Refusal::bad("continue key is not valid"))?,
        ),
    };
    let mut items = Vec::new();
    let mut token = String::new();
    let mut last = String::new();
    for (key, object) in state.list(&target.kind.group, &target.kind.plural, target.namespace.as_deref()) {
        let position = (key.namespace.clone(), key.name.clone());
        if after.as_ref().is_some_and(|after| position <= *after) || !selected(call, object) {
            continue;
        }
        if limit > 0 && items.len() == limit {
            token = URL_SAFE_NO_PAD.encode(&last);
            break;
        }
        last = format!("{}/{}", key.namespace, key.name);
        items.push(object.clone());
    }
    let mut metadata = json!({"resourceVersion": state.version().to_string()});
    if !token.is_empty() {
        metadata["continue"] = json!(token);
    }
    Ok(Answer::Json(
        200,
        json!({
            "kind": format!("{}List", target.kind.kind), "apiVersion": target.kind.api_version(),
            "metadata": metadata, "items": items,
        }),
    ))
}

fn read(state: &State, call: &Call, target: &Target) -> Result<Answer, Refusal> {
    let key = target.key()?;
    let object = state.objects.get(&key).ok_or_else(|| Refusal::not_found(&target.kind, &key.name))?;
    match target.subresource.as_deref() {
        Some("scale") => Ok(Answer::Json(200, scale_of(object))),
        Some("log") => log(state, call, object),
        _ => Ok(Answer::Json(200, object.clone())),
    }
}

fn log(state: &State, call: &Call, pod: &Value) -> Result<Answer, Refusal> {
    let runtime = pod["metadata"]["uid"].as_str().and_then(|uid| state.pods.get(uid));
    let container = call.query("container");
    let (waiting, lines) =
        runtime.map_or((true, &[][..]), |runtime| (runtime.never_started(), runtime.log.as_slice()));
    if waiting {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        return Err(Refusal::bad(format!(
            "container \"{container}\" in pod \"{name}\" is waiting to start: ContainerCreating"
        )));
    }
    let tail: usize = call.query("tailLines").parse().unwrap_or(usize::MAX);
    let skip = lines.len().saturating_sub(tail);
    let mut text = lines[skip..].join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    Ok(Answer::Text(text))
}

/// An object in deletion goes when its last finalizer goes.
pub(super) fn settle(state: &mut State, key: &Key) {
    let Some(object) = state.objects.get(key) else { return };
    let deleting = object["metadata"].get("deletionTimestamp").is_some();
    let free = object["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty);
    if deleting
        && free
        && key.plural != "pods"
        && key.plural != "namespaces"
        && !state.faults.holds(&key.plural, &key.name)
    {
        state.remove(key);
    }
}

pub(super) fn scale_of(object: &Value) -> Value {
    let metadata = &object["metadata"];
    let labels = object["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten();
    let selector: Vec<String> =
        labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"], "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": {"replicas": object["spec"]["replicas"]},
        "status": {"replicas": object["status"]["replicas"].as_u64().unwrap_or(0), "selector": selector.join(",")},
    })
}

fn delete_options(call: &Call) -> Value {
    let mut options =
        if call.body.is_empty() { json!({}) } else { call.json().unwrap_or_else(|_| json!({})) };
    if options["deleteOptions"].is_object() {
        options = options["deleteOptions"].clone();
    }
    for name in ["propagationPolicy", "gracePeriodSeconds", "dryRun"] {
        if let Some(value) = call.query.get(name) {
            options[name] = value.parse::<u64>().map_or_else(|_| json!(value), |number| json!(number));
        }
    }
    options
}

pub(super) fn delete(state: &mut State, call: &Call, target: &Target) -> Result<Answer, Refusal> {
    let key = target.key()?;
    let options = delete_options(call);
    let object =
        state.objects.get(&key).cloned().ok_or_else(|| Refusal::not_found(&target.kind, &key.name))?;
    let wanted = &options["preconditions"]["uid"];
    if wanted.is_string() && *wanted != object["metadata"]["uid"] {
        return Err(Refusal::stale(&target.kind, &key.name));
    }
    if !options["dryRun"].is_null() {
        return Ok(Answer::Json(200, object));
    }
    mark_deleted(state, &key, &options);
    match state.objects.get(&key) {
        Some(object) => Ok(Answer::Json(200, object.clone())),
        None => Ok(Answer::Json(
            200,
            json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                "details": {"name": key.name, "group": key.group, "kind": key.plural, "uid": object["metadata"]["uid"]},
            }),
        )),
    }
}

/// Deletes as far as finalizers, grace periods and scripts let it.
pub(super) fn mark_deleted(state: &mut State, key: &Key, options: &Value) {
    let foreground = options["propagationPolicy"] == "Foreground";
    let grace = options["gracePeriodSeconds"].as_u64();
    state.change(key, |object| {
        let metadata = &mut object["metadata"];
        if foreground
            && metadata.get("deletionTimestamp").is_none()
            && key.plural != "namespaces"
            && key.plural != "pods"
        {
            let mut finalizers = metadata["finalizers"].as_array().cloned().unwrap_or_default();
            finalizers.push(json!("foregroundDeletion"));
            metadata["finalizers"] = json!(finalizers);
        }
        if metadata.get("deletionTimestamp").is_none() {
            metadata["deletionTimestamp"] = json!(now_text());
        }
        if key.plural == "pods" {
            let wanted =
                grace.or_else(|| object["spec"]["terminationGracePeriodSeconds"].as_u64()).unwrap_or(30);
            let known = object["metadata"]["deletionGracePeriodSeconds"].as_u64();
            object["metadata"]["deletionGracePeriodSeconds"] =
                json!(known.map_or(wanted, |known| known.min(wanted)));
        }
        if key.plural == "namespaces" {
            object["status"]["phase"] = json!("Terminating");
        }
    });
    let unscheduled = state.objects.get(key).is_some_and(|object| object["spec"]["nodeName"].is_null());
    if key.plural == "pods" && (grace == Some(0) || unscheduled) && !state.faults.holds("pods", &key.name) {
        state.remove(key);
    }
    settle(state, key);
}

fn delete_all(state: &mut State, call: &Call, target: &Target) -> Result<Answer, Refusal> {
    let options = delete_options(call);
    if !options["dryRun"].is_null() {
        return list(state, call, target);
    }
    let keys: Vec<Key> = state
        .list(&target.kind.group, &target.kind.plural, target.namespace.as_deref())
        .filter(|(_, object)| selected(call, object))
        .map(|(key, _)| key.clone())
        .collect();
    let answer = list(state, call, target)?;
    for key in keys {
        mark_deleted(state, &key, &options);
    }
    Ok(answer)
}
