//! Judges requests (and the lab's own replies) by the vendors' OpenAPI files,
//! when a folder of them is given. Schemas are compiled at first use.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::vendor::SpecFile;
use crate::vendor::reply::Reply;
use crate::vendor::request::{Request, decode};

/// The specifications of a folder.
#[derive(Debug)]
pub struct Specs {
    folder: PathBuf,
    files: Mutex<BTreeMap<&'static str, Arc<Spec>>>,
}

/// Changes that a vendor announced after its file was written.
const OVERLAYS: [(&str, &str); 1] =
    [("hetzner/cloud.openapi.json", "hetzner/overlay.2026-07-datacenter-removal.json")];

/// Applies the `remove`, `add` and `replace` operations of a JSON patch.
fn patch(document: &mut Value, overlay: &Value) {
    for change in overlay["ops"].as_array().into_iter().flatten() {
        let path = change["path"].as_str().unwrap_or_default();
        let Some((parent, last)) = path.rsplit_once('/') else { continue };
        let last = last.replace("~1", "/").replace("~0", "~");
        match (document.pointer_mut(parent), change["op"].as_str()) {
            (Some(Value::Object(map)), Some("remove")) => {
                map.remove(&last);
            }
            (Some(Value::Object(map)), Some("add" | "replace")) => {
                map.insert(last, change["value"].clone());
            }
            (Some(Value::Array(items)), Some(operation)) => {
                let at = last.parse::<usize>().unwrap_or(items.len());
                match operation {
                    "remove" if at < items.len() => {
                        items.remove(at);
                    }
                    "replace" if at < items.len() => items[at] = change["value"].clone(),
                    "add" if at <= items.len() => items.insert(at, change["value"].clone()),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// Name of the judging file and what it found.
type Verdict = (String, Vec<String>);

impl Specs {
    /// Specifications in `folder`; files are read when first needed.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), files: Mutex::default() }
    }

    fn file(&self, name: &'static str) -> Option<Arc<Spec>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(spec) = files.get(name) {
            return Some(spec.clone());
        }
        let text = std::fs::read_to_string(self.folder.join(name)).ok()?;
        let mut document: Value = serde_json::from_str(&text).ok()?;
        if let Some(overlay) = OVERLAYS.iter().find(|(of, _)| *of == name)
            && let Ok(text) = std::fs::read_to_string(self.folder.join(overlay.1))
        {
            patch(&mut document, &serde_json::from_str(&text).ok()?);
        }
        let spec = Arc::new(Spec::new(document)?);
        files.insert(name, spec.clone());
        Some(spec)
    }

    /// Files of the list that are missing or unreadable.
    pub(crate) fn missing(&self, files: &'static [SpecFile]) -> Vec<&'static str> {
        files.iter().filter(|file| self.file(file.file).is_none()).map(|file| file.file).collect()
    }

    /// The path template that a request path belongs to, with the file's prefix.
    pub(crate) fn template(&self, files: &'static [SpecFile], path: &str) -> Option<String> {
        files.iter().find_map(|file| {
            let rest = path.strip_prefix(file.prefix)?;
            let (template, _) = self.file(file.file)?.route(rest)?;
            Some(format!("{}{template}", file.prefix))
        })
    }

    /// How an answer that somebody brings along misses the specification.
    pub(crate) fn misfit(
        &self,
        files: &'static [SpecFile],
        (method, path): (&str, &str),
        status: u16,
        body: &[u8],
    ) -> Option<String> {
        let request = Request {
            method: method.to_owned(),
            origin: String::new(),
            path: path.to_owned(),
            target: path.to_owned(),
            query: Vec::new(),
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
            task: crate::vendor::request::TaskFault::None,
        };
        let reply = Reply::bytes(status, "application/json", body.to_vec());
        self.judge_reply(files, &request, &reply).map(|(_, problem)| problem)
    }

    /// What is wrong with a request; none when it is in order.
    pub(crate) fn judge(&self, files: &'static [SpecFile], request: &Request) -> Option<Verdict> {
        let mut named = String::new();
        for file in files {
            let Some(rest) = request.path.strip_prefix(file.prefix) else { continue };
            let spec = self.file(file.file)?;
            file.file.clone_into(&mut named);
            if let Some((template, values)) = spec.route(rest) {
                let problems = spec.judge(&template, &values, request);
                return (!problems.is_empty()).then_some((named, problems));
            }
        }
        if named.is_empty() {
            return None;
        }
        Some((named, vec![format!("{}: no such path in the specification", request.path)]))
    }

    /// What is wrong with a reply of the lab.
    pub(crate) fn judge_reply(
        &self,
        files: &'static [SpecFile],
        request: &Request,
        reply: &Reply,
    ) -> Option<(String, String)> {
        for file in files {
            let Some(rest) = request.path.strip_prefix(file.prefix) else { continue };
            let Some(spec) = self.file(file.file) else { continue };
            if let Some((template, _)) = spec.route(rest) {
                let problem = spec.judge_reply(&template, request, reply)?;
                return Some((file.file.to_owned(), problem));
            }
        }
        None
    }
}

/// A path template and the values of its variables.
type Route = (String, Vec<(String, String)>);

/// One file.
#[derive(Debug)]
struct Spec {
    document: Value,
    components: Value,
    compiled: Mutex<HashMap<String, Option<Arc<Validator>>>>,
}

impl Spec {
    fn new(document: Value) -> Option<Self> {
        document.get("paths")?.as_object()?;
        let mut components = document.get("components").cloned().unwrap_or(json!({}));
        if let Some(named) = components.get_mut("schemas").and_then(Value::as_object_mut) {
            named.values_mut().for_each(adapt);
        }
        Some(Self { document, components, compiled: Mutex::default() })
    }

    /// The path template that matches, with the values of its variables.
    /// A literal segment wins over a variable one.
    fn route(&self, path: &str) -> Option<Route> {
        let paths = self.document.get("paths")?.as_object()?;
        let mut best: Option<(usize, Route)> = None;
        for template in paths.keys() {
            let wanted: Vec<&str> = template.split('/').skip(1).collect();
            let given: Vec<&str> = path.split('/').skip(1).collect();
            let mut values = Vec::new();
            if matches(&wanted, &given, &mut values) {
                let variables = values.len();
                if best.as_ref().is_none_or(|(fewest, ..)| variables < *fewest) {
                    best = Some((variables, (template.clone(), values)));
                }
            }
        }
        best.map(|(_, route)| route)
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let pointer = reference.trim_start_matches('#');
                self.document.pointer(pointer).unwrap_or(value)
            }
            None => value,
        }
    }

    fn operation(&self, template: &str, method: &str) -> Option<(&Value, &Value)> {
        let path = self.document.get("paths")?.get(template)?;
        Some((path, path.get(method.to_lowercase())?))
    }

    fn parameters<'a>(&'a self, path: &'a Value, operation: &'a Value) -> Vec<&'a Value> {
        [path, operation]
            .into_iter()
            .filter_map(|holder| holder.get("parameters").and_then(Value::as_array))
            .flatten()
            .map(|parameter| self.resolve(parameter))
            .collect()
    }

    fn judge(&self, template: &str, values: &[(String, String)], request: &Request) -> Vec<String> {
        let Some((path, operation)) = self.operation(template, &request.method) else {
            return vec![format!("{} {template}: no such method", request.method)];
        };
        let mut problems = Vec::new();
        let parameters = self.parameters(path, operation);
        for (name, _) in &request.query {
            let bare = name.trim_end_matches("[]");
            let known = parameters.iter().any(|parameter| {
                parameter["in"] == "query"
                    && (parameter["name"] == name.as_str()
                        || parameter["name"] == bare
                        || parameter["style"] == "deepObject")
            });
            if !known {
                problems.push(format!("query parameter {name}: not in the specification"));
            }
        }
        for parameter in &parameters {
            let name = parameter["name"].as_str().unwrap_or_default();
            let found: Vec<&str> = match parameter["in"].as_str() {
                Some("query") => request.queries(name).collect(),
                Some("path") => {
                    values.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
                }
                Some("header") => request.header(name).into_iter().collect(),
                _ => continue,
            };
            let place = parameter["in"].as_str().unwrap_or_default();
            if found.is_empty() {
                if parameter["required"] == true && place != "path" {
                    problems.push(format!("{place} parameter {name}: required"));
                }
                continue;
            }
            let schema = self.resolve(&parameter["schema"]);
            let value = typed(schema, &found);
            let key = format!("{} {template} {place} {name}", request.method);
            if let Some(problem) = self.check(&key, &parameter["schema"], &value) {
                problems.push(format!("{place} parameter {name}: {problem}"));
            }
        }
        self.judge_body(template, operation, request, &mut problems);
        problems
    }

    fn judge_body(&self, template: &str, operation: &Value, request: &Request, problems: &mut Vec<String>) {
        let Some(body) = operation.get("requestBody").map(|body| self.resolve(body)) else {
            let nothing = request.body.is_empty() || request.body.as_ref() == b"{}";
            if !nothing {
                problems.push("body: the specification has none here".into());
            }
            return;
        };
        let Some(content) = body.get("content").and_then(Value::as_object) else { return };
        if request.body.is_empty() {
            // Some files demand a body that they say nothing about.
            let described = content.values().any(|entry| entry.get("schema").is_some());
            if body["required"] == true && described {
                problems.push("body: required".into());
            }
            return;
        }
        let media = request.header("content-type").unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim().to_lowercase();
        let entry = content.get(&media).or_else(|| content.get("*/*"));
        let Some(entry) = entry else {
            problems.push(format!("content-type {media:?}: not in the specification"));
            return;
        };
        if !media.ends_with("json") {
            return;
        }
        match serde_json::from_slice::<Value>(&request.body) {
            Err(error) => problems.push(format!("body: {error}")),
            Ok(value) => {
                let key = format!("{} {template} body", request.method);
                if let Some(problem) = self.check(&key, &entry["schema"], &value) {
                    problems.push(format!("body: {problem}"));
                }
            }
        }
    }

    fn judge_reply(&self, template: &str, request: &Request, reply: &Reply) -> Option<String> {
        let (_, operation) = self.operation(template, &request.method)?;
        let responses = operation.get("responses")?.as_object()?;
        let class = format!("{}XX", reply.status / 100);
        let response = responses
            .get(&reply.status.to_string())
            .or_else(|| responses.get(&class))
            .or_else(|| responses.get(&class.to_lowercase()))
            .or_else(|| responses.get("default"));
        let Some(response) = response else {
            return (reply.status < 300)
                .then(|| format!("{}: no such status in the specification", reply.status));
        };
        let response = self.resolve(response);
        let schema = response.pointer("/content/application~1json/schema")?;
        if request.method == "HEAD" {
            return None;
        }
        let value: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
        let key = format!("{} {template} reply {}", request.method, reply.status);
        self.check(&key, schema, &value)
    }

    /// Checks a value; none when it fits (or the schema cannot be compiled).
    fn check(&self, key: &str, schema: &Value, value: &Value) -> Option<String> {
        let validator = {
            let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
            compiled
                .entry(key.to_owned())
                .or_insert_with(|| {
                    let mut schema = schema.clone();
                    adapt(&mut schema);
                    let root = json!({"allOf": [schema], "components": self.components});
                    jsonschema::options()
                        .with_draft(jsonschema::Draft::Draft7)
                        .build(&root)
                        .ok()
                        .map(Arc::new)
                })
                .clone()
        }?;
        let found: Vec<String> = validator
            .iter_errors(value)
            .take(3)
            .map(|error| {
                let text: String = error.to_string().chars().take(300).collect();
                format!("{} {text}", error.instance_path())
            })
            .collect();
        (!found.is_empty()).then(|| found.join(", "))
    }
}

