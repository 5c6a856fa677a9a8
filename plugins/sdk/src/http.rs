//! Typed HTTP by way of the host. Secrets go in by name, redirects are not
//! followed, every refusal becomes a fault with the vendor's own words.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    Fault, VendorError,
    bindings::honey::plugin::http::{Capture, Error, Header, Request as Raw},
    host, read, tree,
};

pub use crate::bindings::honey::plugin::http::Part;
pub use crate::bindings::honey::plugin::secrets::Piece;

/// What a vendor said instead of what was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The vendor's own code.
    pub code: String,
    /// The vendor's own words.
    pub message: String,
    /// For a support request.
    pub request_id: Option<String>,
    /// The fault's class, where the vendor's code says more than the status.
    pub class: Option<&'static str>,
    /// What the operator can do.
    pub help: Option<String>,
}

/// How a vendor's refusals read.
pub type ReadRefusal = fn(&Reply) -> Refusal;

/// One vendor API.
#[derive(Clone)]
pub struct Client {
    vendor: &'static str,
    base: String,
    headers: Vec<Header>,
    bucket: String,
    read_refusal: ReadRefusal,
}

impl Client {
    /// `vendor` names it in fault codes; `base` is an origin with a path.
    pub fn new(vendor: &'static str, base: impl Into<String>) -> Self {
        let mut base = base.into();
        base.truncate(base.trim_end_matches('/').len());
        let accept = Header { name: "accept".into(), value: vec![Part::Text("application/json".into())] };
        Self {
            vendor,
            base,
            headers: vec![accept],
            bucket: "default".into(),
            read_refusal: |_| Refusal::default(),
        }
    }

    /// Reads refusals in the vendor's own form.
    #[must_use]
    pub fn refusals(mut self, read: ReadRefusal) -> Self {
        self.read_refusal = read;
        self
    }

    /// A header of every request.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Parts>) -> Self {
        self.headers.push(Header { name: name.to_owned(), value: value.into().0 });
        self
    }

    /// `Authorization: Bearer` with a secret.
    #[must_use]
    pub fn bearer(self, secret: &str) -> Self {
        self.header("authorization", vec![Part::Text("Bearer ".into()), Part::Secret(secret.to_owned())])
    }

    /// `Authorization: Basic` with a secret password.
    #[must_use]
    pub fn basic(self, user: &str, secret: &str) -> Self {
        let pair = vec![Piece::Text(format!("{user}:")), Piece::Secret(secret.to_owned())];
        self.header("authorization", vec![Part::Text("Basic ".into()), Part::Base64(pair)])
    }

    /// Which bucket of the manifest's `[rate]` pays.
    #[must_use]
    pub fn bucket(mut self, name: &str) -> Self {
        name.clone_into(&mut self.bucket);
        self
    }

    /// Origin and path that every request begins with.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Asks for something. Repeated by the host when the network fails.
    pub fn get(&self, path: &str) -> Request<'_> {
        self.request("GET", path).idempotent(true)
    }

    /// Makes something. Never repeated unless [`Request::idempotent`] says so.
    pub fn post(&self, path: &str) -> Request<'_> {
        self.request("POST", path)
    }

    /// Sets something. Repeated by the host when the network fails.
    pub fn put(&self, path: &str) -> Request<'_> {
        self.request("PUT", path).idempotent(true)
    }

    /// Changes something. Repeated by the host when the network fails.
    pub fn patch(&self, path: &str) -> Request<'_> {
        self.request("PATCH", path).idempotent(true)
    }

    /// Deletes something. Repeated by the host when the network fails, so
    /// that 404 must count as done.
    pub fn delete(&self, path: &str) -> Request<'_> {
        self.request("DELETE", path).idempotent(true)
    }

    /// Any method. `path` is appended to the base, unless it is a whole URL.
    pub fn request(&self, method: &str, path: &str) -> Request<'_> {
        let url = if path.starts_with("http://") || path.starts_with("https://") {
            path.to_owned()
        } else {
            format!("{}{path}", self.base)
        };
        Request {
            client: self,
            raw: Raw {
                method: method.to_owned(),
                url,
                headers: self.headers.clone(),
                body: Vec::new(),
                timeout_ms: None,
                idempotent: false,
                bucket: self.bucket.clone(),
                captures: Vec::new(),
            },
        }
    }
}

/// A header value or body of text and secrets.
pub struct Parts(pub Vec<Part>);

impl From<&str> for Parts {
    fn from(text: &str) -> Self {
        Self(vec![Part::Text(text.to_owned())])
    }
}

impl From<String> for Parts {
    fn from(text: String) -> Self {
        Self(vec![Part::Text(text)])
    }
}

impl From<Vec<Part>> for Parts {
    fn from(parts: Vec<Part>) -> Self {
        Self(parts)
    }
}

