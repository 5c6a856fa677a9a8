//! Somebody else at the vendor: requests that no plugin made, with the
//! operator's credentials, marked so that nobody counts them.

use base64::Engine as _;
use honey_model::{Fault, FaultClass};
use serde_json::{Value, json};

use crate::{stand::Stand, wire::BY_HAND};

fn failed(error: &reqwest::Error) -> Fault {
    Fault::new(FaultClass::Internal, "HNY0001", format!("a hand at the vendor: {error}"))
}

/// Sends a request; its answer must be a success.
pub async fn send(stand: &Stand, method: &str, path: &str, body: &Value) -> Result<Value, Fault> {
    let vendor = stand.subject.vendor;
    let origin = format!("{}{}", stand.lab.endpoint(vendor), stand.subject.base);
    let secret = |name: &str| stand.lab.secret(vendor, name).to_owned();
    let basic = |user: &str, password: &str| {
        let pair = format!("{user}:{password}");
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    };
    let mut body = body.clone();
    let authorization = match vendor {
        "b2" => {
            let pair = basic(&secret("key-id"), &secret("application-key"));
            let session = ask(&origin, "GET", "/b2api/v4/b2_authorize_account", &pair, &Value::Null).await?;
            body["accountId"] = session["accountId"].clone();
            session["authorizationToken"].as_str().unwrap_or_default().to_owned()
        }
        "gitea" => basic(&secret("username"), &secret("password")),
        _ => format!("Bearer {}", secret("token")),
    };
    ask(&origin, method, path, &authorization, &body).await
}

async fn ask(
    origin: &str,
    method: &str,
    path: &str,
    authorization: &str,
    body: &Value,
) -> Result<Value, Fault> {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap_or_default();
    let mut request = reqwest::Client::builder()
        .no_proxy()
        .build()
        .map_err(|error| failed(&error))?
        .request(method, format!("{origin}{path}"))
        .header(BY_HAND, "1")
        .header("authorization", authorization);
    if !body.is_null() {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let answer = request.send().await.map_err(|error| failed(&error))?;
    let status = answer.status();
    let text = answer.text().await.map_err(|error| failed(&error))?;
    if !status.is_success() {
        return Err(Fault::new(
            FaultClass::Internal,
            "HNY0001",
            format!("a hand at the vendor: {status}: {text}"),
        ));
    }
    Ok(serde_json::from_str(&text).unwrap_or(json!(null)))
}
