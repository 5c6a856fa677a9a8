//! The API at `/api/v1`: version, user, tokens, packages.

use serde_json::{Value, json};

use super::{Answer, Caller, Gitea, Token, error, images};
use crate::books::Event;
use crate::clock::Clock;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;
use crate::vendor::serve::note_violation;

/// Parts that scopes of tokens name.
const PARTS: [&str; 9] = [
    "activitypub",
    "admin",
    "issue",
    "misc",
    "notification",
    "organization",
    "package",
    "repository",
    "user",
];

/// `/api/v1…`.
pub(super) fn route(vendor: &Gitea, request: &Request) -> Answer {
    let segments = request.segments("/api/v1").unwrap_or_default();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    if request.method == "GET" && path == ["version"] {
        return Ok(Reply::json(200, &json!({"version": "1.26.4"})).doing("version.read"));
    }
    let caller = vendor
        .caller(request)
        .map_err(|()| error(401, "invalid username, password or token"))?
        .ok_or_else(|| error(401, "token is required"))?;
    match (request.method.as_str(), path.as_slice()) {
        ("GET", ["user"]) => {
            needs(&caller, "user", false)?;
            Ok(Reply::json(200, &user(vendor)).doing("user.read"))
        }
        (_, ["users", name, "tokens", rest @ ..]) => tokens(vendor, request, (&caller, name), rest),
        (method, ["packages", owner, rest @ ..]) => {
            needs(&caller, "package", method != "GET")?;
            packages(vendor, request, owner, rest)
        }
        _ => Err(Reply::bytes(404, "text/plain", "404 page not found\n").doing("refused.404")),
    }
}

/// Refuses a token without the scope.
fn needs(caller: &Caller, part: &str, write: bool) -> Result<(), Reply> {
    let Caller::Token(token) = caller else { return Ok(()) };
    let fits = |scope: &String| {
        scope == "all" || scope == &format!("write:{part}") || (!write && scope == &format!("read:{part}"))
    };
    if token.scopes.iter().any(fits) {
        return Ok(());
    }
    let wanted = format!("{}:{part}", if write { "write" } else { "read" });
    Err(error(403, &format!("token does not have at least one of required scope(s), required=[{wanted}]")))
}

fn user(vendor: &Gitea) -> Value {
    json!({
        "id": 1,
        "login": vendor.admin.0,
        "login_name": "",
        "source_id": 0,
        "full_name": "",
        "email": "admin@lab.example",
        "avatar_url": "",
        "html_url": "",
        "language": "",
        "is_admin": true,
        "last_login": "2024-01-01T00:00:00Z",
        "created": "2024-01-01T00:00:00Z",
        "restricted": false,
        "active": true,
        "prohibit_login": false,
        "location": "",
        "website": "",
        "description": "",
        "visibility": "public",
        "followers_count": 0,
        "following_count": 0,
        "starred_repos_count": 0,
    })
}

/// Pages a list by `page` and `limit`.
fn paged(request: &Request, items: &[Value], operation: &str) -> Reply {
    let number = |name: &str, usual: usize| {
        request.query(name).and_then(|text| text.parse::<usize>().ok()).unwrap_or(usual).max(1)
    };
    let (page, limit) = (number("page", 1), number("limit", 30).min(50));
    let shown: Vec<&Value> = items.iter().skip((page - 1) * limit).take(limit).collect();
    let reply =
        Reply::json(200, &json!(shown)).header("x-total-count", items.len().to_string()).doing(operation);
    if page * limit < items.len() {
        let next = page + 1;
        let link = format!("<{}{}?page={next}&limit={limit}>; rel=\"next\"", request.origin, request.path);
        return reply.header("link", link);
    }
    reply
}

fn shown(token: &Token, secret: bool) -> Value {
    let last = token.secret.get(token.secret.len().saturating_sub(8)..).unwrap_or_default();
    json!({
        "id": token.id,
        "name": token.name,
        "sha1": if secret { token.secret.as_str() } else { "" },
        "token_last_eight": last,
        "scopes": token.scopes,
        "created_at": token.created,
        "last_used_at": token.created,
    })
}

