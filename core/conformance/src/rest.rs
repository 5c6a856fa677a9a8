//! A stand-in vendor by description: collections of JSON objects behind REST
//! paths, and routes for the rest. Answers in memory; knows nothing of plugins.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    setup::Vendor,
    template::{fill, lay},
};

/// How the vendor names objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ids {
    /// 1, 2, 3 …
    #[default]
    Number,
    /// Text that looks like a UUID.
    Text,
}

/// A collection of objects.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Collection {
    /// Below the vendor's base: `/droplets`.
    pub path: String,
    /// Field with the id.
    #[serde(default = "id")]
    pub id: String,
    /// What ids look like.
    #[serde(default)]
    pub ids: Ids,
    /// Key around one object; none: it stands alone.
    #[serde(default)]
    pub one: Option<String>,
    /// Key around a list; none: an array stands alone.
    #[serde(default)]
    pub many: Option<String>,
    /// Fields that the vendor gives a new object; `${body.…}`, `${id}`, `${secret}`.
    #[serde(default)]
    pub new: Value,
    /// Fields that it gets later …
    #[serde(default)]
    pub later: Value,
    /// … after so many looks at it.
    #[serde(default)]
    pub after: u32,
    /// Fields of a request that the vendor never tells back.
    #[serde(default)]
    pub hidden: Vec<String>,
    /// Fields that a create needs: 422 without.
    #[serde(default)]
    pub required: Vec<String>,
    /// Fields that no two objects share.
    #[serde(default)]
    pub unique: Vec<String>,
    /// Status of a create that would share one.
    #[serde(default = "conflict")]
    pub taken: u16,
    /// Query parameters that filter a list, and the field of each; an array
    /// fits when it holds the value.
    #[serde(default)]
    pub filter: BTreeMap<String, String>,
    /// How lists come in pages.
    #[serde(default)]
    pub page: Option<Page>,
    /// What stands beside the object in the answer to a create.
    #[serde(default)]
    pub beside: Value,
    /// Status of a create.
    #[serde(default = "created")]
    pub created: u16,
    /// Status of an update.
    #[serde(default = "okay")]
    pub updated: u16,
    /// Status of a delete.
    #[serde(default = "no_content")]
    pub deleted: u16,
}

fn id() -> String {
    "id".to_owned()
}
fn conflict() -> u16 {
    409
}
fn created() -> u16 {
    201
}
fn okay() -> u16 {
    200
}
fn no_content() -> u16 {
    204
}

/// How lists come in pages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Page {
    /// Query parameter of the page: a number from 1, or what `next` told.
    pub number: String,
    /// Query parameter of the size.
    pub size: String,
    /// The size where none is asked for, and the largest.
    #[serde(default = "twenty")]
    pub most: usize,
    /// JSON pointer to what tells the next page.
    pub next: String,
    /// What is told there.
    #[serde(default)]
    pub next_is: Next,
    /// JSON pointer to the number of all objects.
    #[serde(default)]
    pub total: Option<String>,
}

fn twenty() -> usize {
    20
}

/// How the next page is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Next {
    /// As a whole URL.
    #[default]
    Url,
    /// As the number.
    Number,
    /// As a text to hand back.
    Text,
}

/// A request that is none of create, list, get, update, delete.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Route {
    /// `POST /droplets/{id}/actions`
    pub on: String,
    /// Only bodies that hold this.
    #[serde(default)]
    pub when: Value,
    /// The collection whose object it is about.
    #[serde(default)]
    pub collection: Option<String>,
    /// That object's id; `{id}` of the path when not given.
    #[serde(default = "path_id")]
    pub object: String,
    /// Fields that the object gets.
    #[serde(default)]
    pub set: Value,
    /// Values that arrays of the object get, once each.
    #[serde(default)]
    pub add: BTreeMap<String, Value>,
    /// Status.
    #[serde(default = "okay")]
    pub status: u16,
    /// Body; `${path.…}`, `${body.…}`, `${object.…}`, `${serial}`.
    #[serde(default)]
    pub reply: Value,
}

fn path_id() -> String {
    "${path.id}".to_owned()
}

impl Route {
    pub(crate) fn check(&self, collections: &BTreeMap<String, Collection>) -> Result<(), String> {
        if !self.on.split_once(' ').is_some_and(|(_, path)| path.starts_with('/')) {
            return Err(format!("a route is `METHOD /path`, not `{}`", self.on));
        }
        match &self.collection {
            Some(name) if !collections.contains_key(name) => {
                Err(format!("route `{}`: no collection `{name}`", self.on))
            }
            _ => Ok(()),
        }
    }

