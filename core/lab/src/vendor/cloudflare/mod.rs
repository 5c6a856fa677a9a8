//! Cloudflare v4, the DNS part: one account with two zones, a token that may
//! touch the first of them only.

mod certificates;
mod envelope;
mod records;
mod validation;
mod zones;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::random::Random;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::{SpecFile, Vendor};
use crate::world::World;

use envelope::{failure, success};

/// Requests allowed in a window.
const QUOTA: u32 = 1200;

/// The window, and how long a user is shut out after too many requests.
const WINDOW: Duration = Duration::from_mins(5);

/// An answer or a refusal; both are sent.
type Answer = Result<Reply, Reply>;

/// A record the zone has before anyone asks.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ZoneRecord {
    /// `A`, `AAAA`, `CNAME`, `TXT`, …
    pub kind: String,
    /// Full name.
    pub name: String,
    /// Content.
    pub content: String,
    /// Whether it is proxied.
    #[serde(default)]
    pub proxied: bool,
}

/// One zone.
pub(crate) struct Zone {
    id: String,
    name: String,
    settings: BTreeMap<String, Value>,
    /// Records in the order of their creation.
    pub(crate) records: Vec<Value>,
    /// Certificates for origins.
    certificates: Vec<Value>,
}

/// The vendor.
pub(crate) struct Cloudflare {
    world: Arc<World>,
    /// The token of the operator.
    pub(crate) token: String,
    random: Random,
    account: String,
    /// Name of the first zone.
    zone_name: String,
    zones: Mutex<Vec<Zone>>,
    spent: Mutex<(u32, Instant, Option<Instant>)>,
}

impl Cloudflare {
    /// An account whose first zone is `zone`.
    pub(crate) fn new(world: &Arc<World>, zone: &str, seeded: &[ZoneRecord]) -> Self {
        let random = world.random("cloudflare");
        let settings = || {
            BTreeMap::from([
                ("always_use_https".to_owned(), json!("off")),
                ("automatic_https_rewrites".to_owned(), json!("on")),
                ("min_tls_version".to_owned(), json!("1.0")),
                ("ssl".to_owned(), json!("flexible")),
                ("tls_1_3".to_owned(), json!("on")),
                ("websockets".to_owned(), json!("on")),
            ])
        };
        let zones = [zone, "not-yours.example"]
            .iter()
            .map(|name| Zone {
                id: random.hex(32),
                name: (*name).to_owned(),
                settings: settings(),
                records: Vec::new(),
                certificates: Vec::new(),
            })
            .collect();
        let this = Self {
            world: world.clone(),
            token: random.token(40),
            account: random.hex(32),
            zone_name: zone.to_owned(),
            random,
            zones: Mutex::new(zones),
            spent: Mutex::new((0, Instant::now(), None)),
        };
        for record in seeded {
            let body = json!({
                "type": record.kind,
                "name": record.name,
                "content": record.content,
                "proxied": record.proxied,
                "ttl": 1,
            });
            let made = this.complete(&body, zone);
            this.zones()[0].records.push(made);
        }
        this
    }

