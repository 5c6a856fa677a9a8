//! A lab and a plain HTTP client for its tests.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::print_stderr,
    reason = "each test uses a part, and one line says when the specifications are absent"
)]

use std::path::PathBuf;
use std::time::Duration;

use honey_lab::{Lab, LabOptions};
use reqwest::{Client, Method};
use serde_json::Value;

/// The vendors' specifications, where they are at hand.
pub fn specs() -> Option<PathBuf> {
    let given = std::env::var_os("HONEY_SPECS").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs");
    let found = given.or_else(|| beside.is_dir().then_some(beside));
    if found.is_none() {
        eprintln!("the vendor contract was not checked: no specifications");
    }
    found
}

/// A lab that judges by the specifications where they are at hand.
pub async fn lab() -> Lab {
    Lab::start(LabOptions { specs: specs(), ..LabOptions::default() }).await.expect("lab")
}

/// Status, headers and JSON body of an answer.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    pub json: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Sends a request; an error is a connection that ended.
pub async fn send(
    method: &str,
    url: &str,
    authorization: &str,
    body: Option<Value>,
) -> Result<Answer, reqwest::Error> {
    let method = Method::from_bytes(method.as_bytes()).expect("method");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(20))
        .build()?;
    let mut request = client.request(method, url);
    if !authorization.is_empty() {
        request = request.header("authorization", authorization);
    }
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await?;
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer { status, headers, text, json })
}

/// Asks until `done` likes the answer.
pub async fn until(url: &str, authorization: &str, done: impl Fn(&Value) -> bool) -> Value {
    loop {
        let answer = send("GET", url, authorization, None).await.expect("answer");
        if done(&answer.json) {
            return answer.json;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// No request of a test broke a contract, and no answer of the lab did.
pub fn in_order(lab: &Lab) {
    let violations = lab.violations();
    assert!(violations.is_empty(), "{violations:#?}");
    let misreplies = lab.books().misreplies();
    assert!(misreplies.is_empty(), "{misreplies:#?}");
}
