//! Example answers in a folder: `<vendor>/<name>.json`, each
//! `{source, kind, request, status, headers, body, note?}`.

use std::path::Path;

use serde_json::Value;

use crate::Failure;

/// What an example is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An answer of success.
    Success,
    /// A refusal.
    Refusal,
    /// An answer about something that goes on in the background.
    Background,
    /// No answer but a request.
    Request,
    /// Nothing of HTTP: what a command printed, a file.
    Elsewhere,
}

/// One example.
#[derive(Debug, Clone)]
pub struct Example {
    /// `<folder>/<file>`.
    pub name: String,
    /// The vendor's folder.
    pub folder: String,
    /// What it is.
    pub kind: Kind,
    /// Method and path, where it says to which request it belongs.
    pub request: Option<(String, String)>,
    /// Which part of the API it is of, where it says no request.
    pub resource: Option<String>,
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body; none where the file has none.
    pub body: Option<Value>,
}

/// A file that is no example.
#[derive(Debug, Clone)]
pub struct Unreadable {
    /// `<folder>/<file>`.
    pub name: String,
    /// The vendor's folder.
    pub folder: String,
    /// What is wrong with it.
    pub why: String,
}

/// A folder of examples.
#[derive(Debug, Default)]
pub struct Examples {
    /// Those that can be read.
    pub read: Vec<Example>,
    /// Those that cannot.
    pub unreadable: Vec<Unreadable>,
}

/// Reads a folder, in the order of the names.
pub(super) fn read(folder: &Path) -> Result<Examples, Failure> {
    let mut all = Examples::default();
    for (name, path) in entries(folder)? {
        if path.is_dir() {
            for (file, path) in entries(&path)? {
                if path.extension().is_some_and(|extension| extension == "json") {
                    add(&mut all, &name, &file, &path);
                }
            }
        } else if path.extension().is_some_and(|extension| extension == "json") {
            add(&mut all, "(no vendor)", &name, &path);
        }
    }
    Ok(all)
}

fn entries(folder: &Path) -> Result<Vec<(String, std::path::PathBuf)>, Failure> {
    let wrong = |error| Failure::Folder { path: folder.to_owned(), error };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        found.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    found.sort();
    Ok(found)
}

fn add(all: &mut Examples, folder: &str, file: &str, path: &Path) {
    let name = format!("{folder}/{file}");
    let read = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot be read: {error}"))
        .and_then(|text| serde_json::from_str(&text).map_err(|error| format!("is not JSON: {error}")))
        .and_then(|value| parse(&name, folder, &value));
    match read {
        Ok(example) => all.read.push(example),
        Err(why) => all.unreadable.push(Unreadable { name, folder: folder.to_owned(), why }),
    }
}

fn parse(name: &str, folder: &str, value: &Value) -> Result<Example, String> {
    let Some(fields) = value.as_object() else { return Err("is not a JSON object".to_owned()) };
    let asked = fields.get("request").filter(|request| request.is_object());
    let elsewhere = asked
        .is_some_and(|request| !["path", "url", "request"].iter().any(|name| request.get(name).is_some()));
    let status = match fields.get("status") {
        Some(_) if elsewhere => None,
        Some(Value::Null) | None => None,
        Some(status) => Some(
            status
                .as_u64()
                .and_then(|status| u16::try_from(status).ok())
                .filter(|status| (100..600).contains(status))
                .ok_or_else(|| format!("has a status that is none: {status}"))?,
        ),
    };
    let hinted = fields.get("status_hint").and_then(Value::as_str).and_then(|hint| hint.parse().ok());
    let told = fields.get("kind").and_then(Value::as_str).unwrap_or_default();
    let kind = match told {
        _ if elsewhere => Kind::Elsewhere,
        "error" => Kind::Refusal,
        "async" => Kind::Background,
        "request" => Kind::Request,
        "success" | "" if status.is_some_and(|status| status >= 400) => Kind::Refusal,
        "success" | "" => Kind::Success,
        other => return Err(format!("is of a kind that is not known: `{other}`")),
    };
    let usual = if kind == Kind::Refusal { 400 } else { 200 };
    Ok(Example {
        name: name.to_owned(),
        folder: folder.to_owned(),
        kind,
        request: request(fields.get("request"))?,
        resource: fields.get("resource").and_then(Value::as_str).map(str::to_owned),
        status: status.or(hinted).unwrap_or(usual),
        headers: headers(fields.get("headers"))?,
        body: fields.get("body").cloned(),
    })
}

