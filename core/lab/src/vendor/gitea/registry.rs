//! The OCI registry at `/v2`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Answer, Caller, Gitea, images};
use crate::books::Event;
use crate::clock::Clock;
use crate::vendor::reply::Reply;
use crate::vendor::request::{Request, decode};

/// Largest manifest that is taken.
const LARGEST: usize = 10 << 20;

/// The registry's error form.
pub(super) fn error(status: u16, code: &str) -> Reply {
    let body = json!({"errors": [{"code": code, "message": ""}]});
    Reply::json(status, &body).doing(&format!("refused.{code}"))
}

fn challenge(request: &Request) -> Reply {
    let value =
        format!("Bearer realm=\"{}/v2/token\",service=\"container_registry\",scope=\"*\"", request.origin);
    error(401, "UNAUTHORIZED").header("www-authenticate", value)
}

/// `/v2…`.
pub(super) fn route(vendor: &Gitea, request: &Request) -> Answer {
    let segments: Vec<String> = request.path.split('/').skip(2).map(decode).collect();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    if request.method == "GET" && path == ["token"] {
        return token(vendor, request);
    }
    if path == ["token"] {
        return Err(error(404, "UNSUPPORTED"));
    }
    if !allowed(vendor, request) {
        return Err(challenge(request));
    }
    match (request.method.as_str(), path.as_slice()) {
        ("GET" | "HEAD", [] | [""]) => Ok(Reply::json(200, &json!({})).doing("registry.check")),
        ("GET", ["_catalog"]) => Ok(catalog(vendor, request)),
        ("GET", [name @ .., "tags", "list"]) => tags(vendor, request, &name.join("/")),
        ("GET" | "HEAD", [name @ .., "manifests", reference]) => manifest(vendor, &name.join("/"), reference),
        ("DELETE", [name @ .., "manifests", reference]) => remove(vendor, &name.join("/"), reference),
        ("PUT", [name @ .., "manifests", reference]) => put(vendor, request, &name.join("/"), reference),
        ("GET" | "HEAD", [name @ .., "blobs", digest]) => {
            let name = checked(&name.join("/"))?;
            let state = vendor.state();
            let image = state.images.get(&name).ok_or_else(|| error(404, "NAME_UNKNOWN"))?;
            let blob = image.blobs.get(*digest).ok_or_else(|| error(404, "BLOB_UNKNOWN"))?;
            Ok(Reply::bytes(200, "application/octet-stream", blob.clone())
                .header("docker-content-digest", *digest)
                .header("content-length", blob.len().to_string())
                .doing("blob.read"))
        }
        _ => Err(error(404, "UNSUPPORTED")),
    }
}

fn allowed(vendor: &Gitea, request: &Request) -> bool {
    if let Some(token) = request.bearer()
        && let Some(may) = vendor.state().sessions.get(token)
    {
        return *may && valid(vendor, token);
    }
    match vendor.caller(request) {
        Ok(Some(Caller::Password)) => true,
        Ok(Some(Caller::Token(token))) => reads(&token.scopes),
        _ => false,
    }
}

/// Whether scopes allow reading packages.
fn reads(scopes: &[String]) -> bool {
    scopes.iter().any(|scope| matches!(scope.as_str(), "all" | "read:package" | "write:package"))
}

fn signature(vendor: &Gitea, text: &str) -> String {
    let mut sum =
        Hmac::<Sha256>::new_from_slice(vendor.signing.as_bytes()).expect("a key of any length is taken");
    sum.update(text.as_bytes());
    URL_SAFE_NO_PAD.encode(sum.finalize().into_bytes())
}

fn valid(vendor: &Gitea, token: &str) -> bool {
    let Some((text, sum)) = token.rsplit_once('.') else { return false };
    let claims = text.split_once('.').and_then(|(_, claims)| URL_SAFE_NO_PAD.decode(claims).ok());
    let claims: Value = claims.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    signature(vendor, text) == sum && claims["exp"].as_u64().unwrap_or(0) > Clock::unix()
}

fn token(vendor: &Gitea, request: &Request) -> Answer {
    let may = match vendor.caller(request) {
        Err(()) => return Err(challenge(request)),
        Ok(None) => false,
        Ok(Some(Caller::Password)) => true,
        Ok(Some(Caller::Token(token))) => {
            if !reads(&token.scopes) {
                return Err(challenge(request));
            }
            true
        }
    };
    let now = Clock::unix();
    let claims = json!({
        "exp": now + 24 * 3600,
        "nbf": now,
        "UserID": if may { 1 } else { -1 },
        "jti": vendor.random.hex(16),
    });
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let text = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let token = format!("{text}.{}", signature(vendor, &text));
    vendor.state().sessions.insert(token.clone(), may);
    Ok(Reply::json(200, &json!({"token": token})).doing("registry.token"))
}

