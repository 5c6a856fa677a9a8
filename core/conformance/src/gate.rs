//! The gate between plugin and vendor: sees every request, meddles with some,
//! and is where a process can be made to die before and after each.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::body::Body;
use honey_lab::Lab;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    death::Death,
    meddle::{Effect, Rule},
    rest::{Asked, Rest},
    setup::Refusal,
};

/// Largest body of a request.
const BODY_LIMIT: usize = 16 << 20;
/// What refused requests say; faults must repeat it.
pub(crate) const WORDS: &str = "refused by the conformance kit";
/// What 429 answers say in Retry-After, in seconds.
pub(crate) const RETRY_AFTER: u64 = 7;

/// Whom the gate stands in front of.
pub(crate) enum Behind {
    /// The stand-in by description.
    Rest(Box<Rest>),
    /// A vendor of the lab, asked without a connection of its own.
    Lab(Arc<Lab>, String),
}

/// One request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path without query.
    pub(crate) path: String,
    /// Status answered; 0: cut.
    pub(crate) status: u16,
}

impl Seen {
    /// Method and path with identifiers left out.
    pub(crate) fn shape(&self) -> String {
        let named = |part: &str| {
            part.len() >= 6 && part.chars().any(|c| c.is_ascii_digit()) || part.parse::<u64>().is_ok()
        };
        let path: Vec<&str> =
            self.path.split('/').map(|part| if named(part) { "{}" } else { part }).collect();
        format!("{} {}", self.method, path.join("/"))
    }

    /// Whether it asks for a change.
    pub(crate) fn changes(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD")
    }
}

struct Inner {
    origin: String,
    behind: Behind,
    error: Refusal,
    rule: Mutex<Option<Rule>>,
    seen: Mutex<Vec<Seen>>,
    total: AtomicUsize,
    death: Arc<Death>,
}

/// A running gate; dropping it closes it.
pub(crate) struct Gate {
    inner: Arc<Inner>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The connection ends here.
#[derive(Debug, thiserror::Error)]
#[error("cut")]
struct Cut;

impl Gate {
    /// Opens a gate on loopback.
    pub(crate) async fn open(
        behind: impl FnOnce(&str) -> Behind,
        error: Refusal,
        death: Arc<Death>,
    ) -> std::io::Result<Self> {
        Self::open_at(0, behind, error, death).await
    }