/// A request being written.
#[must_use = "nothing is sent before `send`"]
pub struct Request<'a> {
    client: &'a Client,
    raw: Raw,
}

impl Request<'_> {
    /// Adds a query parameter, percent-encoded.
    pub fn query(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.raw.url.push(if self.raw.url.contains('?') { '&' } else { '?' });
        self.raw.url.push_str(&percent(name));
        self.raw.url.push('=');
        self.raw.url.push_str(&percent(value.as_ref()));
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl Into<Parts>) -> Self {
        self.raw.headers.retain(|header| !header.name.eq_ignore_ascii_case(name));
        self.raw.headers.push(Header { name: name.to_owned(), value: value.into().0 });
        self
    }

    /// A JSON body; [`crate::secret`] in it stands for a secret.
    pub fn body(mut self, body: &impl Serialize) -> Self {
        self.raw.body = tree::parts(&tree::of(body));
        self.header("content-type", "application/json")
    }

    /// A body that is not JSON.
    pub fn body_parts(mut self, content_type: &str, body: impl Into<Parts>) -> Self {
        self.raw.body = body.into().0;
        self.header("content-type", content_type)
    }

    /// Whether sending it twice does no more than sending it once.
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.raw.idempotent = idempotent;
        self
    }

    /// The string at this JSON pointer of the reply becomes a secret.
    pub fn capture(mut self, pointer: &str, into: &str) -> Self {
        self.raw.captures.push(Capture { pointer: pointer.to_owned(), into: into.to_owned() });
        self
    }

    /// Another bucket pays than the client's.
    pub fn bucket(mut self, name: &str) -> Self {
        name.clone_into(&mut self.raw.bucket);
        self
    }

    /// Another limit than the host's.
    pub fn timeout_ms(mut self, ms: u32) -> Self {
        self.raw.timeout_ms = Some(ms);
        self
    }

    /// For signatures: the method.
    pub fn method(&self) -> &str {
        &self.raw.method
    }

    /// For signatures: the whole URL.
    pub fn url(&self) -> &str {
        &self.raw.url
    }

    /// For signatures: the body as pieces of a digest. A secret in JSON text
    /// form or any bytes cannot be part of one.
    pub fn body_pieces(&self) -> Option<Vec<Piece>> {
        self.raw
            .body
            .iter()
            .map(|part| match part {
                Part::Text(text) => Some(Piece::Text(text.clone())),
                Part::Secret(name) => Some(Piece::Secret(name.clone())),
                _ => None,
            })
            .collect()
    }

    /// Sends it; whatever the vendor answers is the reply.
    pub fn send_any(self) -> Result<Reply, Fault> {
        let (method, url) = (self.raw.method.clone(), without_query(&self.raw.url).to_owned());
        match host::send(&self.raw) {
            Ok(raw) => Ok(Reply { method, url, status: raw.status, headers: raw.headers, body: raw.body }),
            Err(error) => Err(self.client.failed(&format!("{method} {url}"), error)),
        }
    }

    /// Sends it; everything but 2xx is a fault.
    pub fn send(self) -> Result<Reply, Fault> {
        let client = self.client;
        let reply = self.send_any()?;
        if (200..300).contains(&reply.status) { Ok(reply) } else { Err(client.refused(&reply)) }
    }

    /// Sends it and reads the answer. Fields that nobody asks for are ignored.
    pub fn json<T: DeserializeOwned>(self) -> Result<T, Fault> {
        self.send()?.json()
    }

    /// Sends it and reads the answer; no such object is no fault.
    pub fn optional<T: DeserializeOwned>(self) -> Result<Option<T>, Fault> {
        match self.send() {
            Ok(reply) => reply.json().map(Some),
            Err(fault) if fault.is("not-found") => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Sends it; an object that is gone already is no fault.
    pub fn gone_is_done(self) -> Result<(), Fault> {
        match self.send() {
            Ok(_) => Ok(()),
            Err(fault) if fault.is("not-found") => Ok(()),
            Err(fault) => Err(fault),
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    method: String,
    url: String,
    /// HTTP status.
    pub status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        match self.tree() {
            Some(tree) => read::typed(&tree).map_err(|mismatch| self.unexpected(&mismatch.to_string())),
            None => Err(self.unexpected("it is not JSON")),
        }
    }

    fn unexpected(&self, why: &str) -> Fault {
        Fault::malformed(format!("{} {}: the answer is not what was expected: {why}", self.method, self.url))
    }

    /// The body as a JSON tree, if it is one.
    pub fn tree(&self) -> Option<Value> {
        tree::parse(&self.body)
    }

    /// The beginning of the body for people, where it is no HTML page.
    fn words(&self) -> String {
        let text: String = String::from_utf8_lossy(&self.body).trim().chars().take(300).collect();
        if text.starts_with('<') { "the answer is an HTML page".to_owned() } else { text }
    }
}

impl Client {
    /// A refusal as a fault.
    pub fn refused(&self, reply: &Reply) -> Fault {
        let Reply { method, url, status, .. } = reply;
        if (300..400).contains(status) {
            let to = reply.header("location").unwrap_or("nowhere");
            return Fault::malformed(format!(
                "{method} {url}: redirected to `{to}`; redirects are not followed"
            ));
        }
        let mut refusal = (self.read_refusal)(reply);
        if refusal.code.is_empty() && refusal.message.is_empty() {
            refusal.message = reply.words();
        }
        let class = refusal.class.unwrap_or_else(|| class_of(*status));
        let code = if refusal.code.is_empty() { status.to_string() } else { kebab(&refusal.code) };
        let mut fault =
            Fault::new(class, format!("{}::{code}", self.vendor), format!("{method} {url} was refused"));
        fault.help = refusal.help;
        fault.retry_after_ms = reply
            .header("retry-after")
            .and_then(|seconds| seconds.parse::<u64>().ok())
            .map(|seconds| seconds * 1000);
        fault.with_vendor(VendorError {
            status: *status,
            code: refusal.code,
            message: refusal.message,
            request_id: refusal.request_id,
        })
    }

    fn failed(&self, what: &str, error: Error) -> Fault {
        let vendor = self.vendor;
        match error {
            Error::Denied(why) => {
                Fault::new("forbidden", format!("{vendor}::denied"), format!("{what} was not allowed: {why}"))
            }
            Error::Timeout(why) => {
                Fault::new("timeout", format!("{vendor}::timeout"), format!("{what} took too long: {why}"))
            }
            Error::Connect(why) => Fault::new(
                "transient",
                format!("{vendor}::unreachable"),
                format!("{what} could not be sent: {why}"),
            ),
            Error::Interrupted(why) => Fault::new(
                "transient",
                format!("{vendor}::interrupted"),
                format!("{what} got no whole answer: {why}"),
            ),
            Error::TooLarge(bytes) => {
                Fault::malformed(format!("{what}: an answer of {bytes} bytes is too large"))
            }
            Error::Canceled => Fault::canceled(),
            Error::Other(why) => {
                Fault::new("transient", format!("{vendor}::http"), format!("{what} failed: {why}"))
            }
        }
    }
}

fn class_of(status: u16) -> &'static str {
    match status {
        401 => "auth",
        403 => "forbidden",
        404 | 410 => "not-found",
        405 | 501 => "unsupported",
        408 => "timeout",
        409 | 412 => "conflict",
        423 => "locked",
        429 => "rate-limited",
        500..=599 => "transient",
        _ => "invalid",
    }
}

/// `INVALID_CREDENTIAL` and `Client::NotFound` as parts of a code.
fn kebab(code: &str) -> String {
    let mut text = String::with_capacity(code.len());
    let mut lower = false;
    for c in code.chars().take(80) {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && lower {
                text.push('-');
            }
            lower = c.is_ascii_lowercase() || c.is_ascii_digit();
            text.push(c.to_ascii_lowercase());
        } else {
            lower = false;
            if !text.ends_with('-') {
                text.push('-');
            }
        }
    }
    text.trim_matches('-').to_owned()
}