/// A name in the form that the registry takes.
fn checked(name: &str) -> Result<String, Reply> {
    let part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
            && part.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
            && part.bytes().last().is_some_and(|byte| byte.is_ascii_alphanumeric())
    };
    if name.contains('/') && name.split('/').all(part) {
        return Ok(name.to_owned());
    }
    Err(error(400, "NAME_INVALID"))
}

fn is_tag(text: &str) -> bool {
    text.len() <= 128
        && text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|rest| {
        rest.len() == 64 && rest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

fn manifest(vendor: &Gitea, name: &str, reference: &str) -> Answer {
    let name = checked(name)?;
    if !is_digest(reference) && !is_tag(reference) {
        return Err(error(404, "MANIFEST_UNKNOWN"));
    }
    let state = vendor.state();
    let found = state.images.get(&name).and_then(|image| {
        let digest = image.tags.get(reference).map_or(reference, String::as_str);
        image.manifests.get(digest).map(|(media, bytes)| (digest.to_owned(), media, bytes))
    });
    let (digest, media, bytes) = found.ok_or_else(|| error(404, "MANIFEST_UNKNOWN"))?;
    Ok(Reply::bytes(200, media, bytes.clone())
        .header("docker-content-digest", digest.as_str())
        .header("etag", format!("\"{digest}\""))
        .header("content-length", bytes.len().to_string())
        .doing("manifest.read"))
}

fn put(vendor: &Gitea, request: &Request, name: &str, reference: &str) -> Answer {
    let name = checked(name)?;
    let digest = images::digest(&request.body);
    if request.body.len() > LARGEST {
        return Err(error(413, "SIZE_INVALID"));
    }
    let parsed = request.json().unwrap_or_default();
    if parsed["schemaVersion"] != 2 || (!is_tag(reference) && !is_digest(reference)) {
        return Err(error(400, "MANIFEST_INVALID"));
    }
    if is_digest(reference) && reference != digest {
        return Err(error(400, "DIGEST_INVALID"));
    }
    let media = request.header("content-type").unwrap_or(images::MANIFEST).to_owned();
    let mut state = vendor.state();
    let image = state.images.entry(name.clone()).or_default();
    image.manifests.insert(digest.clone(), (media, request.body.clone()));
    if !is_digest(reference) {
        image.tags.insert(reference.to_owned(), digest.clone());
    }
    vendor.world.note("gitea", "manifest", &digest, &format!("{name}:{reference}"), Event::Created);
    Ok(Reply::empty(201)
        .header("docker-content-digest", digest.as_str())
        .header("location", format!("/v2/{name}/manifests/{reference}"))
        .doing("manifest.put"))
}

fn remove(vendor: &Gitea, name: &str, reference: &str) -> Answer {
    let name = checked(name)?;
    let mut state = vendor.state();
    let image = state.images.get_mut(&name).ok_or_else(|| error(404, "NAME_UNKNOWN"))?;
    let gone = if is_digest(reference) {
        image.tags.retain(|_, digest| digest != reference);
        image.manifests.remove(reference).is_some()
    } else {
        image.tags.remove(reference).is_some()
    };
    if !gone {
        return Err(error(404, "MANIFEST_UNKNOWN"));
    }
    vendor.world.note("gitea", "manifest", reference, &format!("{name}:{reference}"), Event::Deleted);
    Ok(Reply::empty(202).doing("manifest.delete"))
}

/// A page of names by `n` and `last`.
fn page(request: &Request, names: Vec<String>) -> (Vec<String>, bool) {
    let most = request.query("n").and_then(|n| n.parse::<usize>().ok()).unwrap_or(100).min(100);
    let last = request.query("last").unwrap_or_default();
    let rest: Vec<String> = names.into_iter().filter(|name| name.as_str() > last).collect();
    let more = rest.len() > most;
    (rest.into_iter().take(most).collect(), more)
}

fn linked(request: &Request, reply: Reply, names: &[String], more: bool) -> Reply {
    match names.last().filter(|_| more) {
        Some(last) => {
            let link = format!("<{}?n={}&last={last}>; rel=\"next\"", request.path, names.len());
            reply.header("link", link)
        }
        None => reply,
    }
}

fn catalog(vendor: &Gitea, request: &Request) -> Reply {
    let (names, more) = page(request, vendor.state().images.keys().cloned().collect());
    let reply = Reply::json(200, &json!({"repositories": names})).doing("catalog.read");
    linked(request, reply, &names, more)
}

fn tags(vendor: &Gitea, request: &Request, name: &str) -> Answer {
    let name = checked(name)?;
    let state = vendor.state();
    let image = state.images.get(&name).ok_or_else(|| error(404, "NAME_UNKNOWN"))?;
    let (tags, more) = page(request, image.tags.keys().cloned().collect());
    let reply = Reply::json(200, &json!({"name": name, "tags": tags})).doing("tag.list");
    Ok(linked(request, reply, &tags, more))
}