    /// Values of the `{…}` segments where a request fits.
    fn fits(&self, method: &str, path: &str, body: &Value) -> Option<Value> {
        let (wanted, pattern) = self.on.split_once(' ')?;
        let (pattern, path): (Vec<&str>, Vec<&str>) =
            (pattern.split('/').collect(), path.split('/').collect());
        if wanted != method || pattern.len() != path.len() || !holds(body, &self.when) {
            return None;
        }
        let mut values = json!({});
        for (wanted, given) in pattern.iter().zip(&path) {
            match wanted.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) => values[name] = json!(decode(given)),
                None if wanted == given => {}
                None => return None,
            }
        }
        Some(values)
    }
}

/// Whether a value has everything that `part` has.
fn holds(value: &Value, part: &Value) -> bool {
    match part {
        Value::Null => true,
        Value::Object(fields) => {
            fields.iter().all(|(name, inner)| value.get(name).is_some_and(|found| holds(found, inner)))
        }
        other => value == other,
    }
}

/// A request.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(String, String)],
    pub(crate) authorization: Option<&'a str>,
    pub(crate) body: Value,
    pub(crate) origin: &'a str,
}

/// An answer: status and body.
pub(crate) type Answer = (u16, Option<Value>);

#[derive(Clone)]
struct Object {
    id: String,
    value: Value,
    looks: u32,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Vec<Object>>,
    serial: u64,
    secrets: Vec<String>,
}

/// The vendor.
pub(crate) struct Rest {
    vendor: Vendor,
    /// The header's value that lets in.
    admitted: Option<String>,
    state: Mutex<State>,
}