/// Method and path; a whole URL loses scheme and host.
fn request(value: Option<&Value>) -> Result<Option<(String, String)>, String> {
    let Some(request) = value.filter(|request| !request.is_null()) else { return Ok(None) };
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    let (method, place) = match text("request").or(request.as_str()).and_then(|line| line.split_once(' ')) {
        Some((method, place)) => (Some(method), Some(place)),
        None => (text("method"), text("path").or_else(|| text("url"))),
    };
    let Some(place) = place else { return Ok(None) };
    let path =
        place.split_once("://").map_or(place, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    if !path.starts_with('/') {
        return Err(format!("has a request whose path does not begin with `/`: {place}"));
    }
    Ok(Some((method.unwrap_or("GET").to_ascii_uppercase(), path.to_owned())))
}

fn headers(value: Option<&Value>) -> Result<Vec<(String, String)>, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(fields)) => Ok(fields
            .iter()
            .flat_map(|(name, value)| match value {
                Value::Array(values) => values.iter().map(|value| (name.clone(), text(value))).collect(),
                value => vec![(name.clone(), text(value))],
            })
            .collect()),
        Some(other) => Err(format!("has headers that are no object: {other}")),
    }
}

impl Example {
    /// The body's bytes as they would be sent.
    pub fn bytes(&self) -> Vec<u8> {
        match &self.body {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) if self.is_text() => text.clone().into_bytes(),
            Some(value) => value.to_string().into_bytes(),
        }
    }

    /// Whether a string body is the bytes themselves and not a JSON text.
    pub fn is_text(&self) -> bool {
        let media = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let json = media.is_some_and(|(_, value)| value.contains("json"));
        // A bare word of success is JSON with every vendor; refusals are pages and lines.
        !json && (media.is_some() || self.kind == Kind::Refusal)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Kind, parse};

    #[test]
    fn urls_paths_and_lines_are_the_same_request() {
        for request in [
            json!({"method": "get", "url": "https://api.example.com/v1/things?x=1"}),
            json!({"method": "GET", "path": "/v1/things?x=1"}),
            json!("GET /v1/things?x=1"),
        ] {
            let example =
                parse("a/b.json", "a", &json!({"request": request, "status": 200, "body": {}})).expect("one");
            assert_eq!(example.request, Some(("GET".to_owned(), "/v1/things?x=1".to_owned())));
        }
    }

    #[test]
    fn what_is_no_example_says_why() {
        for (value, words) in [
            (json!([]), "not a JSON object"),
            (json!({"status": 9}), "a status that is none"),
            (json!({"kind": "song"}), "not known: `song`"),
            (json!({"headers": 1}), "headers that are no object"),
            (
                json!({"request": {"method": "GET"}, "status": "x", "url": 1, "headers": 1}),
                "headers that are no object",
            ),
            (json!({"request": {"path": "things"}}), "does not begin with `/`"),
        ] {
            assert!(parse("a", "a", &value).expect_err("wrong").contains(words), "{value}");
        }
    }

    #[test]
    fn the_status_says_what_nobody_said() {
        assert_eq!(parse("a", "a", &json!({"status": 503})).expect("one").kind, Kind::Refusal);
        assert_eq!(
            parse("a", "a", &json!({"kind": "error", "status_hint": "500"})).expect("one").status,
            500
        );
    }
}