fn tokens(vendor: &Gitea, request: &Request, (caller, name): (&Caller, &str), rest: &[&str]) -> Answer {
    if !matches!(caller, Caller::Password) {
        return Err(error(401, "auth required"));
    }
    if name != vendor.admin.0 {
        return Err(error(404, "user does not exist"));
    }
    match (request.method.as_str(), rest) {
        ("GET", []) => {
            let list: Vec<Value> = vendor.state().tokens.iter().map(|token| shown(token, false)).collect();
            Ok(paged(request, &list, "token.list"))
        }
        ("POST", []) => {
            let wish = request.json().map_err(|detail| error(422, &detail))?;
            let problems = rules::judge(
                "gitea/token.create",
                || {
                    let scopes = json!({"type": "array", "items": {"type": "string"}});
                    rules::object(&["name"], json!({"name": rules::text(), "scopes": scopes}))
                },
                &wish,
            );
            if let Some(first) = problems.first() {
                let message = format!("[{}]: {}", first.field, first.message);
                note_violation(&vendor.world, "gitea", request, "rules", &message);
                return Err(error(422, &message));
            }
            let scopes: Vec<String> = wish["scopes"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|scope| scope.as_str().map(str::to_owned))
                .collect();
            if scopes.is_empty() {
                return Err(error(400, "access token must have a scope"));
            }
            let known = |scope: &String| {
                matches!(scope.as_str(), "all" | "public-only")
                    || PARTS
                        .iter()
                        .any(|part| scope == &format!("read:{part}") || scope == &format!("write:{part}"))
            };
            if let Some(odd) = scopes.iter().find(|scope| !known(scope)) {
                return Err(error(400, &format!("invalid access token scope: {odd}")));
            }
            let label = wish["name"].as_str().unwrap_or_default().to_owned();
            let mut state = vendor.state();
            if state.tokens.iter().any(|token| token.name == label) {
                return Err(error(400, "access token name has been used already"));
            }
            state.next += 1;
            let token = Token {
                id: state.next,
                name: label.clone(),
                scopes,
                secret: vendor.random.hex(40),
                created: Clock::rfc3339(),
            };
            state.tokens.push(token.clone());
            vendor.world.note("gitea", "token", &token.id.to_string(), &label, Event::Created);
            Ok(Reply::json(201, &shown(&token, true)).doing("token.create"))
        }
        ("DELETE", [which]) => {
            let mut state = vendor.state();
            let at =
                state.tokens.iter().position(|token| token.id.to_string() == *which || token.name == *which);
            let Some(at) = at else { return Err(error(404, "access token does not exist")) };
            let token = state.tokens.remove(at);
            vendor.world.note("gitea", "token", &token.id.to_string(), &token.name, Event::Deleted);
            Ok(Reply::empty(204).doing("token.delete"))
        }
        _ => Err(error(405, "method not allowed")),
    }
}

fn packages(vendor: &Gitea, request: &Request, owner: &str, rest: &[&str]) -> Answer {
    let state = vendor.state();
    let prefix = format!("{owner}/");
    let mut all = Vec::new();
    for (name, image) in &state.images {
        let Some(short) = name.strip_prefix(&prefix) else { continue };
        for tag in image.tags.keys() {
            all.push(json!({
                "id": all.len() + 1,
                "owner": user(vendor),
                "creator": user(vendor),
                "repository": null,
                "type": "container",
                "name": short,
                "version": tag,
                "html_url": format!("{}/{owner}/-/packages/container/{short}/{tag}", request.origin),
                "created_at": "2024-01-01T00:00:00Z",
            }));
        }
    }
    drop(state);
    match (request.method.as_str(), rest) {
        ("GET", []) => {
            all.retain(|package| {
                request.query("type").is_none_or(|kind| package["type"] == kind)
                    && request.query("q").is_none_or(|wanted| {
                        package["name"].as_str().is_some_and(|name| name.contains(wanted))
                    })
            });
            Ok(paged(request, &all, "package.list"))
        }
        ("GET", ["container", name]) => {
            all.retain(|package| package["name"] == *name);
            if all.is_empty() {
                return Err(error(404, "package does not exist"));
            }
            Ok(paged(request, &all, "package.versions"))
        }
        ("GET", ["container", name, version]) => all
            .iter()
            .find(|package| package["name"] == *name && package["version"] == *version)
            .map(|package| Reply::json(200, package).doing("package.read"))
            .ok_or_else(|| error(404, "package does not exist")),
        ("DELETE", ["container", name, version]) => {
            let mut state = vendor.state();
            let image: Option<&mut images::Image> = state.images.get_mut(&format!("{owner}/{name}"));
            match image.and_then(|image| image.tags.remove(*version)) {
                Some(digest) => {
                    let label = format!("{owner}/{name}:{version}");
                    vendor.world.note("gitea", "manifest", &digest, &label, Event::Deleted);
                    Ok(Reply::empty(204).doing("package.delete"))
                }
                None => Err(error(404, "package does not exist")),
            }
        }
        _ => Err(error(404, "package does not exist")),
    }
}
