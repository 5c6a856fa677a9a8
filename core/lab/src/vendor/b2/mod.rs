//! Backblaze B2, native v4: one account with its master key.

mod buckets;
mod keys;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::random::Random;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;
use crate::vendor::serve::note_violation;
use crate::vendor::{SpecFile, Vendor};
use crate::world::World;

/// Everything a key may be allowed to do.
const CAPABILITIES: [&str; 26] = [
    "listKeys",
    "writeKeys",
    "deleteKeys",
    "listBuckets",
    "listAllBucketNames",
    "readBuckets",
    "writeBuckets",
    "deleteBuckets",
    "readBucketEncryption",
    "writeBucketEncryption",
    "readBucketRetentions",
    "writeBucketRetentions",
    "readFileRetentions",
    "writeFileRetentions",
    "readFileLegalHolds",
    "writeFileLegalHolds",
    "readBucketReplications",
    "writeBucketReplications",
    "bypassGovernance",
    "listFiles",
    "readFiles",
    "shareFiles",
    "writeFiles",
    "deleteFiles",
    "readBucketNotifications",
    "writeBucketNotifications",
];

/// How long a token of the lab lasts, in simulated milliseconds.
const TOKEN_MS: u64 = 24 * 3600 * 1000;

/// An answer or a refusal; both are sent.
type Answer = Result<Reply, Reply>;

/// An application key.
#[derive(Debug, Clone)]
struct Key {
    about: Value,
    secret: String,
}

/// A token handed out by an authorization.
#[derive(Debug, Clone)]
struct Session {
    key: String,
    until: Instant,
}

#[derive(Default)]
struct State {
    keys: BTreeMap<String, Key>,
    /// Ids are never given twice.
    keys_made: usize,
    sessions: BTreeMap<String, Session>,
    buckets: BTreeMap<String, Value>,
    /// Names that somebody else on this planet has.
    foreign: Vec<String>,
}

/// The vendor.
pub(crate) struct B2 {
    world: Arc<World>,
    random: Random,
    account: String,
    /// Id and secret of the master key.
    pub(crate) master: (String, String),
    state: Mutex<State>,
}

impl B2 {
    /// An account without buckets.
    pub(crate) fn new(world: &Arc<World>) -> Self {
        let random = world.random("b2");
        let account = random.hex(12);
        let master = (account.clone(), format!("004{}", random.token(38)));
        let about = json!({
            "accountId": account,
            "applicationKeyId": master.0,
            "keyName": "Master-Application-Key",
            "capabilities": CAPABILITIES,
            "expirationTimestamp": null,
            "bucketIds": null,
            "namePrefix": null,
            "options": ["s3"],
        });
        let mut state = State::default();
        state.keys.insert(master.0.clone(), Key { about, secret: master.1.clone() });
        state.foreign = vec!["backups".into(), "uploads".into(), "taken".into()];
        Self { world: world.clone(), random, account, master, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key behind the request's token.
    fn key(&self, request: &Request) -> Result<Key, Reply> {
        let token = request.header("authorization").unwrap_or_default();
        let state = self.state();
        let Some(session) = state.sessions.get(token) else {
            return Err(error(401, "bad_auth_token", "Invalid authorization token"));
        };
        if Instant::now() >= session.until {
            return Err(error(401, "expired_auth_token", "Authorization token has expired"));
        }
        state
            .keys
            .get(&session.key)
            .cloned()
            .ok_or_else(|| error(401, "bad_auth_token", "Invalid authorization token"))
    }

    fn authorize(&self, request: &Request) -> Answer {
        let (id, secret) =
            request.basic().ok_or_else(|| error(401, "unauthorized", "application key ID not valid"))?;
        let mut state = self.state();
        let key = state.keys.get(&id).filter(|key| key.secret == secret).cloned();
        let key = key.ok_or_else(|| error(401, "unauthorized", "application key ID not valid"))?;
        let token = format!("4_00{}_acct_{}=", self.random.hex(22), self.random.token(26));
        let lasts = Duration::from_millis(TOKEN_MS);
        let session = Session { key: id, until: Instant::now() + lasts };
        state.sessions.insert(token.clone(), session);
        let buckets = key.about["bucketIds"].as_array().map(|ids| {
            let named = |id: &Value| {
                let name = state.buckets.get(id.as_str().unwrap_or_default());
                json!({"id": id, "name": name.map(|bucket| bucket["bucketName"].clone())})
            };
            ids.iter().map(named).collect::<Vec<_>>()
        });
        let body = json!({
            "accountId": self.account,
            "authorizationToken": token,
            "applicationKeyExpirationTimestamp": key.about["expirationTimestamp"],
            "apiInfo": {
                "groupsApi": {},
                "storageApi": {
                    "apiUrl": request.origin,
                    "downloadUrl": request.origin,
                    "s3ApiUrl": "https://s3.us-west-004.backblazeb2.com",
                    "recommendedPartSize": 100_000_000,
                    "absoluteMinimumPartSize": 5_000_000,
                    "allowed": {
                        "buckets": buckets,
                        "capabilities": key.about["capabilities"],
                        "namePrefix": key.about["namePrefix"],
                    },
                    "capabilities": key.about["capabilities"],
                    "namePrefix": key.about["namePrefix"],
                },
            },
        });
        Ok(Reply::json(200, &body).doing("account.authorize"))
    }

    /// Tokens end now, as if a day had passed.
    fn expire(&self) {
        for session in self.state().sessions.values_mut() {
            session.until = Instant::now();
        }
    }
}

#[async_trait]
impl Vendor for B2 {
    fn name(&self) -> &'static str {
        "b2"
    }

    fn specs(&self) -> &'static [SpecFile] {
        &[SpecFile { file: "backblaze/b2-native.v4.openapi.json", prefix: "" }]
    }

