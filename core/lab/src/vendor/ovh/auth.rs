//! Signatures, consumer keys and what they may call.

use serde_json::json;
use sha1::{Digest as _, Sha1};

use super::{Answer, Ovh, body, error, unknown_route};
use crate::clock::Clock;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;

/// Where service accounts fetch tokens.
pub(super) const TOKEN_PATH: &str = "/auth/oauth2/token";

/// Seconds that a token lasts.
const TOKEN_SECONDS: u64 = 3600;

/// Seconds a signed timestamp may be off.
const SKEW: u64 = 300;

/// A consumer key.
pub(crate) struct Consumer {
    rules: Vec<(String, String)>,
    validated: bool,
    created: String,
}

impl Consumer {
    /// The operator's key, which may call what the product needs.
    pub(crate) fn operator() -> Self {
        let mut rules = Vec::new();
        for method in ["GET", "POST", "PUT", "DELETE"] {
            for path in ["/auth/*", "/vps", "/vps/*", "/order/*", "/me", "/me/*"] {
                rules.push((method.to_owned(), path.to_owned()));
            }
        }
        Self { rules, validated: true, created: Clock::rfc3339_offset() }
    }

    fn grants(&self, method: &str, path: &str) -> bool {
        self.rules.iter().any(|(allowed, pattern)| {
            allowed == method
                && match pattern.strip_suffix('*') {
                    Some(prefix) => path.starts_with(prefix),
                    None => path == pattern,
                }
        })
    }
}

/// An error about a credential.
fn denied(status: u16, code: &str, message: &str) -> Reply {
    let http = match status {
        400 => "400 Bad Request",
        401 => "401 Unauthorized",
        _ => "403 Forbidden",
    };
    let body = json!({"errorCode": code, "httpCode": http, "message": message});
    Reply::json(status, &body).doing(&format!("refused.{code}"))
}

/// Whether a call needs no signature.
fn unsigned(method: &str, path: &[&str]) -> bool {
    match (method, path) {
        (_, ["auth", "time" | "credential" | "validate"] | ["order", "catalog", ..])
        | ("GET", ["vps", "datacenter"] | ["vps", "order", "rule", ..])
        | ("POST", ["order", "cart"]) => true,
        ("DELETE", ["order", "cart", _]) => false,
        (_, ["order", "cart", _, rest @ ..]) => !matches!(rest.first(), Some(&"assign" | &"checkout")),
        _ => false,
    }
}

/// The signature of a request.
pub(crate) fn sign(
    secret: &str,
    consumer: &str,
    method: &str,
    url: &str,
    body: &[u8],
    timestamp: &str,
) -> String {
    let mut sum = Sha1::new();
    sum.update(format!("{secret}+{consumer}+{method}+{url}+"));
    sum.update(body);
    sum.update(format!("+{timestamp}"));
    format!("$1${}", hex::encode(sum.finalize()))
}

/// Lets a request in or not.
pub(super) fn admit(vendor: &Ovh, request: &Request) -> Result<(), Reply> {
    if request.path == TOKEN_PATH {
        return Ok(());
    }
    let Some(segments) = request.segments("/1.0") else { return Err(unknown_route(request)) };
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    if unsigned(&request.method, &path) {
        return Ok(());
    }
    if let Some(token) = request.bearer() {
        let known = vendor.account.state().tokens.contains(token);
        return if known { Ok(()) } else { Err(denied(403, "NOT_CREDENTIAL", "You must login first")) };
    }
    let Some(application) = request.header("x-ovh-application") else {
        return Err(denied(401, "NOT_CREDENTIAL", "You must login first"));
    };
    if application != vendor.credentials.application_key {
        return Err(denied(403, "INVALID_KEY", "This application key is invalid"));
    }
    let (Some(consumer), Some(timestamp), Some(signature)) = (
        request.header("x-ovh-consumer"),
        request.header("x-ovh-timestamp"),
        request.header("x-ovh-signature"),
    ) else {
        return Err(denied(401, "NOT_CREDENTIAL", "You must login first"));
    };
    let state = vendor.account.state();
    let Some(known) = state.consumers.get(consumer) else {
        return Err(denied(403, "NOT_CREDENTIAL", "This credential does not exist"));
    };
    let off = timestamp.parse::<u64>().map_or(u64::MAX, |stamp| stamp.abs_diff(Clock::unix()));
    if off > SKEW {
        return Err(denied(400, "QUERY_TIME_OUT", "Query out of time"));
    }
    let url = format!("{}{}", request.origin, request.target);
    let wanted = sign(
        &vendor.credentials.application_secret,
        consumer,
        &request.method,
        &url,
        &request.body,
        timestamp,
    );
    if signature != wanted {
        return Err(denied(400, "INVALID_SIGNATURE", "Invalid signature"));
    }
    if !known.validated {
        return Err(denied(403, "INVALID_CREDENTIAL", "This credential is not valid"));
    }
    let route = request.path.trim_start_matches("/1.0");
    if !known.grants(&request.method, route) {
        return Err(denied(403, "NOT_GRANTED_CALL", "This call has not been granted"));
    }
    Ok(())
}

