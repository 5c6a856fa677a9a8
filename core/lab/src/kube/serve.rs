//! HTTPS in front of the simulated API, on any number of addresses.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::body::Body;
use futures::StreamExt;
use http::{Request, Response, StatusCode, header};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, sync::watch as signal};
use tokio_rustls::TlsAcceptor;

use super::{
    handle::{self, Answer, Call},
    status::Refusal,
    store::State,
};

/// The largest request body that is read: as much as etcd would take, and some.
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// What every connection needs.
pub(super) struct Front {
    pub(super) state: Arc<Mutex<State>>,
    pub(super) tls: TlsAcceptor,
    pub(super) bearer: String,
}

/// Accepts connections until the signal says stop; open ones are cut then.
pub(super) async fn accept(listener: TcpListener, front: Arc<Front>, mut stop: signal::Receiver<bool>) {
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => continue,
            },
            _ = stop.changed() => return,
        };
        let (front, mut stop) = (Arc::clone(&front), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = connection(stream, front) => {}
                _ = stop.changed() => {}
            }
        });
    }
}

async fn connection(stream: tokio::net::TcpStream, front: Arc<Front>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let Ok(tls) = front.tls.accept(stream).await else { return };
    // The verifier checked that a certificate, where there is one, is of this cluster's authority.
    let certified = tls.get_ref().1.peer_certificates().is_some_and(|chain| !chain.is_empty());
    let service = service_fn(move |request: Request<Incoming>| {
        let front = Arc::clone(&front);
        async move { answer(&front, certified, request).await }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(tls), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection of the simulated Kubernetes API ended");
    }
}

/// A connection that ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the script closes this connection")]
struct Closed;

async fn answer(
    front: &Front,
    certified: bool,
    request: Request<Incoming>,
) -> Result<Response<Body>, Closed> {
    let bearer = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .is_some_and(|token| token == front.bearer);
    if !certified && !bearer {
        return Ok(refused(Refusal::new(401, "Unauthorized", "Unauthorized")));
    }
    let text = |name: header::HeaderName| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let query = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let mut call = Call {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: query.map(|(name, value)| (name.into_owned(), value.into_owned())).collect::<BTreeMap<_, _>>(),
        content_type: text(header::CONTENT_TYPE),
        user_agent: text(header::USER_AGENT),
        body: Vec::new(),
        warnings: RefCell::default(),
    };
    match axum::body::to_bytes(Body::new(request.into_body()), BODY_LIMIT).await {
        Ok(bytes) => call.body = bytes.to_vec(),
        Err(_) => {
            return Ok(refused(Refusal::new(
                413,
                "RequestEntityTooLarge",
                "Request entity too large: limit is 3145728",
            )));
        }
    }
    let answer = {
        let mut state = front.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.quorum && call.path != "/version" {
            return Ok(refused(Refusal::new(500, "InternalError", "etcdserver: no leader")));
        }
        let fault = state.faults.api_fault(&call.method, &call.path);
        if let Some(fault) = &fault {
            if fault.after_effect {
                handle::handle(&mut state, &call);
            }
            if fault.status == 0 {
                return Err(Closed);
            }
            return Ok(refused(Refusal::new(fault.status, reason(fault.status), "the script says so")));
        }
        handle::handle(&mut state, &call)
    };
    Ok(match answer {
        Answer::Json(code, value) => {
            let mut response = json(code, value.to_string());
            for warning in call.warnings.take() {
                let text = format!("299 - {}", serde_json::Value::from(warning));
                if let Ok(value) = header::HeaderValue::from_str(&text) {
                    response.headers_mut().append(header::WARNING, value);
                }
            }
            response
        }
        Answer::Text(text) => plain(text),
        Answer::Watch(watch) => {
            let lines = watch.lines(Arc::clone(&front.state)).map(|line| line.map(bytes::Bytes::from));
            let body = Body::from_stream(lines);
            let mut response = Response::new(body);
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
            response
        }
    })
}

fn reason(status: u16) -> &'static str {
    match status {
        401 => "Unauthorized",
        403 => "Forbidden",
        409 => "Conflict",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    }
}

fn json(code: u16, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn plain(text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain"));
    response
}

fn refused(refusal: Refusal) -> Response<Body> {
    json(refusal.code, refusal.body.to_string())
}

/// Binds an address.
pub(super) async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}
