//! HTTP for guests: check, fill, wait, send, try again, clean, count.

pub(crate) mod calls;
pub(crate) mod capture;
pub(crate) mod egress;
pub(crate) mod fill;
pub(crate) mod rate;
mod resolver;
pub(crate) mod retry;
pub(crate) mod scrub;

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use honey_plugin_pack::Rate;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;
use zeroize::Zeroizing;

use crate::{
    bindings::honey::plugin::http::{Error, Request, Response},
    call::CallState,
    http::retry::{Attempt, Retry, retry_after},
};

/// Largest body of a request or a reply.
const BODY_LIMIT: usize = 8 << 20;
/// Largest header block of a reply.
const HEADER_LIMIT: usize = 64 << 10;
/// Most headers of a request.
const HEADERS: usize = 64;
/// Most captures of a request.
const CAPTURES: usize = 16;

/// Headers that belong to the host.
const OWN_HEADERS: &[&str] = &[
    "host",
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "accept-encoding",
    "expect",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
];

/// How requests are sent.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Time for a connection to stand.
    pub connect_timeout: Duration,
    /// Time for a whole reply, where the guest names none.
    pub request_timeout: Duration,
    /// When and how often to try again.
    pub retry: Retry,
    /// Sent as User-Agent where the guest names none.
    pub user_agent: String,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_mins(1),
            retry: Retry::default(),
            user_agent: concat!("honey/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// The shared clients, each made with the first request of its scheme: reading
/// the system's certificates, for https, takes longer than loading all plugins.
pub(crate) struct Client {
    settings: HttpSettings,
    plain: OnceLock<Result<reqwest::Client, String>>,
    secure: OnceLock<Result<reqwest::Client, String>>,
    pub(crate) buckets: rate::Buckets,
    pub(crate) calls: calls::CallBook,
}

impl Client {
    pub(crate) fn new(settings: HttpSettings) -> Self {
        Self {
            settings,
            plain: OnceLock::new(),
            secure: OnceLock::new(),
            buckets: rate::Buckets::default(),
            calls: calls::CallBook::default(),
        }
    }

    fn client(&self, scheme: &str) -> Result<&reqwest::Client, Error> {
        let secure = scheme != "http";
        let made = if secure { &self.secure } else { &self.plain };
        made.get_or_init(|| self.build(secure)).as_ref().map_err(|why| {
            let why = honey_model::text::visible(why, 300);
            Error::Other(format!("{scheme} cannot be used on this machine: {why}"))
        })
    }

    fn build(&self, with_certificates: bool) -> Result<reqwest::Client, String> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Another thread may have been faster; its provider is the same.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(self.settings.user_agent.clone())
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .retry(reqwest::retry::never())
            .connect_timeout(self.settings.connect_timeout)
            .http1_max_headers(256)
            .dns_resolver(resolver::CheckedResolver);
        if !with_certificates {
            builder = builder.tls_certs_only([]);
        }
        builder.build().map_err(|error| chain(&error))
    }
}

/// What is ready to be sent.
struct Ready {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Zeroizing<Vec<u8>>,
    timeout: Duration,
    bucket: String,
    rate: Option<Rate>,
}

/// One request of a guest, from check to clean reply.
pub(crate) async fn send(state: &mut CallState, request: Request) -> Result<Response, Error> {
    let core = state.plugin.clone();
    let services = &core.services;
    let (url, origin) = egress::check(&request.url, &core.effective.egress).map_err(|why| {
        state.log("warn", &format!("a request was refused: {why}"));
        Error::Denied(why)
    })?;
    capture::check(&core, &request.captures)?;
    if request.headers.len() > HEADERS || request.captures.len() > CAPTURES {
        return Err(Error::Other(format!("more than {HEADERS} headers or {CAPTURES} captures")));
    }
    let mut filler = fill::Filler {
        core: &core,
        url: &url,
        origin,
        scrubber: known_secrets(&core).await,
        used: Vec::new(),
    };
    let headers = fill_headers(&mut filler, &request).await?;
    let body = filler.parts(&request.body, BODY_LIMIT).await?;
    let (mut scrubber, mut used) = (filler.scrubber, filler.used);
    used.sort();
    used.dedup();
    let credential = if used.is_empty() {
        format!("plugin {}", core.manifest.id)
    } else {
        format!("secret {}", used.join(" "))
    };
    let wanted = request
        .timeout_ms
        .map_or(services.http.settings.request_timeout, |ms| Duration::from_millis(ms.into()));
    let ready = Ready {
        method: Method::from_bytes(request.method.as_bytes())
            .map_err(|_| Error::Other("the method is not one".to_owned()))?,
        url: url.clone(),
        headers,
        body,
        timeout: wanted,
        bucket: format!("{credential} / {}", honey_model::text::visible(&request.bucket, 60)),
        rate: core.manifest.rate.get(&request.bucket).cloned(),
    };
    let (status, headers, body) =
        attempts(state, &ready, request.idempotent).await.map_err(|error| clean(error, &scrubber))?;
    let captures = (200..300).contains(&status) && !request.captures.is_empty();
    let body =
        if captures { capture::run(&core, &request.captures, body, &mut scrubber).await? } else { body };
    Ok(Response {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), scrubber.text(&String::from_utf8_lossy(value.as_bytes())))
            })
            .collect(),
        body: scrubber.bytes(body),
    })
}

