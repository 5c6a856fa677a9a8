//! Serves a vendor over HTTP: reads requests, applies faults, asks the
//! vendor, keeps the books.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::books::{Call, Violation};
use crate::clock::Clock;
use crate::vendor::Vendor;
use crate::vendor::fault::{Effect, RetryAfter, Script};
use crate::vendor::reply::Reply;
use crate::vendor::request::{Request, TaskFault};
use crate::vendor::spec::Specs;
use crate::vendor::tap::{Answer, Seen, Tap, Verdict};
use crate::world::World;

/// Largest request body a vendor reads.
const BODY_LIMIT: usize = 16 << 20;

/// The connection is to end without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the lab cut this connection")]
struct Cut;

/// A vendor on a port; dropping it closes everything.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
    vendor: Arc<dyn Vendor>,
    around: Surroundings,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Served {
    /// `http://127.0.0.1:port`.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers a request without a connection; none where it would be cut.
    pub(crate) async fn ask(&self, asked: http::Request<Bytes>) -> Option<http::Response<Bytes>> {
        let (head, body) = asked.into_parts();
        let mut request = received(self.origin(), head, body);
        let (reply, _) = decide(self.vendor.as_ref(), &self.around, &mut request).await.ok()?;
        let mut builder = http::Response::builder().status(reply.status);
        for (name, value) in &reply.headers {
            builder = builder.header(name, value);
        }
        builder.body(reply.body).ok()
    }
}

/// What a vendor's server needs beside the vendor.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) world: Arc<World>,
    pub(crate) script: Arc<Script>,
    pub(crate) specs: Option<Arc<Specs>>,
    pub(crate) tap: Arc<OnceLock<Arc<dyn Tap>>>,
}

/// Header by which a gate between client and vendor tells its own origin.
pub(crate) const GATE: &str = "x-lab-gate";