/// Matches segments; the variable `{name}` may stand for several of them.
fn matches(wanted: &[&str], given: &[&str], values: &mut Vec<(String, String)>) -> bool {
    let Some((first, rest)) = wanted.split_first() else { return given.is_empty() };
    let Some(variable) = first.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
        return given.first() == Some(first) && matches(rest, &given[1..], values);
    };
    let most = if variable == "name" { given.len() } else { given.len().min(1) };
    for length in 1..=most {
        if given[..length].iter().any(|segment| segment.is_empty()) {
            return false;
        }
        let before = values.len();
        values.push((variable.to_owned(), decode(&given[..length].join("/"))));
        if matches(rest, &given[length..], values) {
            return true;
        }
        values.truncate(before);
    }
    false
}

/// A parameter's text as the type its schema wants.
fn typed(schema: &Value, found: &[&str]) -> Value {
    let one = |schema: &Value, text: &str| match schema["type"].as_str() {
        Some("integer") => text.parse::<i64>().map_or_else(|_| json!(text), Value::from),
        Some("number") => text.parse::<f64>().map_or_else(|_| json!(text), Value::from),
        Some("boolean") => text.parse::<bool>().map_or_else(|_| json!(text), Value::from),
        _ => json!(text),
    };
    if schema["type"] == "array" {
        return found.iter().map(|text| one(&schema["items"], text)).collect();
    }
    one(schema, found.last().copied().unwrap_or_default())
}

