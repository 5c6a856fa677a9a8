//! Gitea with its OCI registry: one administrator, four images.

mod api;
mod images;
mod registry;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::json;

use crate::random::Random;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::{SpecFile, Vendor};
use crate::world::World;

/// An answer or a refusal; both are sent.
type Answer = Result<Reply, Reply>;

/// A personal access token.
#[derive(Debug, Clone)]
struct Token {
    id: u64,
    name: String,
    scopes: Vec<String>,
    secret: String,
    created: String,
}

struct State {
    next: u64,
    tokens: Vec<Token>,
    /// Registry tokens (JWTs) with whether they may read packages.
    sessions: BTreeMap<String, bool>,
    images: BTreeMap<String, images::Image>,
}

/// The vendor.
pub(crate) struct Gitea {
    world: Arc<World>,
    random: Random,
    /// Name and password of the administrator.
    pub(crate) admin: (String, String),
    /// Key that signs registry tokens.
    signing: String,
    state: Mutex<State>,
}

/// Who asks for something.
enum Caller {
    /// With name and password.
    Password,
    /// With a personal access token.
    Token(Token),
}

impl Gitea {
    /// The administrator and the images of the stack.
    pub(crate) fn new(world: &Arc<World>) -> Self {
        let random = world.random("gitea");
        let admin = ("admin".to_owned(), random.token(24));
        let images = images::stock(&admin.0, &random);
        let signing = random.token(32);
        let state = State { next: 10, tokens: Vec::new(), sessions: BTreeMap::new(), images };
        Self { world: world.clone(), random, admin, signing, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who sends a request, by any of the vendor's ways; none is anonymous.
    fn caller(&self, request: &Request) -> Result<Option<Caller>, ()> {
        let by_secret =
            |secret: &str| self.state().tokens.iter().find(|token| token.secret == secret).cloned();
        let Some(given) = request.header("authorization") else { return Ok(None) };
        if let Some((user, password)) = request.basic() {
            if user == self.admin.0 && password == self.admin.1 {
                return Ok(Some(Caller::Password));
            }
            return by_secret(&password).map(|token| Some(Caller::Token(token))).ok_or(());
        }
        let secret = given.strip_prefix("token ").or_else(|| given.strip_prefix("Bearer "));
        secret.and_then(by_secret).map(|token| Some(Caller::Token(token))).ok_or(())
    }
}

#[async_trait]
impl Vendor for Gitea {
    fn name(&self) -> &'static str {
        "gitea"
    }

    fn specs(&self) -> &'static [SpecFile] {
        &[
            SpecFile { file: "gitea/v1.openapi3.json", prefix: "/api/v1" },
            SpecFile { file: "oci/distribution.read.openapi.json", prefix: "" },
        ]
    }

    fn admit(&self, request: &Request) -> Result<(), Reply> {
        if request.path.starts_with("/v2") || request.path.starts_with("/api/v1/") {
            return Ok(());
        }
        Err(Reply::bytes(404, "text/plain", "Not found.\n").doing("refused.404"))
    }

    async fn handle(&self, request: &Request) -> Reply {
        let answer = if request.path.starts_with("/v2") {
            registry::route(self, request)
        } else {
            api::route(self, request)
        };
        answer.unwrap_or_else(|refused| refused)
    }

    fn refuse(&self, request: &Request, status: u16, code: &str, message: &str) -> Reply {
        if !request.path.starts_with("/v2") {
            return error(status, message);
        }
        let usual = match status {
            400 => "NAME_INVALID",
            401 => "UNAUTHORIZED",
            403 => "DENIED",
            404 => "MANIFEST_UNKNOWN",
            429 => "TOOMANYREQUESTS",
            _ => "UNKNOWN",
        };
        registry::error(status, if code.is_empty() { usual } else { code })
    }

    fn finish(&self, request: &Request, reply: &mut Reply) {
        if request.path.starts_with("/v2") {
            let version = "docker-distribution-api-version";
            reply.headers.push((version.into(), "registry/2.0".into()));
        }
    }
}

/// The API's error form.
fn error(status: u16, message: &str) -> Reply {
    let body = json!({"message": message, "url": "https://gitea.lab.example/api/swagger"});
    Reply::json(status, &body).doing(&format!("refused.{status}"))
}
