//! OVHcloud v1: an account with paid services, one application and one
//! validated consumer key.

mod auth;
mod me;
mod order;
mod tasks;
mod vps;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::random::Random;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;
use crate::vendor::serve::note_violation;
use crate::vendor::{SpecFile, Vendor};
use crate::world::World;

/// Keys of the account.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Application key.
    pub application_key: String,
    /// Application secret.
    pub application_secret: String,
    /// Validated consumer key.
    pub consumer_key: String,
    /// Id of a service account.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
}

/// An answer or a refusal; both are sent.
type Answer = Result<Reply, Reply>;

/// What the account holds.
pub(crate) struct Account {
    world: Arc<World>,
    random: Random,
    state: Mutex<State>,
}

struct State {
    next: u64,
    consumers: BTreeMap<String, auth::Consumer>,
    /// Tokens of the service account.
    tokens: BTreeSet<String>,
    services: BTreeMap<String, vps::Service>,
    ssh_keys: BTreeMap<String, String>,
    carts: BTreeMap<String, order::Cart>,
    orders: BTreeMap<u64, order::Order>,
}

impl State {
    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl Account {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The vendor.
pub(crate) struct Ovh {
    pub(crate) credentials: Credentials,
    account: Arc<Account>,
}

impl Ovh {
    /// An account with these services, all running a fresh image that lets
    /// the operator's key in.
    pub(crate) async fn new(
        world: &Arc<World>,
        services: &[String],
        public_key: &str,
    ) -> std::io::Result<Self> {
        let random = world.random("ovh");
        let credentials = Credentials {
            application_key: random.hex(16),
            application_secret: random.hex(32),
            consumer_key: random.hex(32),
            client_id: format!("EU.{}", random.hex(16)),
            client_secret: random.hex(32),
        };
        let next = random.between(100_000, 900_000);
        let consumers = BTreeMap::from([(credentials.consumer_key.clone(), auth::Consumer::operator())]);
        let account = Arc::new(Account {
            world: world.clone(),
            random,
            state: Mutex::new(State {
                next,
                consumers,
                tokens: BTreeSet::new(),
                services: BTreeMap::new(),
                ssh_keys: BTreeMap::new(),
                carts: BTreeMap::new(),
                orders: BTreeMap::new(),
            }),
        });
        for name in services {
            vps::deliver(&account, name, vec![public_key.to_owned()]).await?;
        }
        Ok(Self { credentials, account })
    }
}

#[async_trait]
impl Vendor for Ovh {
    fn name(&self) -> &'static str {
        "ovh"
    }

    fn specs(&self) -> &'static [SpecFile] {
        &[
            SpecFile { file: "ovh/vps.openapi.json", prefix: "/1.0" },
            SpecFile { file: "ovh/order.openapi.json", prefix: "/1.0" },
            SpecFile { file: "ovh/auth.openapi.json", prefix: "/1.0" },
            SpecFile { file: "ovh/me.openapi.json", prefix: "/1.0" },
        ]
    }

    fn admit(&self, request: &Request) -> Result<(), Reply> {
        auth::admit(self, request)
    }

    async fn handle(&self, request: &Request) -> Reply {
        if request.path == auth::TOKEN_PATH {
            return auth::token(self, request).unwrap_or_else(|refused| refused);
        }
        let segments = request.segments("/1.0").unwrap_or_default();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let account = &self.account;
        let answer = match path.first() {
            Some(&"auth") => auth::route(self, request, &path),
            Some(&"vps") => vps::route(account, request, &path),
            Some(&"order") => order::route(account, request, &path),
            Some(&"me") => me::route(account, request, &path),
            _ => Err(unknown_route(request)),
        };
        answer.unwrap_or_else(|refused| refused)
    }

    fn refuse(&self, _request: &Request, status: u16, code: &str, message: &str) -> Reply {
        let usual = match status {
            400 => "Client::BadRequest",
            401 => "Client::Unauthorized",
            403 => "Client::Forbidden",
            404 => "Client::NotFound",
            409 => "Client::Conflict",
            423 => "Client::Locked",
            429 => "Client::TooManyRequests",
            _ if status < 500 => "Client::Error",
            _ => "Server::InternalServerError",
        };
        error(status, if code.is_empty() { usual } else { code }, message)
    }

    fn finish(&self, _request: &Request, reply: &mut Reply) {
        let id = format!("EU.ext-1.{}", self.account.random.hex(16));
        reply.headers.push(("x-ovh-queryid".into(), id));
    }
}

/// An error with a class.
fn error(status: u16, class: &str, message: &str) -> Reply {
    let body = json!({"class": class, "message": message, "details": {}});
    Reply::json(status, &body).doing(&format!("refused.{class}"))
}

/// A route that does not exist.
fn unknown_route(request: &Request) -> Reply {
    error(
        404,
        "Client::NotFound",
        &format!("Got an invalid (or empty) URL: {}", request.path.trim_start_matches("/1.0")),
    )
}

/// A thing that does not exist.
fn not_found(what: &str) -> Reply {
    error(404, "Client::NotFound", &format!("The requested object ({what}) does not exist"))
}

/// The request's body, judged by a rule of ours.
fn body(
    account: &Account,
    request: &Request,
    rule: &'static str,
    schema: impl FnOnce() -> Value,
) -> Result<Value, Reply> {
    let value =
        request.json().map_err(|_| error(400, "Client::BadRequest", "Received body is not valid JSON"))?;
    let value = if value.is_null() { json!({}) } else { value };
    let problems = rules::judge(rule, schema, &value);
    let Some(first) = problems.first() else { return Ok(value) };
    let message = if first.missing {
        format!("Missing parameter(s): {}", first.field)
    } else {
        format!("[{}] {}", first.field, first.message)
    };
    note_violation(&account.world, "ovh", request, "rules", &message);
    Err(error(400, "Client::BadRequest", &message))
}