impl Rest {
    pub(crate) fn new(vendor: Vendor, admitted: Option<String>) -> Self {
        Self { vendor, admitted, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Name of the header that lets in.
    pub(crate) fn authorization_header(&self) -> Option<&str> {
        self.vendor.authorization.as_ref().map(|authorization| authorization.header.as_str())
    }

    /// Number of objects by collection.
    pub(crate) fn census(&self) -> BTreeMap<String, usize> {
        let state = self.state();
        let counts = state.objects.iter().map(|(name, all)| (name.clone(), all.len()));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// Secrets that the vendor handed out.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.state().secrets.clone()
    }

    /// Puts copies of every object of a paged collection before it, without
    /// what `marks` are in it. Says how many; none where nothing is paged.
    pub(crate) fn crowd(&self, marks: &[String]) -> usize {
        let mut state = self.state();
        let mut made = 0;
        for (name, collection) in &self.vendor.collections {
            let Some(page) = &collection.page else { continue };
            let Some(last) = state.objects.get(name).and_then(|all| all.last()).cloned() else { continue };
            for number in 0..=page.most * 2 {
                state.serial += 1;
                let mut copy = last.clone();
                copy.id = new_id(collection.ids, state.serial);
                let mut text = copy.value.to_string();
                for mark in marks {
                    text = text.replace(mark.as_str(), "somebody");
                }
                copy.value = serde_json::from_str(&text).unwrap_or(Value::Null);
                copy.value[&collection.id] = id_value(collection.ids, &copy.id);
                for field in &collection.unique {
                    copy.value[field] = json!(format!("crowd-{number}"));
                }
                if let Some(Value::String(called)) = copy.value.get("name").cloned() {
                    copy.value["name"] = json!(format!("{called}-{number}"));
                }
                let all = state.objects.entry(name.clone()).or_default();
                all.insert(all.len().saturating_sub(1), copy);
                made += 1;
            }
        }
        made
    }

    /// Answers a request.
    pub(crate) fn answer(&self, asked: &Asked) -> Answer {
        let refuse = |status: u16, message: &str| (status, Some(self.vendor.error.body(status, message)));
        if self.admitted.is_some() && self.admitted.as_deref() != asked.authorization {
            return refuse(401, "who are you?");
        }
        let Some(path) = asked.path.strip_prefix(self.vendor.base.as_str()) else {
            return refuse(404, "no such path");
        };
        for route in &self.vendor.routes {
            if let Some(values) = route.fits(asked.method, path, &asked.body) {
                return self
                    .route(route, values, asked)
                    .unwrap_or_else(|| refuse(404, "no such object for this"));
            }
        }
        for (name, collection) in &self.vendor.collections {
            let Some(rest) = path.strip_prefix(collection.path.as_str()) else { continue };
            let answer = match (asked.method, rest.strip_prefix('/').map(decode)) {
                ("GET", None) if rest.is_empty() => Some(self.list(name, collection, path, asked)),
                ("POST", None) if rest.is_empty() => Some(self.create(name, collection, asked)),
                ("GET", Some(id)) => self.get(name, collection, &id),
                ("PUT" | "PATCH", Some(id)) => self.update(name, collection, &id, &asked.body),
                ("DELETE", Some(id)) => self.delete(name, &id).then_some((collection.deleted, None)),
                _ => continue,
            };
            return answer.unwrap_or_else(|| refuse(404, "no such object"));
        }
        refuse(404, "no such path")
    }

    fn route(&self, route: &Route, values: Value, asked: &Asked) -> Option<Answer> {
        let mut state = self.state();
        state.serial += 1;
        let mut scope =
            json!({ "path": values, "body": asked.body, "serial": state.serial, "origin": asked.origin });
        if let Some(name) = &route.collection {
            let id = match fill(&json!(route.object), &scope) {
                Value::String(text) => text,
                other => other.to_string(),
            };
            let object = state.objects.get_mut(name)?.iter_mut().find(|object| object.id == id)?;
            lay_filled(&mut object.value, &route.set, &scope);
            for (field, values) in &route.add {
                let Value::Array(values) = fill(values, &scope) else { continue };
                if !object.value[field].is_array() {
                    object.value[field] = json!([]);
                }
                if let Value::Array(there) = &mut object.value[field] {
                    for value in values {
                        if !there.contains(&value) {
                            there.push(value);
                        }
                    }
                }
            }
            scope["object"] = object.value.clone();
        }
        let body = (!route.reply.is_null()).then(|| fill(&route.reply, &scope));
        Some((route.status, body))
    }

    fn create(&self, name: &str, collection: &Collection, asked: &Asked) -> Answer {
        let refuse = |status: u16, message: String| (status, Some(self.vendor.error.body(status, &message)));
        let empty = |field: &&String| asked.body.get(field.as_str()).is_none_or(Value::is_null);
        if let Some(field) = collection.required.iter().find(empty) {
            return refuse(422, format!("{field} is required"));
        }
        let mut state = self.state();
        let all = state.objects.get(name).map_or(&[][..], Vec::as_slice);
        for field in &collection.unique {
            let value = &asked.body[field];
            if all.iter().any(|object| object.value.get(field) == Some(value)) {
                return refuse(collection.taken, format!("{field} is already in use"));
            }
        }
        state.serial += 1;
        let id = new_id(collection.ids, state.serial);
        let secret = format!("canary-of-the-vendor-{id}");
        let mut value = if asked.body.is_object() { asked.body.clone() } else { json!({}) };
        let scope = json!({ "body": asked.body, "id": id, "secret": secret, "origin": asked.origin, "serial": state.serial });
        if collection.new.to_string().contains("${secret}") {
            state.secrets.push(secret);
        }
        lay_filled(&mut value, &collection.new, &scope);
        value[&collection.id] = id_value(collection.ids, &id);
        let mut shown = value.clone();
        if let Value::Object(fields) = &mut value {
            // What is told once is told with the create.
            fields.retain(|field, inner| {
                !collection.hidden.contains(field) && !is_told_once(&collection.new, field, inner)
            });
        }
        if let Value::Object(fields) = &mut shown {
            fields.retain(|field, _| !collection.hidden.contains(field));
        }
        let object = Object { id, value, looks: collection.after };
        state.objects.entry(name.to_owned()).or_default().push(object);
        let mut body = wrap(collection.one.as_ref(), shown);
        lay_filled(&mut body, &collection.beside, &scope);
        (collection.created, Some(body))
    }

    fn get(&self, name: &str, collection: &Collection, id: &str) -> Option<Answer> {
        let mut state = self.state();
        let object = state.objects.get_mut(name)?.iter_mut().find(|object| object.id == id)?;
        ripen(object, collection);
        Some((200, Some(wrap(collection.one.as_ref(), object.value.clone()))))
    }

    fn update(&self, name: &str, collection: &Collection, id: &str, body: &Value) -> Option<Answer> {
        let mut state = self.state();
        let object = state.objects.get_mut(name)?.iter_mut().find(|object| object.id == id)?;
        if body.is_object() {
            lay(&mut object.value, body);
        }
        let shown = (collection.updated != 204).then(|| wrap(collection.one.as_ref(), object.value.clone()));
        Some((collection.updated, shown))
    }

    fn delete(&self, name: &str, id: &str) -> bool {
        let mut state = self.state();
        let Some(all) = state.objects.get_mut(name) else { return false };
        let before = all.len();
        all.retain(|object| object.id != id);
        all.len() < before
    }

    fn list(&self, name: &str, collection: &Collection, path: &str, asked: &Asked) -> Answer {
        let query =
            |name: &str| asked.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let mut state = self.state();
        let mut found = Vec::new();
        for object in state.objects.entry(name.to_owned()).or_default().iter_mut() {
            ripen(object, collection);
            let fits = collection.filter.iter().all(|(parameter, field)| {
                query(parameter).is_none_or(|wanted| match object.value.get(field) {
                    Some(Value::Array(items)) => items.iter().any(|item| item.as_str() == Some(wanted)),
                    Some(Value::String(text)) => text == wanted,
                    Some(other) => {
                        let shown = other.to_string();
                        shown == wanted
                    }
                    None => false,
                })
            });
            if fits {
                found.push(object.value.clone());
            }
        }
        let total = found.len();
        let Some(page) = &collection.page else {
            return (200, Some(wrap(collection.many.as_ref(), Value::Array(found))));
        };
        let size =
            query(&page.size).and_then(|text| text.parse().ok()).unwrap_or(page.most).clamp(1, page.most);
        let number: usize = query(&page.number).and_then(|text| text.parse().ok()).unwrap_or(1).max(1);
        let items: Vec<Value> = found.into_iter().skip((number - 1) * size).take(size).collect();
        let more = number * size < total;
        let mut body = wrap(collection.many.as_ref(), Value::Array(items));
        let next = match page.next_is {
            _ if !more && page.next_is == Next::Text => json!(""),
            _ if !more => Value::Null,
            Next::Number => json!(number + 1),
            Next::Text => json!((number + 1).to_string()),
            Next::Url => {
                let others = asked.query.iter().filter(|(key, _)| *key != page.number);
                let rest = others.fold(String::new(), |rest, (key, value)| rest + "&" + key + "=" + value);
                let (origin, base) = (asked.origin, &self.vendor.base);
                json!(format!("{origin}{base}{path}?{}={}{rest}", page.number, number + 1))
            }
        };
        if !next.is_null() {
            put(&mut body, &page.next, next);
        }
        if let Some(pointer) = &page.total {
            put(&mut body, pointer, json!(total));
        }
        (200, Some(body))
    }
}

/// Whether a field holds a secret that only the answer to a create tells.
fn is_told_once(new: &Value, field: &str, _value: &Value) -> bool {
    new.get(field).is_some_and(|template| template.to_string().contains("${secret}"))
}

fn lay_filled(base: &mut Value, template: &Value, scope: &Value) {
    if !template.is_null() {
        lay(base, &fill(template, scope));
    }
}

fn ripen(object: &mut Object, collection: &Collection) {
    if object.looks > 0 {
        object.looks -= 1;
    } else if !collection.later.is_null() {
        let scope = json!({ "object": object.value, "id": object.id });
        lay_filled(&mut object.value, &collection.later, &scope);
    }
}

fn new_id(ids: Ids, serial: u64) -> String {
    match ids {
        Ids::Number => (1000 + serial).to_string(),
        Ids::Text => format!("cb676a46-66fd-4dfb-b839-{serial:012x}"),
    }
}

fn id_value(ids: Ids, id: &str) -> Value {
    match ids {
        Ids::Number => json!(id.parse::<u64>().unwrap_or_default()),
        Ids::Text => json!(id),
    }
}

fn wrap(key: Option<&String>, value: Value) -> Value {
    match key {
        Some(key) => json!({ key: value }),
        None => value,
    }
}

/// Sets what a JSON pointer names, making objects on the way.
fn put(root: &mut Value, pointer: &str, value: Value) {
    let mut at = root;
    for step in pointer.split('/').skip(1) {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[step];
    }
    *at = value;
}

fn decode(text: &str) -> String {
    let pair = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}