/// Turns an OpenAPI 3.0 schema into a draft 7 one, in place.
fn adapt(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(adapt),
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                if let ("properties" | "schemas", Value::Object(named)) = (key.as_str(), &mut *value) {
                    named.values_mut().for_each(adapt);
                } else if !matches!(key.as_str(), "enum" | "example" | "default" | "required") {
                    adapt(value);
                }
            }
            adapt_keywords(map);
        }
        _ => {}
    }
}

fn adapt_keywords(map: &mut Map<String, Value>) {
    map.remove("example");
    map.remove("discriminator");
    for (flag, limit) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        if let Some(exclusive) = map.get(flag).and_then(Value::as_bool) {
            map.remove(flag);
            if exclusive && let Some(value) = map.remove(limit) {
                map.insert(flag.to_owned(), value);
            }
        }
    }
    if map.get("nullable").and_then(Value::as_bool) != Some(true) {
        return;
    }
    map.remove("nullable");
    if let Some(values) = map.get_mut("enum").and_then(Value::as_array_mut)
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    if let Some(Value::String(kind)) = map.get("type").cloned() {
        map.insert("type".into(), json!([kind, "null"]));
    }
    let composed = ["$ref", "allOf", "anyOf", "oneOf"].iter().any(|key| map.contains_key(*key));
    if composed {
        let inner = Value::Object(std::mem::take(map));
        map.insert("anyOf".into(), json!([{"type": "null"}, inner]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nullable_becomes_a_type() {
        let mut schema = json!({"type": "string", "nullable": true, "enum": ["a"]});
        adapt(&mut schema);
        assert_eq!(schema, json!({"type": ["string", "null"], "enum": ["a", null]}));
        let mut schema = json!({"nullable": true, "$ref": "#/x"});
        adapt(&mut schema);
        assert_eq!(schema, json!({"anyOf": [{"type": "null"}, {"$ref": "#/x"}]}));
    }

    #[test]
    fn a_name_may_hold_slashes() {
        let mut values = Vec::new();
        assert!(matches(
            &["v2", "{name}", "manifests", "{reference}"],
            &["v2", "admin", "api", "manifests", "latest"],
            &mut values
        ));
        assert_eq!(values[0].1, "admin/api");
    }
}