fn without_query(url: &str) -> &str {
    url.split_once('?').map_or(url, |(start, _)| start)
}

/// Percent-encoded, RFC 3986 unreserved characters kept: for path segments
/// and query values.
pub fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&crate::marks::hex(&[byte]).to_ascii_uppercase());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_kebab_case() {
        assert_eq!(kebab("INVALID_CREDENTIAL"), "invalid-credential");
        assert_eq!(kebab("Client::NotFound"), "client-not-found");
        assert_eq!(kebab("uniqueness_error"), "uniqueness-error");
    }

    #[test]
    fn secrets_of_a_body_are_parts() {
        let client = Client::new("x", "https://x.invalid/");
        let request = client.post("/keys").body(&crate::json!({"a": [1, crate::secret("token")], "b": "\""}));
        let parts = &request.raw.body;
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[0], Part::Text("{\"a\":[1,\"".into()));
        assert_eq!(parts[1], Part::SecretJson("token".into()));
        assert_eq!(parts[2], Part::Text("\"],\"b\":\"\\\"\"}".into()));
    }

    #[test]
    fn queries_are_encoded() {
        let client = Client::new("x", "https://x.invalid/v1/");
        let request = client.get("/s").query("label_selector", "a==b,c").query("id", "1");
        assert_eq!(request.url(), "https://x.invalid/v1/s?label_selector=a%3D%3Db%2Cc&id=1");
    }
}