/// Serves a vendor on an ephemeral port.
pub(crate) async fn serve(vendor: Arc<dyn Vendor>, around: Surroundings) -> std::io::Result<Served> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let origin = format!("http://{address}");
    let (known, surroundings) = (vendor.clone(), around.clone());
    let task = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            };
            let _ = stream.set_nodelay(true);
            while connections.try_join_next().is_some() {}
            let (vendor, around, origin) = (vendor.clone(), around.clone(), origin.clone());
            connections.spawn(async move {
                let service = hyper::service::service_fn(|request| {
                    let (vendor, around, origin) = (vendor.clone(), around.clone(), origin.clone());
                    async move { answer(vendor.as_ref(), &around, origin, request).await }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    Ok(Served { address, task, vendor: known, around: surroundings })
}

async fn answer(
    vendor: &dyn Vendor,
    around: &Surroundings,
    origin: String,
    incoming: hyper::Request<Incoming>,
) -> Result<hyper::Response<Body>, Cut> {
    let (head, body) = incoming.into_parts();
    let body = axum::body::to_bytes(Body::new(body), BODY_LIMIT).await.map_err(|_| Cut)?;
    let mut request = received(origin, head, body);
    let (reply, effect) = decide(vendor, around, &mut request).await?;
    Ok(response(&request, reply, effect.as_ref()))
}

fn received(origin: String, head: http::request::Parts, body: Bytes) -> Request {
    let target = head.uri.path_and_query().map_or("/", |whole| whole.as_str()).to_owned();
    let query = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes())
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    // A gate in front of the lab has the address that clients know.
    let origin = head.headers.get(GATE).and_then(|at| at.to_str().ok()).map_or(origin, str::to_owned);
    Request {
        method: head.method.as_str().to_owned(),
        origin,
        path: head.uri.path().to_owned(),
        target,
        query,
        headers: head.headers,
        body,
        task: TaskFault::None,
    }
}

/// What is answered, with the fault that the script has for it.
async fn decide(
    vendor: &dyn Vendor,
    around: &Surroundings,
    request: &mut Request,
) -> Result<(Reply, Option<Effect>), Cut> {
    let began = Instant::now();
    let at_ms = around.world.clock.now_ms();
    let seen = around.tap.get().map(|tap| (tap, seen(vendor.name(), request)));
    let verdict = seen.as_ref().map_or(Verdict::Pass, |(tap, seen)| tap.before(seen));
    let scripted = around.script.hit(vendor.name(), &request.method, &request.target);
    let (effect, told) = match verdict {
        Verdict::Pass => (scripted, None),
        Verdict::Fault(effect) => (Some(effect), None),
        Verdict::Answer(answer) => (None, Some(answer)),
    };
    request.task = match effect {
        Some(Effect::StuckTask) => TaskFault::Stuck,
        Some(Effect::FailTask) => TaskFault::Fail,
        _ => TaskFault::None,
    };
    let mut reply = match &effect {
        Some(Effect::Status { status, code, message, retry_after }) => Some(with_retry(
            vendor.refuse(
                request,
                *status,
                code.as_deref().unwrap_or_default(),
                message.as_deref().unwrap_or("the lab was told to answer this"),
            ),
            *retry_after,
        )),
        Some(Effect::BadGateway) => Some(Reply::bytes(502, "text/html", BAD_GATEWAY)),
        Some(Effect::CutBefore) => Some(Reply::empty(0)),
        _ => told.map(|told| Reply {
            status: told.status,
            headers: told.headers,
            body: told.body,
            operation: String::new(),
        }),
    };
    let acted = reply.is_none();
    let own_words = acted || matches!(effect, Some(Effect::Status { .. }));
    let mut reply = match reply.take() {
        Some(reply) => reply,
        None => act(vendor, around, request).await,
    };
    if own_words {
        vendor.finish(request, &mut reply);
    }
    if let Some((tap, seen)) = &seen {
        let mut answer =
            Answer { status: reply.status, headers: reply.headers, body: std::mem::take(&mut reply.body) };
        tap.after(seen, &mut answer, acted);
        reply = Reply { status: answer.status, headers: answer.headers, body: answer.body, ..reply };
    }
    if let Some(Effect::Slow { ms }) = effect {
        around.script.keep_back(Duration::from_millis(ms)).await;
    }
    let cut = reply.status == 0 || matches!(effect, Some(Effect::CutBefore | Effect::CutAfter));
    around.world.books.call(Call {
        at_ms,
        vendor: vendor.name().to_owned(),
        method: request.method.clone(),
        template: template(&request.path),
        path: request.target.clone(),
        status: if cut { 0 } else { reply.status },
        ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        operation: if acted { reply.operation.clone() } else { String::new() },
        agent: request.header("user-agent").unwrap_or_default().to_owned(),
        fault: effect.as_ref().map(Effect::name),
    });
    if cut { Err(Cut) } else { Ok((reply, effect)) }
}

fn seen(vendor: &str, request: &Request) -> Seen {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Seen {
        vendor: vendor.to_owned(),
        method: request.method.clone(),
        path: request.path.clone(),
        target: request.target.clone(),
        headers: request.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: request.body.clone(),
    }
}

async fn act(vendor: &dyn Vendor, around: &Surroundings, request: &Request) -> Reply {
    if let Err(refused) = vendor.admit(request) {
        return refused;
    }
    let specs = around.specs.as_ref().filter(|_| vendor.is_specified(request));
    if let Some(specs) = specs {
        let found = specs.judge(vendor.specs(), request);
        if let Some((judge, problems)) = found {
            let message = problems.join("; ");
            note_violation(&around.world, vendor.name(), request, &judge, &message);
            let status = if vendor.name() == "hetzner" { 422 } else { 400 };
            return vendor.refuse(request, status, "", &message).doing("contract.violated");
        }
    }
    let reply = vendor.handle(request).await;
    if let Some(specs) = specs
        && let Some((judge, problem)) = specs.judge_reply(vendor.specs(), request, &reply)
    {
        around.world.books.misreply(Violation {
            at_ms: around.world.clock.now_ms(),
            vendor: vendor.name().to_owned(),
            request: format!("{} {} -> {}", request.method, request.target, reply.status),
            judge,
            message: problem,
            body: excerpt(&reply.body),
        });
    }
    reply
}

/// Writes a violation down.
pub(crate) fn note_violation(world: &World, vendor: &str, request: &Request, judge: &str, message: &str) {
    world.books.violation(Violation {
        at_ms: world.clock.now_ms(),
        vendor: vendor.to_owned(),
        request: format!("{} {}", request.method, request.target),
        judge: judge.to_owned(),
        message: message.to_owned(),
        body: excerpt(&request.body),
    });
}

fn excerpt(body: &Bytes) -> String {
    String::from_utf8_lossy(body).chars().take(2000).collect()
}

fn with_retry(reply: Reply, retry: RetryAfter) -> Reply {
    match retry {
        RetryAfter::Absent => reply,
        RetryAfter::Seconds(seconds) => reply.header("retry-after", seconds.to_string()),
        RetryAfter::Date(seconds) => {
            let when = std::time::UNIX_EPOCH + Duration::from_secs(Clock::unix() + seconds);
            reply.header("retry-after", httpdate::fmt_http_date(when))
        }
    }
}

fn response(request: &Request, reply: Reply, effect: Option<&Effect>) -> hyper::Response<Body> {
    let mut builder = hyper::Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        builder = builder.header(name, value);
    }
    let body = match effect {
        Some(Effect::EndlessBody) => endless(reply.body),
        Some(Effect::HugeString) => Body::from(format!("\"{}\"", "honey ".repeat(10_000_000 / 6))),
        _ if request.method == "HEAD" => Body::empty(),
        _ => Body::from(reply.body),
    };
    builder.body(body).unwrap_or_else(|_| hyper::Response::new(Body::empty()))
}

/// The body, then blanks until the reader gives up.
fn endless(start: Bytes) -> Body {
    let blanks = Bytes::from_static(&[b' '; 1024]);
    Body::from_stream(futures::stream::unfold(0_u64, move |turn| {
        let (start, blanks) = (start.clone(), blanks.clone());
        async move {
            let part = if turn == 0 {
                start
            } else {
                tokio::time::sleep(Duration::from_millis(2)).await;
                blanks
            };
            Some((Ok::<Bytes, Infallible>(part), turn + 1))
        }
    }))
}

/// A path with what looks like identifiers replaced.
fn template(path: &str) -> String {
    let named = |segment: &str| {
        let digits = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
        let long = segment.len() >= 20 && segment.bytes().any(|byte| byte.is_ascii_digit());
        let prefixed = ["br-", "ep-", "vps-", "sha256:"].iter().any(|prefix| segment.starts_with(prefix));
        digits || long || prefixed
    };
    path.split('/').map(|segment| if named(segment) { "{id}" } else { segment }).collect::<Vec<_>>().join("/")
}

const BAD_GATEWAY: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n\
<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n\
</body>\r\n</html>\r\n";
