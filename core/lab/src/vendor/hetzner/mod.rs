//! Hetzner Cloud v1: one project with a token that may write and one that may
//! only read.

mod actions;
mod catalog;
mod firewalls;
mod labels;
mod md5;
mod networks;
mod paging;
mod placement_groups;
mod primary_ips;
mod server_actions;
mod servers;
mod ssh_keys;
mod state;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::random::Random;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;
use crate::vendor::serve::note_violation;
use crate::vendor::{SpecFile, Vendor};
use crate::world::World;

use state::Project;

/// Requests per hour of a project.
const HOURLY: f64 = 3600.0;

/// Tokens of the lab's project.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Token that may write.
    pub token: String,
    /// Token that may only read.
    pub reader: String,
}

/// The vendor.
pub(crate) struct Hetzner {
    pub(crate) credentials: Credentials,
    pub(crate) project: Arc<Project>,
    budget: Mutex<(f64, Instant)>,
    correlation: Random,
}

impl Hetzner {
    /// An empty project.
    pub(crate) fn new(world: &Arc<World>) -> Self {
        let random = world.random("hetzner/credentials");
        Self {
            credentials: Credentials { token: random.token(64), reader: random.token(64) },
            project: Arc::new(Project::new(world)),
            budget: Mutex::new((HOURLY, Instant::now())),
            correlation: world.random("hetzner/correlation"),
        }
    }

    /// Requests left and the unix time at which the budget is full again.
    fn budget(&self, spend: bool) -> (f64, u64) {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let refilled = (budget.0 + budget.1.elapsed().as_secs_f64()).min(HOURLY);
        *budget = (if spend { refilled - 1.0 } else { refilled }.max(0.0), Instant::now());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 3600")]
        let missing = (HOURLY - budget.0).ceil() as u64;
        (refilled, Clock::unix() + missing)
    }
}

#[async_trait]
impl Vendor for Hetzner {
    fn name(&self) -> &'static str {
        "hetzner"
    }

    fn specs(&self) -> &'static [SpecFile] {
        &[SpecFile { file: "hetzner/cloud.openapi.json", prefix: "/v1" }]
    }

    fn admit(&self, request: &Request) -> Result<(), Reply> {
        let known = request
            .segments("/v1")
            .and_then(|segments| segments.first().cloned())
            .is_some_and(|first| KINDS.contains(&first.as_str()));
        if !known {
            return Err(error(404, "not_found", "api route not found"));
        }
        let token = request.bearer().unwrap_or_default();
        if token.is_empty() {
            return Err(error(401, "unauthorized", "token is required"));
        }
        let reader = token == self.credentials.reader;
        if !reader && token != self.credentials.token {
            return Err(error(401, "unauthorized", "the token you have provided is invalid"));
        }
        if self.budget(true).0 < 1.0 {
            return Err(error(429, "rate_limit_exceeded", "limit of 3600 requests per hour reached"));
        }
        if reader && request.method != "GET" {
            return Err(error(401, "token_readonly", "the token is only allowed to read"));
        }
        Ok(())
    }

    async fn handle(&self, request: &Request) -> Reply {
        let Some(segments) = request.segments("/v1") else {
            return error(404, "not_found", "api route not found");
        };
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let project = &self.project;
        let answer = match path.as_slice() {
            ["actions", ..] => actions::route(project, request, &path),
            ["servers", ..] => servers::route(project, request, &path),
            ["ssh_keys", ..] => ssh_keys::route(project, request, &path),
            ["firewalls", ..] => firewalls::route(project, request, &path),
            ["networks", ..] => networks::route(project, request, &path),
            ["placement_groups", ..] => placement_groups::route(project, request, &path),
            ["primary_ips", ..] => primary_ips::route(project, request, &path),
            _ => catalog::route(project, request, &path),
        };
        answer.unwrap_or_else(|refused| refused)
    }

    fn refuse(&self, _request: &Request, status: u16, code: &str, message: &str) -> Reply {
        let usual = match status {
            400 => "json_error",
            401 => "unauthorized",
            403 => "forbidden",
            404 => "not_found",
            405 => "method_not_allowed",
            409 => "conflict",
            412 => "resource_unavailable",
            422 => "invalid_input",
            423 => "locked",
            429 => "rate_limit_exceeded",
            503 => "unavailable",
            504 => "timeout",
            _ => "server_error",
        };
        error(status, if code.is_empty() { usual } else { code }, message)
    }

    fn finish(&self, _request: &Request, reply: &mut Reply) {
        let (left, reset) = self.budget(false);
        let left = if reply.status == 429 { 0.0 } else { left.floor() };
        reply.headers.push(("ratelimit-limit".into(), format!("{HOURLY}")));
        reply.headers.push(("ratelimit-remaining".into(), format!("{left}")));
        reply.headers.push(("ratelimit-reset".into(), reset.to_string()));
        reply.headers.push(("x-correlation-id".into(), self.correlation.hex(16)));
    }
}

const KINDS: [&str; 12] = [
    "actions",
    "datacenters",
    "firewalls",
    "images",
    "locations",
    "networks",
    "placement_groups",
    "pricing",
    "primary_ips",
    "server_types",
    "servers",
    "ssh_keys",
];

/// An answer or a refusal; both are sent.
type Answer = Result<Reply, Reply>;

/// The vendor's error form.
fn error(status: u16, code: &str, message: &str) -> Reply {
    let body = json!({"error": {"code": code, "message": message, "details": null}});
    Reply::json(status, &body).doing(&format!("refused.{code}"))
}

/// `invalid_input` about one field.
fn invalid(field: &str, message: &str) -> Reply {
    let text = format!("invalid input in field '{field}': {message}");
    let details = json!({"fields": [{"name": field, "messages": [message]}]});
    let body = json!({"error": {"code": "invalid_input", "message": text, "details": details}});
    Reply::json(422, &body).doing("refused.invalid_input")
}

/// `uniqueness_error` about one field.
fn taken(what: &str, field: &str) -> Reply {
    let body = json!({"error": {
        "code": "uniqueness_error",
        "message": format!("{what} already exists"),
        "details": {"fields": [{"name": field}]},
    }});
    Reply::json(409, &body).doing("refused.uniqueness_error")
}

/// The request's body, judged by a rule of ours.
fn body(
    project: &Project,
    request: &Request,
    rule: &'static str,
    schema: impl FnOnce() -> Value,
) -> Result<Value, Reply> {
    let value = request.json().map_err(|_| error(400, "json_error", "the request body is not valid JSON"))?;
    let value = if value.is_null() { json!({}) } else { value };
    let problems = rules::judge(rule, schema, &value);
    let Some(first) = problems.first() else { return Ok(value) };
    let message = format!("{}: {}", first.field, first.message);
    note_violation(&project.world, "hetzner", request, "rules", &message);
    let fields: Vec<Value> = problems
        .iter()
        .map(|problem| json!({"name": problem.field, "messages": [problem.message]}))
        .collect();
    let body = json!({"error": {
        "code": "invalid_input",
        "message": format!("invalid input in field '{}': {}", first.field, first.message),
        "details": {"fields": fields},
    }});
    Err(Reply::json(422, &body).doing("refused.invalid_input"))
}
