//! Requests to whichever server answers, within the caller's time.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use honey_model::{Fault, FaultClass};
use honey_ports::CallContext;
use http::{Method, Request};
use kube::Client;
use serde_json::Value;

use crate::fault;

/// The longest that one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// How often a passing failure is tried again.
const TRIES: u32 = 4;

/// One server.
pub(crate) struct Endpoint {
    /// Host and port.
    pub(crate) name: String,
    /// Client of this server.
    pub(crate) client: Client,
}

/// All servers of a cluster; the one that answered last is asked first.
pub(crate) struct Access {
    endpoints: Vec<Endpoint>,
    current: AtomicUsize,
}

/// A request that may be sent again: everything honey sends is idempotent.
pub(crate) struct Call<'a> {
    /// Start of the sentence when it fails: `cannot read Deployment honeydue/api`.
    pub(crate) what: String,
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
    /// Whether 429 means "too much to do" and is worth another try here. An
    /// eviction's means "not now", which its caller has to know.
    pub(crate) again_after_429: bool,
}

impl<'a> Call<'a> {
    /// A read.
    pub(crate) fn get(what: impl Into<String>, path: &'a str) -> Self {
        Self {
            what: what.into(),
            method: Method::GET,
            path,
            content_type: "application/json",
            body: Vec::new(),
            again_after_429: true,
        }
    }

    /// A change.
    pub(crate) fn send(
        what: impl Into<String>,
        method: Method,
        path: &'a str,
        content_type: &'static str,
        body: &Value,
    ) -> Self {
        let body = body.to_string().into_bytes();
        Self { what: what.into(), method, path, content_type, body, again_after_429: true }
    }
}

impl Access {
    pub(crate) fn new(endpoints: Vec<Endpoint>) -> Self {
        Self { endpoints, current: AtomicUsize::new(0) }
    }

    /// The answer as text. `Err` keeps kube's error for those who look at its status.
    pub(crate) async fn text(&self, context: &CallContext, call: &Call<'_>) -> Result<String, Refusal> {
        let limit = context.deadline.min(REQUEST_TIMEOUT);
        tokio::select! {
            answer = tokio::time::timeout(limit, self.with_retries(call)) => match answer {
                Ok(answer) => answer.map_err(|(server, error)| {
                    let fault = fault::from_kube(&call.what, &error).from_origin(format!("kubernetes {server}"));
                    Refusal { fault, error: Some(error) }
                }),
                Err(_) => Err(Refusal { fault: fault::timed_out(&call.what, limit), error: None }),
            },
            () = context.cancel.canceled() => Err(Refusal { fault: fault::canceled(&call.what), error: None }),
        }
    }

    /// The answer as JSON.
    pub(crate) async fn json(&self, context: &CallContext, call: &Call<'_>) -> Result<Value, Refusal> {
        let text = self.text(context, call).await?;
        serde_json::from_str(&text).map_err(|error| {
            let message = format!("{}: the API's answer is not JSON: {error}", call.what);
            Refusal { fault: Fault::new(FaultClass::Malformed, fault::MALFORMED, message), error: None }
        })
    }

    /// The answer as JSON, `None` for 404.
    pub(crate) async fn found(&self, context: &CallContext, call: &Call<'_>) -> Result<Option<Value>, Fault> {
        match self.json(context, call).await {
            Ok(value) => Ok(Some(value)),
            Err(refusal) if refusal.status() == Some(404) => Ok(None),
            Err(refusal) => Err(refusal.fault),
        }
    }

    async fn with_retries(&self, call: &Call<'_>) -> Result<String, (String, kube::Error)> {
        let mut pause = Duration::from_millis(150);
        for tried in 1.. {
            let (server, error) = match self.on_any_server(call).await {
                Ok(text) => return Ok(text),
                Err(failed) => failed,
            };
            let passing = match &error {
                kube::Error::Api(status) if status.code == 429 => call.again_after_429,
                kube::Error::Api(status) => matches!(status.code, 500 | 502 | 503 | 504),
                other => {
                    fault::is_transport(other) && fault::from_kube("", other).class == FaultClass::Transient
                }
            };
            if !passing || tried == TRIES {
                return Err((server, error));
            }
            let asked = match &error {
                kube::Error::Api(status) => {
                    status.details.as_ref().map_or(0, |details| details.retry_after_seconds)
                }
                _ => 0,
            };
            tokio::time::sleep(pause.max(Duration::from_secs(u64::from(asked)))).await;
            pause *= 3;
        }
        unreachable!("the loop returns on its last try")
    }

    /// Asks the servers in turn until one answers anything.
    async fn on_any_server(&self, call: &Call<'_>) -> Result<String, (String, kube::Error)> {
        let first = self.current.load(Ordering::Relaxed);
        let mut last = None;
        for turn in 0..self.endpoints.len() {
            let index = (first + turn) % self.endpoints.len();
            let endpoint = &self.endpoints[index];
            let request = Request::builder()
                .method(call.method.clone())
                .uri(call.path)
                .header(http::header::CONTENT_TYPE, call.content_type)
                .header(http::header::ACCEPT, "application/json, */*")
                .header(http::header::USER_AGENT, concat!("honey/", env!("CARGO_PKG_VERSION")))
                .body(call.body.clone())
                .map_err(|error| (endpoint.name.clone(), kube::Error::HttpError(error)))?;
            match endpoint.client.request_text(request).await {
                Ok(text) => {
                    self.current.store(index, Ordering::Relaxed);
                    return Ok(text);
                }
                Err(error) if fault::is_elsewhere(&error) => last = Some((endpoint.name.clone(), error)),
                Err(error) => {
                    self.current.store(index, Ordering::Relaxed);
                    return Err((endpoint.name.clone(), error));
                }
            }
        }
        Err(last.expect("a cluster has at least one server"))
    }
}

/// A failed request.
pub(crate) struct Refusal {
    pub(crate) fault: Fault,
    pub(crate) error: Option<kube::Error>,
}

impl Refusal {
    /// The API's status code, where it answered.
    pub(crate) fn status(&self) -> Option<u16> {
        match &self.error {
            Some(kube::Error::Api(status)) => Some(status.code),
            _ => None,
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        refusal.fault
    }
}