    /// Opens a gate on a port of loopback.
    pub(crate) async fn open_at(
        port: u16,
        behind: impl FnOnce(&str) -> Behind,
        error: Refusal,
        death: Arc<Death>,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let inner = Arc::new(Inner {
            behind: behind(&origin),
            origin,
            error,
            rule: Mutex::default(),
            seen: Mutex::default(),
            total: AtomicUsize::default(),
            death,
        });
        let served = inner.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                while connections.try_join_next().is_some() {}
                let inner = served.clone();
                connections.spawn(async move {
                    let service = hyper::service::service_fn(|request| inner.answer(request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Ok(Self { inner, task })
    }

    /// `http://127.0.0.1:port`
    pub(crate) fn origin(&self) -> &str {
        &self.inner.origin
    }

    /// From now on: this rule, or none, and a fresh list of requests.
    pub(crate) fn set(&self, rule: Option<Rule>) {
        *lock(&self.inner.rule) = rule;
        lock(&self.inner.seen).clear();
    }

    /// Whether a rule is set.
    pub(crate) fn meddles(&self) -> bool {
        lock(&self.inner.rule).is_some()
    }

    /// Requests since [`Gate::set`].
    pub(crate) fn seen(&self) -> Vec<Seen> {
        lock(&self.inner.seen).clone()
    }

    /// All requests ever.
    pub(crate) fn total(&self) -> usize {
        self.inner.total.load(Ordering::Relaxed)
    }

    /// The stand-in behind it, where it is one.
    pub(crate) fn rest(&self) -> Option<&Rest> {
        match &self.inner.behind {
            Behind::Rest(rest) => Some(rest),
            Behind::Lab(..) => None,
        }
    }

    /// Sends a request as a person would: past rules and books.
    pub(crate) async fn by_hand(
        &self,
        method: &str,
        path: &str,
        headers: &BTreeMap<String, String>,
        body: &Value,
    ) -> Result<u16, String> {
        let mut map = http::HeaderMap::new();
        for (name, value) in headers {
            let name = http::HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
            map.insert(name, value.parse().map_err(|_| format!("the header `{value}` is not one"))?);
        }
        map.insert("content-type", http::HeaderValue::from_static("application/json"));
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let reply = self.inner.act(method, path, &map, body.into()).await.map_err(|_| "cut".to_owned())?;
        let status = reply.0;
        if (200..300).contains(&status) {
            Ok(status)
        } else {
            Err(format!("{method} {path}: {status} {}", String::from_utf8_lossy(&reply.2)))
        }
    }
}

/// Status, headers, body.
type Reply = (u16, http::HeaderMap, bytes::Bytes);

impl Inner {
    async fn answer(&self, incoming: hyper::Request<Incoming>) -> Result<hyper::Response<Body>, Cut> {
        let (head, body) = incoming.into_parts();
        let body = axum::body::to_bytes(Body::new(body), BODY_LIMIT).await.map_err(|_| Cut)?;
        let target = head.uri.path_and_query().map_or("/", |whole| whole.as_str()).to_owned();
        let method = head.method.as_str();
        self.total.fetch_add(1, Ordering::Relaxed);
        let number = {
            let mut seen = lock(&self.seen);
            seen.push(Seen { method: method.to_owned(), path: head.uri.path().to_owned(), status: 0 });
            seen.len() - 1
        };
        if self.death.point(|| format!("before {method} {}", head.uri.path())) {
            return Err(Cut);
        }
        let rule = lock(&self.rule).filter(|rule| rule.hits(number));
        let reply = match rule.map(|rule| rule.effect) {
            Some(Effect::Status(status)) => self.refused(status),
            Some(Effect::Html) => (502, typed("text/html"), PAGE.into()),
            Some(Effect::CutBefore) => return Err(Cut),
            Some(Effect::Stall) => std::future::pending().await,
            Some(Effect::CutAfter) => {
                self.act(method, &target, &head.headers, body).await?;
                return Err(Cut);
            }
            Some(Effect::Change(change)) => {
                let (status, headers, found) = self.act(method, &target, &head.headers, body).await?;
                let ok = (200..300).contains(&status) && !found.is_empty();
                (status, headers, if ok { change.apply(&found) } else { found })
            }
            None => self.act(method, &target, &head.headers, body).await?,
        };
        if let Some(seen) = lock(&self.seen).get_mut(number) {
            seen.status = reply.0;
        }
        if self.death.point(|| format!("after {method} {}", head.uri.path())) {
            return Err(Cut);
        }
        let (status, headers, body) = reply;
        let mut response =
            hyper::Response::new(if method == "HEAD" { Body::empty() } else { Body::from(body) });
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
        *response.headers_mut() = headers;
        Ok(response)
    }

    async fn act(
        &self,
        method: &str,
        target: &str,
        headers: &http::HeaderMap,
        body: bytes::Bytes,
    ) -> Result<Reply, Cut> {
        match &self.behind {
            Behind::Rest(rest) => {
                let (path, query) = target.split_once('?').unwrap_or((target, ""));
                let query: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
                    .map(|(key, value)| (key.into_owned(), value.into_owned()))
                    .collect();
                let authorization = rest.authorization_header().and_then(|name| headers.get(name));
                let (status, body) = rest.answer(&Asked {
                    method,
                    path,
                    query: &query,
                    authorization: authorization.and_then(|value| value.to_str().ok()),
                    body: serde_json::from_slice(&body).unwrap_or(Value::Null),
                    origin: &self.origin,
                });
                let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
                Ok((status, typed("application/json"), body.into()))
            }
            Behind::Lab(lab, vendor) => {
                let mut asked = http::Request::builder().method(method).uri(target);
                if let Some(all) = asked.headers_mut() {
                    all.clone_from(headers);
                    all.insert("x-lab-gate", self.origin.parse().map_err(|_| Cut)?);
                }
                let asked = asked.body(body).map_err(|_| Cut)?;
                let (mut head, body) = lab.ask(vendor, asked).await.ok_or(Cut)?.into_parts();
                head.headers.remove("content-length");
                Ok((head.status.as_u16(), head.headers, body))
            }
        }
    }

    fn refused(&self, status: u16) -> Reply {
        let mut headers = typed("application/json");
        if status == 429 {
            headers.insert("retry-after", http::HeaderValue::from(RETRY_AFTER));
        }
        let body = match self.error.body(status, WORDS) {
            Value::Null => json!({ "message": WORDS }),
            body => body,
        };
        (status, headers, body.to_string().into_bytes().into())
    }
}

fn typed(content: &'static str) -> http::HeaderMap {
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", http::HeaderValue::from_static(content));
    headers
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";