/// `POST /auth/oauth2/token` (RFC 6749, section 4.4).
pub(super) fn token(vendor: &Ovh, request: &Request) -> Answer {
    let refused = |error: &str, description: &str| {
        let body = json!({"error": error, "error_description": description});
        Reply::json(400, &body).doing(&format!("refused.{error}"))
    };
    let form = request.header("content-type") == Some("application/x-www-form-urlencoded");
    if request.method != "POST" || !form {
        return Err(refused("invalid_request", "a form is needed"));
    }
    let given = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(&request.body);
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    if given("grant_type") != "client_credentials" || given("scope") != "all" {
        return Err(refused("unsupported_grant_type", "only client_credentials with scope all"));
    }
    if given("client_id") != vendor.credentials.client_id {
        return Err(refused("invalid_client", "ovhcloud oauth2 client does not exists"));
    }
    if given("client_secret") != vendor.credentials.client_secret {
        return Err(refused("invalid_client", "the client secret is wrong"));
    }
    let token = vendor.account.random.hex(40);
    vendor.account.state().tokens.insert(token.clone());
    let body =
        json!({"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS, "scope": "all"});
    Ok(Reply::json(200, &body).doing("auth.token"))
}

/// `/auth/…`.
pub(super) fn route(vendor: &Ovh, request: &Request, path: &[&str]) -> Answer {
    let account = &vendor.account;
    let consumer = request.header("x-ovh-consumer").unwrap_or_default().to_owned();
    match (request.method.as_str(), &path[1..]) {
        ("GET", ["time"]) => Ok(Reply::json(200, &json!(Clock::unix())).doing("auth.time")),
        ("POST", ["credential"]) => {
            if request.header("x-ovh-application") != Some(&vendor.credentials.application_key) {
                return Err(denied(403, "INVALID_KEY", "This application key is invalid"));
            }
            let body = body(account, request, "ovh/credential", || {
                let rule = rules::object(
                    &["method", "path"],
                    json!({
                        "method": rules::word(&["DELETE", "GET", "PATCH", "POST", "PUT"]),
                        "path": rules::text(),
                    }),
                );
                rules::object(
                    &["accessRules"],
                    json!({
                        "accessRules": rules::list(rule, 100),
                        "redirection": {"type": ["string", "null"]},
                        "allowedIPs": {"type": ["array", "null"]},
                    }),
                )
            })?;
            let key = account.random.hex(32);
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let rules = body["accessRules"].as_array().into_iter().flatten();
            let rules = rules.map(|rule| (text(&rule["method"]), text(&rule["path"]))).collect();
            account
                .state()
                .consumers
                .insert(key.clone(), Consumer { rules, validated: false, created: Clock::rfc3339_offset() });
            let url = format!("{}/1.0/auth/validate?credentialToken={key}", request.origin);
            let body = json!({
                "consumerKey": key,
                "state": "pendingValidation",
                "validationUrl": url,
            });
            Ok(Reply::json(200, &body).doing("auth.credential"))
        }
        ("GET", ["validate"]) => {
            let key = request.query("credentialToken").unwrap_or_default();
            match account.state().consumers.get_mut(key) {
                Some(consumer) => {
                    consumer.validated = true;
                    Ok(Reply::bytes(200, "text/html", "<p>validated</p>").doing("auth.validate"))
                }
                None => Err(error(404, "Client::NotFound", "This credential does not exist")),
            }
        }
        ("GET", ["currentCredential"]) => {
            let state = account.state();
            let Some(known) = state.consumers.get(&consumer) else {
                return Err(denied(403, "NOT_CREDENTIAL", "This credential does not exist"));
            };
            let rules: Vec<_> =
                known.rules.iter().map(|(method, path)| json!({"method": method, "path": path})).collect();
            let body = json!({
                "allowedIPs": null,
                "applicationId": 1,
                "creation": known.created,
                "credentialId": 1,
                "expiration": null,
                "lastUse": Clock::rfc3339_offset(),
                "ovhSupport": false,
                "rules": rules,
                "status": "validated",
            });
            Ok(Reply::json(200, &body).doing("auth.current"))
        }
        ("GET", ["details"]) => {
            let body = json!({
                "account": "lab-ovh",
                "allowedRoutes": null,
                "description": null,
                "identities": ["urn:v1:eu:identity:account:lab-ovh"],
                "method": "account",
                "roles": [],
                "user": null,
            });
            Ok(Reply::json(200, &body).doing("auth.details"))
        }
        ("POST", ["logout"]) => {
            account.state().consumers.remove(&consumer);
            Ok(Reply::json(200, &json!(null)).doing("auth.logout"))
        }
        _ => Err(unknown_route(request)),
    }
}

#[cfg(test)]
mod tests {
    use super::sign;

    #[test]
    fn signatures_are_the_published_ones() {
        let (secret, consumer) = ("9ufkBmLaTQ9nz5yMUlg79taH0GNnzDjk", "5mBuy6SUQcRw2ZUxg0cG68BoDKpED4KY");
        let url = "https://eu.api.ovh.com/1.0/auth";
        for (method, body, wanted) in [
            ("GET", "", "$1$e9556054b6309771395efa467c22e627407461ad"),
            ("POST", r#"{"a":"b","c":"d"}"#, "$1$ec2fb5c7a81f64723c77d2e5b609ae6f58a84fc1"),
        ] {
            let given = sign(secret, consumer, method, url, body.as_bytes(), "1457018875");
            assert_eq!(given, wanted);
        }
    }
}