    pub(crate) fn zones(&self) -> MutexGuard<'_, Vec<Zone>> {
        self.zones.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request; seconds to wait when the user is shut out.
    fn spend(&self) -> Result<u32, u64> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(until) = spent.2 {
            if now < until {
                return Err((until - now).as_secs() + 1);
            }
            *spent = (0, now, None);
        }
        if now.duration_since(spent.1) > WINDOW {
            *spent = (0, now, None);
        }
        spent.0 += 1;
        if spent.0 > QUOTA {
            spent.2 = Some(now + WINDOW);
            return Err(WINDOW.as_secs());
        }
        Ok(QUOTA - spent.0)
    }

    fn left(&self) -> (u32, u64) {
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = spent.1.elapsed().min(WINDOW);
        (QUOTA.saturating_sub(spent.0), WINDOW.saturating_sub(passed).as_secs())
    }

    fn is_id(text: &str) -> bool {
        text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

/// 7003 about a path.
fn unroutable(request: &Request) -> Reply {
    let message = format!("Could not route to {}, perhaps your object identifier is invalid?", request.path);
    failure(404, 7003, &message)
}

#[async_trait]
impl Vendor for Cloudflare {
    fn name(&self) -> &'static str {
        "cloudflare"
    }

    fn specs(&self) -> &'static [SpecFile] {
        &[SpecFile { file: "cloudflare/dns.openapi.json", prefix: "/client/v4" }]
    }

    /// The file was cut to what concerns zones.
    fn is_specified(&self, request: &Request) -> bool {
        !request.path.starts_with("/client/v4/certificates")
    }

    fn admit(&self, request: &Request) -> Result<(), Reply> {
        let Some(segments) = request.segments("/client/v4") else {
            return Err(unroutable(request));
        };
        if let Err(wait) = self.spend() {
            return Err(failure(429, 971, "Please wait and consider throttling your request speed")
                .header("retry-after", wait.to_string()));
        }
        if segments == ["ips"] {
            return Ok(());
        }
        let Some(given) = request.header("authorization") else {
            return Err(failure(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers"));
        };
        let Some(token) = given.strip_prefix("Bearer ").filter(|token| !token.trim().is_empty()) else {
            return Err(envelope::failure_chain(
                400,
                6003,
                "Invalid request headers",
                6111,
                "Invalid format for Authorization header",
            ));
        };
        if token != self.token {
            return Err(failure(403, 9109, "Invalid access token"));
        }
        if segments.first().is_some_and(|first| first == "zones")
            && let Some(zone) = segments.get(1)
        {
            if !Self::is_id(zone) {
                return Err(unroutable(request));
            }
            if self.zones()[0].id != *zone {
                return Err(if segments.len() == 2 {
                    failure(403, 9109, "Unauthorized to access requested resource")
                } else {
                    failure(403, 10_000, "Authentication error")
                });
            }
        }
        Ok(())
    }

    async fn handle(&self, request: &Request) -> Reply {
        let segments = request.segments("/client/v4").unwrap_or_default();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let answer = match (request.method.as_str(), path.as_slice()) {
            ("GET", ["ips"]) => Ok(zones::ips(request)),
            ("GET", ["user", "tokens", "verify"]) => Ok(self.verify()),
            (_, ["certificates", ..]) => certificates::route(self, request, &path),
            (_, ["zones", _, "dns_records", ..]) => records::route(self, request, &path),
            (_, ["zones", ..]) => zones::route(self, request, &path),
            _ => Err(unroutable(request)),
        };
        answer.unwrap_or_else(|refused| refused)
    }

    fn refuse(&self, _request: &Request, status: u16, code: &str, message: &str) -> Reply {
        let usual = match status {
            400 => 1004,
            401 | 403 => 10_000,
            404 => 7003,
            429 => 971,
            _ => 1000,
        };
        failure(status, code.parse().unwrap_or(usual), message)
    }

    fn finish(&self, _request: &Request, reply: &mut Reply) {
        let (left, seconds) = self.left();
        let left = if reply.status == 429 { 0 } else { left };
        reply.headers.push(("ratelimit".into(), format!("\"default\";r={left};t={seconds}")));
        reply.headers.push(("ratelimit-policy".into(), format!("\"default\";q={QUOTA};w=300")));
        reply.headers.push(("cf-ray".into(), format!("{}-FRA", self.random.hex(16))));
    }
}

impl Cloudflare {
    fn verify(&self) -> Reply {
        let result = json!({"id": &self.account, "status": "active"});
        let body = json!({
            "result": result,
            "success": true,
            "errors": [],
            "messages": [{
                "code": 10_000,
                "message": "This API Token is valid and active",
                "type": null,
            }],
        });
        Reply::json(200, &body).doing("token.verify")
    }

    /// A record as the vendor stores it.
    fn complete(&self, body: &Value, zone: &str) -> Value {
        let mut record = validation::normal(body, zone);
        let now = crate::clock::Clock::rfc3339();
        record["id"] = json!(self.random.hex(32));
        record["created_on"] = json!(now);
        record["modified_on"] = json!(now);
        record
    }
}

/// Answers a success without more to say.
fn plain(result: Value, operation: &str) -> Reply {
    success(result, None).doing(operation)
}