    fn admit(&self, request: &Request) -> Result<(), Reply> {
        if !request.path.starts_with("/b2api/v4/") {
            return Err(error(404, "not_found", "unknown API version or operation"));
        }
        if request.path.ends_with("/b2_authorize_account") {
            return Ok(());
        }
        if request.method != "POST" {
            return Err(error(405, "method_not_allowed", "only POST is supported"));
        }
        self.key(request).map(|_| ())
    }

    async fn handle(&self, request: &Request) -> Reply {
        let answer = match request.path.trim_start_matches("/b2api/v4/") {
            "b2_authorize_account" => self.authorize(request),
            "b2_list_buckets" => buckets::list(self, request),
            "b2_create_bucket" => buckets::create(self, request),
            "b2_update_bucket" => buckets::update(self, request),
            "b2_delete_bucket" => buckets::delete(self, request),
            "b2_create_key" => keys::create(self, request),
            "b2_list_keys" => keys::list(self, request),
            "b2_delete_key" => keys::delete(self, request),
            _ => Err(error(400, "bad_request", "unknown operation")),
        };
        answer.unwrap_or_else(|refused| refused)
    }

    fn refuse(&self, _request: &Request, status: u16, code: &str, message: &str) -> Reply {
        let usual = match status {
            400 => "bad_request",
            401 => "unauthorized",
            403 => "access_denied",
            404 => "not_found",
            409 => "conflict",
            429 => "too_many_requests",
            503 => "service_unavailable",
            _ => "internal_error",
        };
        let code = if code.is_empty() { usual } else { code };
        if code == "expired_auth_token" {
            self.expire();
        }
        error(status, code, message)
    }

    fn finish(&self, _request: &Request, reply: &mut Reply) {
        reply.headers.push(("x-bz-request-id".into(), self.random.hex(16)));
    }
}

/// The vendor's error form.
fn error(status: u16, code: &str, message: &str) -> Reply {
    let body = json!({"status": status, "code": code, "message": message});
    Reply::json(status, &body).doing(&format!("refused.{code}"))
}

/// The request's body, judged by a rule of ours, and the key that asks when
/// it has this capability.
fn ask(
    vendor: &B2,
    request: &Request,
    capability: &str,
    rule: &'static str,
    schema: impl FnOnce() -> Value,
) -> Result<(Value, Key), Reply> {
    let value = request.json().map_err(|detail| error(400, "bad_json", &detail))?;
    let problems = rules::judge(rule, schema, &value);
    if let Some(first) = problems.first() {
        let message = if first.missing {
            format!("required field {} is missing", first.field)
        } else {
            format!("{}: {}", first.field, first.message)
        };
        note_violation(&vendor.world, "b2", request, "rules", &message);
        return Err(error(400, "bad_json", &message));
    }
    let key = vendor.key(request)?;
    let has = |wanted: &str| {
        key.about["capabilities"].as_array().is_some_and(|list| list.iter().any(|item| item == wanted))
    };
    if !has(capability) {
        return Err(error(401, "unauthorized", &format!("{capability} is not allowed for this key")));
    }
    if value.get("accountId").is_some_and(|account| *account != vendor.account.as_str()) {
        return Err(error(400, "bad_request", "accountId does not match the authorization"));
    }
    Ok((value, key))
}