async fn fill_headers(filler: &mut fill::Filler<'_>, request: &Request) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for header in &request.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes())
            .map_err(|_| Error::Other("a header's name is not one".to_owned()))?;
        if OWN_HEADERS.contains(&name.as_str()) {
            continue;
        }
        let bytes = filler.parts(&header.value, HEADER_LIMIT).await?;
        let mut value = HeaderValue::from_bytes(&bytes).map_err(|_| {
            Error::Other(format!("the value of header `{name}` holds line breaks or control characters"))
        })?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

/// Sends until there is an outcome to hand over.
async fn attempts(
    state: &mut CallState,
    ready: &Ready,
    idempotent: bool,
) -> Result<(u16, HeaderMap, Vec<u8>), Error> {
    let core = state.plugin.clone();
    let services = &core.services;
    let client = services.http.client(ready.url.scheme())?;
    let mut number = 0;
    loop {
        number += 1;
        if let Some(rate) = &ready.rate {
            let wait = services.http.buckets.take(&ready.bucket, rate, services.clock.now().into_std());
            if wait >= state.remaining() {
                return Err(Error::Timeout(format!("the rate limit asks to wait {} s", wait.as_secs())));
            }
            if wait > Duration::ZERO {
                state.pause(wait).await;
            }
        }
        if state.context.cancel.is_canceled() {
            return Err(Error::Canceled);
        }
        services.http.calls.note(&core.manifest.id, ready.method.as_str(), ready.url.path());
        let outcome = once(client, ready, ready.timeout.min(state.remaining())).await;
        let attempt = match &outcome {
            Ok((status, headers, _)) => {
                services.http.buckets.learn(
                    &ready.bucket,
                    *status,
                    headers,
                    services.clock.now().into_std(),
                    SystemTime::now(),
                );
                Attempt::Status(*status, retry_after(headers, SystemTime::now()))
            }
            Err(Error::Connect(_)) => Attempt::NotSent,
            Err(Error::Interrupted(_) | Error::Timeout(_)) => Attempt::Interrupted,
            Err(_) => return outcome,
        };
        let remaining = state.remaining();
        match services.http.settings.retry.wait(number, idempotent, attempt, remaining, random()) {
            Some(wait) if !state.context.cancel.is_canceled() => {
                tracing::debug!(plugin = %core.origin, host = ready.url.host_str(), ?attempt, "trying again");
                state.pause(wait).await;
            }
            _ => return outcome,
        }
    }
}

async fn once(
    client: &reqwest::Client,
    ready: &Ready,
    timeout: Duration,
) -> Result<(u16, HeaderMap, Vec<u8>), Error> {
    let host = ready.url.host_str().unwrap_or_default();
    let wrong = |error: reqwest::Error| {
        let text = format!("{host}: {}", chain(&error));
        match error {
            error if refused(&error) => Error::Denied(text),
            error if error.is_connect() => Error::Connect(text),
            error if error.is_timeout() => Error::Timeout(text),
            error if error.is_builder() => Error::Other(text),
            _ => Error::Interrupted(text),
        }
    };
    let mut request = client
        .request(ready.method.clone(), ready.url.clone())
        .headers(ready.headers.clone())
        .timeout(timeout);
    if !ready.body.is_empty() || !matches!(ready.method, Method::GET | Method::HEAD | Method::DELETE) {
        request = request.body(ready.body.to_vec());
    }
    let mut response = request.send().await.map_err(wrong)?;
    let headers = response.headers().clone();
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if size > HEADER_LIMIT {
        return Err(Error::TooLarge(HEADER_LIMIT as u64));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(wrong)? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(Error::TooLarge(BODY_LIMIT as u64));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((response.status().as_u16(), headers, body))
}

/// The causes of an error, innermost last. The outermost text of reqwest holds
/// the URL, whose query may hold what must not be shown: it is left out.
fn chain(error: &reqwest::Error) -> String {
    let mut texts = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let text = inner.to_string();
        if texts.last() != Some(&text) {
            texts.push(text);
        }
        source = inner.source();
    }
    let text = if texts.is_empty() { "the request failed".to_owned() } else { texts.join(": ") };
    honey_model::text::visible(&text, 300)
}

fn refused(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.is::<resolver::Refused>() {
            return true;
        }
        source = inner.source();
    }
    false
}

/// Every secret that this plugin may use or was handed, in this run or an
/// earlier one: a vendor that repeats any of them in a reply tells it nobody.
async fn known_secrets(core: &crate::plugin::Core) -> scrub::Scrubber {
    let mut scrubber = scrub::Scrubber::default();
    let secrets = &core.services.secrets;
    let declared = core
        .effective
        .secrets
        .iter()
        .filter(|(own, _)| !core.manifest.secrets.get(*own).is_some_and(|declared| declared.identifier));
    let mut names: Vec<_> = declared.map(|(_, granted)| granted.name.clone()).collect();
    names.extend(secrets.stored(&format!("{}.", core.manifest.id)).await);
    for name in names {
        if let Ok(secret) = secrets.get(&name).await {
            scrubber.add(secret.expose());
        }
    }
    scrubber
}

fn clean(error: Error, scrubber: &scrub::Scrubber) -> Error {
    match error {
        Error::Connect(text) => Error::Connect(scrubber.text(&text)),
        Error::Timeout(text) => Error::Timeout(scrubber.text(&text)),
        Error::Interrupted(text) => Error::Interrupted(scrubber.text(&text)),
        Error::Other(text) => Error::Other(scrubber.text(&text)),
        other => other,
    }
}

fn random() -> f64 {
    getrandom::u32().map_or(0.5, |value| f64::from(value) / f64::from(u32::MAX))
}
