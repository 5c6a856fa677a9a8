//! Neon v2: an account of one person with one key.

mod branches;
mod databases;
mod endpoints;
mod operations;
mod projects;
mod roles;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::random::Random;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;
use crate::vendor::serve::note_violation;
use crate::vendor::{SpecFile, Vendor};
use crate::world::World;

use projects::Project;

/// Requests per minute, of the lab's time.
const QUOTA: usize = 700;

/// An answer or a refusal; both are sent.
type Answer = Result<Reply, Reply>;

/// What the account holds.
pub(crate) struct Account {
    world: Arc<World>,
    random: Random,
    owner: String,
    projects: Mutex<BTreeMap<String, Project>>,
}

impl Account {
    fn projects(&self) -> MutexGuard<'_, BTreeMap<String, Project>> {
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The vendor.
pub(crate) struct Neon {
    /// The account's key.
    pub(crate) token: String,
    account: Arc<Account>,
    recent: Mutex<Vec<Instant>>,
}

impl Neon {
    /// An empty account.
    pub(crate) fn new(world: &Arc<World>) -> Self {
        let random = world.random("neon");
        Self {
            token: format!("napi_{}", random.text(60, b"abcdefghijklmnopqrstuvwxyz0123456789")),
            account: Arc::new(Account {
                world: world.clone(),
                owner: random.uuid(),
                random,
                projects: Mutex::default(),
            }),
            recent: Mutex::default(),
        }
    }
}

#[async_trait]
impl Vendor for Neon {
    fn name(&self) -> &'static str {
        "neon"
    }

    fn specs(&self) -> &'static [SpecFile] {
        &[SpecFile { file: "neon/v2.openapi.json", prefix: "/api/v2" }]
    }

    fn admit(&self, request: &Request) -> Result<(), Reply> {
        if request.segments("/api/v2").is_none() {
            return Err(error(404, "not found"));
        }
        match request.bearer() {
            Some(token) if token == self.token => {}
            Some(_) => return Err(error(401, "authentication failed")),
            None => return Err(error(401, "missing authentication credentials")),
        }
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let minute = self.account.world.clock.span(60_000);
        recent.retain(|at| now.duration_since(*at) < minute);
        if recent.len() >= QUOTA {
            return Err(error(429, "rate limit exceeded"));
        }
        recent.push(now);
        Ok(())
    }

    async fn handle(&self, request: &Request) -> Reply {
        let segments = request.segments("/api/v2").unwrap_or_default();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let account = &self.account;
        let answer = match (request.method.as_str(), path.as_slice()) {
            ("GET", ["regions"]) => Ok(regions()),
            ("GET", ["users", "me"]) => Ok(me(account)),
            (_, ["projects"] | ["projects", _]) => projects::route(account, request, &path),
            (_, ["projects", id, "operations", rest @ ..]) => operations::route(account, request, id, rest),
            ("GET", ["projects", id, "connection_uri"]) => endpoints::connection_uri(account, request, id),
            (_, ["projects", id, "endpoints", rest @ ..]) => endpoints::route(account, request, id, rest),
            (_, ["projects", id, "branches", branch, "roles", rest @ ..]) => {
                roles::route(account, request, (id, branch), rest)
            }
            (_, ["projects", id, "branches", branch, "databases", rest @ ..]) => {
                databases::route(account, request, (id, branch), rest)
            }
            (_, ["projects", id, "branches", rest @ ..]) => branches::route(account, request, id, rest),
            _ => Err(error(404, "this API route does not exist")),
        };
        answer.unwrap_or_else(|refused| refused)
    }

    fn refuse(&self, _request: &Request, status: u16, code: &str, message: &str) -> Reply {
        let body = json!({"request_id": self.account.random.uuid(), "code": code, "message": message});
        Reply::json(status, &body).doing(&format!("refused.{status}"))
    }

    fn finish(&self, _request: &Request, reply: &mut Reply) {
        reply.headers.push(("x-neon-ret-request-id".into(), self.account.random.hex(32)));
    }
}

/// The vendor's error form.
fn error(status: u16, message: &str) -> Reply {
    let body = json!({"code": "", "message": message});
    Reply::json(status, &body).doing(&format!("refused.{status}"))
}

/// The request's body, judged by a rule of ours.
fn body(
    account: &Account,
    request: &Request,
    rule: &'static str,
    schema: impl FnOnce() -> Value,
) -> Result<Value, Reply> {
    let invalid = |detail: &str| error(400, &format!("invalid request: decode application/json: {detail}"));
    let value = request.json().map_err(|detail| invalid(&detail))?;
    let value = if value.is_null() { json!({}) } else { value };
    let problems = rules::judge(rule, schema, &value);
    let Some(first) = problems.first() else { return Ok(value) };
    let message = if first.missing {
        format!("invalid: {} (field required)", first.field)
    } else {
        format!("invalid: {} ({})", first.field, first.message)
    };
    note_violation(&account.world, "neon", request, "rules", &message);
    Err(invalid(&message))
}

/// A body that wraps its fields in one object.
fn wrapped(key: &str, inner: Value) -> Value {
    rules::object(&[key], json!({key: inner}))
}

/// One page of a list by `cursor` and `limit`; the cursor of a page is the
/// id of its last item and comes with every page that is not empty.
fn paged(
    request: &Request,
    items: Vec<Value>,
    (usual, most): (usize, usize),
) -> Result<(Vec<Value>, Value), Reply> {
    let limit = match request.query("limit") {
        None => usual,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|limit| (1..=most).contains(limit))
            .ok_or_else(|| error(400, &format!("invalid limit: must be from 1 to {most}")))?,
    };
    let start = match request.query("cursor").filter(|cursor| !cursor.is_empty()) {
        None => 0,
        Some(cursor) => {
            items.iter().position(|item| item["id"] == cursor).map_or(items.len(), |position| position + 1)
        }
    };
    let shown: Vec<Value> = items.into_iter().skip(start).take(limit).collect();
    let last = shown.last().map(|item| item["id"].clone());
    let asked = request.query("cursor").filter(|cursor| !cursor.is_empty());
    let cursor = last.or_else(|| asked.map(|cursor| json!(cursor)));
    Ok((shown, cursor.map_or_else(|| json!({}), |cursor| json!({"cursor": cursor}))))
}

fn regions() -> Reply {
    let region = |id: &str, name: &str, usual: bool| json!({"region_id": id, "name": name, "default": usual, "geo_lat": "39.0", "geo_long": "-77.5"});
    let body = json!({"regions": [
        region("aws-us-east-1", "AWS US East 1 (N. Virginia)", false),
        region("aws-us-east-2", "AWS US East 2 (Ohio)", true),
        region("aws-eu-central-1", "AWS Europe Central 1 (Frankfurt)", false),
    ]});
    Reply::json(200, &body).doing("region.list")
}

/// Regions that exist.
const REGIONS: [&str; 3] = ["aws-us-east-1", "aws-us-east-2", "aws-eu-central-1"];

fn me(account: &Account) -> Reply {
    let mail = "operator@lab.example";
    let body = json!({
        "active_seconds_limit": 0,
        "auth_accounts": [{
            "email": mail, "image": "", "login": "operator", "name": "Operator", "provider": "github",
        }],
        "email": mail,
        "id": account.owner,
        "image": "",
        "login": "operator",
        "name": "Operator",
        "last_name": "Lab",
        "projects_limit": 100,
        "branches_limit": 10,
        "max_autoscaling_limit": 2,
        "plan": "launch",
    });
    Reply::json(200, &body).doing("user.read")
}
