//! The vendor's API: how a request proves who asks, its three forms of refusal,
//! its tasks. No kind is known here.

use honey_sdk::{
    Context, Fault, Value, VendorError, cache, clock,
    http::{Client, Part, Refusal, Reply, Request, percent},
    poll::{self, Look, Pace},
    secrets,
};
use serde::Deserialize;

pub(crate) const APPLICATION_KEY: &str = "application-key";
const APPLICATION_SECRET: &str = "application-secret";
pub(crate) const CONSUMER_KEY: &str = "consumer-key";
const CLIENT_ID: &str = "client-id";
const CLIENT_SECRET: &str = "client-secret";
/// Where the host keeps what a service account is handed for an hour.
const ACCESS_TOKEN: &str = "session.access-token";
/// A token that ends sooner than this is fetched anew.
const TOKEN_RESERVE_MS: u64 = 60_000;

/// The API of one site.
pub(crate) struct Api {
    client: Client,
    tokens: Client,
}

/// Who asks.
enum Login {
    /// An application for the operator: every request is signed.
    Signature,
    /// A service account: a token goes with every request.
    Token,
}

/// What a service account is handed; the token itself never comes in here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Handed {
    expires_in: u64,
    error: String,
    error_description: String,
}

/// Something the vendor does in the background.
#[derive(Deserialize)]
pub(crate) struct Task {
    pub(crate) id: u64,
    state: String,
    #[serde(default)]
    progress: u8,
    #[serde(default, rename = "type")]
    kind: String,
}

impl Api {
    pub(crate) fn new(
        site: Option<&str>,
        endpoint: Option<&str>,
        token_endpoint: Option<&str>,
    ) -> Result<Self, Fault> {
        let (base, tokens) = match site.unwrap_or("us") {
            "us" => ("https://api.us.ovhcloud.com/1.0", "https://us.ovhcloud.com/auth/oauth2/token"),
            "eu" => ("https://eu.api.ovh.com/1.0", "https://www.ovh.com/auth/oauth2/token"),
            "ca" => ("https://ca.api.ovh.com/1.0", "https://ca.ovh.com/auth/oauth2/token"),
            other => {
                return Err(Fault::invalid("ovh::site", format!("there is no site `{other}`: us, eu or ca")));
            }
        };
        let client = |base| Client::new("ovh", base).refusals(read_refusal);
        Ok(Self {
            client: client(endpoint.unwrap_or(base)),
            tokens: client(token_endpoint.unwrap_or(tokens)),
        })
    }

    /// A request that anybody may send; some routes fail for those who say who they are.
    pub(crate) fn open(&self, method: &str, path: &str) -> Request<'_> {
        self.client.request(method, path).idempotent(method == "GET")
    }

    pub(crate) fn get(&self, path: &str) -> Result<Signed<'_>, Fault> {
        self.signed(self.client.get(path))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Result<Signed<'_>, Fault> {
        self.signed(self.client.put(path).body(body))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Signed<'_>, Fault> {
        let request = self.client.post(path);
        self.signed(if body.is_null() { request } else { request.body(body) })
    }

    pub(crate) fn delete(&self, path: &str) -> Result<Signed<'_>, Fault> {
        self.signed(self.client.delete(path))
    }

    fn login() -> Result<Login, Fault> {
        match (secrets::exists(CLIENT_ID), secrets::exists(APPLICATION_KEY)) {
            (true, false) => Ok(Login::Token),
            (false, true) => Ok(Login::Signature),
            (true, true) => Err(Fault::invalid(
                "ovh::two-logins",
                "there are secrets of an application and of a service account",
            )
            .with_help("take either application-key or client-id out of the configuration")),
            (false, false) => Err(Fault::new("auth", "ovh::no-login", "nothing says who is asking")
                .with_help("give application-key and application-secret, or client-id and client-secret")),
        }
    }

    /// Makes a request prove who asks.
    fn signed<'a>(&'a self, request: Request<'a>) -> Result<Signed<'a>, Fault> {
        match Self::login()? {
            Login::Signature => self.with_signature(request),
            Login::Token => {
                self.have_token()?;
                let token = vec![Part::Text("Bearer ".into()), Part::Secret(ACCESS_TOKEN.into())];
                Ok(request.header("authorization", token))
            }
        }
    }

    /// Fetches a token where there is none for this run, or the last one ends.
    fn have_token(&self) -> Result<(), Fault> {
        let now = clock::now_ms();
        if cache::get::<u64>("token-until").is_some_and(|until| now < until) {
            return Ok(());
        }
        let handed: Handed = self
            .tokens
            .post("")
            .body_parts(
                "application/x-www-form-urlencoded",
                vec![
                    Part::Text("grant_type=client_credentials&scope=all&client_id=".into()),
                    Part::SecretPercent(CLIENT_ID.into()),
                    Part::Text("&client_secret=".into()),
                    Part::SecretPercent(CLIENT_SECRET.into()),
                ],
            )
            .capture("/access_token", ACCESS_TOKEN)
            // It makes nothing but another token.
            .idempotent(true)
            .json()?;
        if !handed.error.is_empty() {
            // Seen with status 200.
            return Err(Fault::new("auth", "ovh::no-token", "the service account was handed no token")
                .with_help(HELP_WITH_CLIENT)
                .with_vendor(VendorError {
                    status: 200,
                    code: handed.error,
                    message: handed.error_description,
                    request_id: None,
                }));
        }
        let for_ms = (handed.expires_in * 1000).saturating_sub(TOKEN_RESERVE_MS);
        cache::set("token-until", &(now + for_ms));
        Ok(())
    }

    /// A digest over both secrets, the request and the vendor's time.
    fn with_signature<'a>(&self, request: Request<'a>) -> Result<Signed<'a>, Fault> {
        let now = self.vendor_seconds()?.to_string();
        let mut pieces = vec![
            secrets::by_name(APPLICATION_SECRET),
            secrets::text("+"),
            secrets::by_name(CONSUMER_KEY),
            secrets::text(format!("+{}+{}+", request.method(), request.url())),
        ];
        pieces.extend(request.body_pieces().ok_or_else(|| Fault::internal("a body that cannot be signed"))?);
        pieces.push(secrets::text(format!("+{now}")));
        let signature = format!("$1${}", secrets::digest("sha1", &pieces)?);
        Ok(request
            .header("x-ovh-application", vec![Part::Secret(APPLICATION_KEY.into())])
            .header("x-ovh-consumer", vec![Part::Secret(CONSUMER_KEY.into())])
            .header("x-ovh-timestamp", now)
            .header("x-ovh-signature", signature))
    }

    /// Our clock may be wrong; the vendor refuses signatures of another time.
    pub(crate) fn vendor_seconds(&self) -> Result<i64, Fault> {
        let ours = i64::try_from(clock::now_ms() / 1000).unwrap_or_default();
        let ahead: i64 = cache::remember("clock-ahead", || {
            let theirs: i64 = self.open("GET", "/auth/time").json()?;
            Ok(ours - theirs)
        })?;
        Ok(ours - ahead)
    }

    /// Which of the vendor's companies the account belongs to.
    pub(crate) fn subsidiary(&self) -> Result<String, Fault> {
        cache::remember("subsidiary", || {
            let me: Value = self.get("/me")?.json()?;
            let name = me.get("ovhSubsidiary").and_then(Value::as_str);
            name.map(str::to_owned).ok_or_else(|| Fault::malformed("the account tells no subsidiary"))
        })
    }

    /// Waits until a task of a service is done.
    pub(crate) fn wait(&self, ctx: Context, service: &str, task: u64) -> Result<(), Fault> {
        let path = format!("/vps/{}/tasks/{task}", percent(service));
        poll::wait(
            ctx,
            Pace { first_ms: 1_000, ..Pace::default() },
            &format!("task {task} of {service}"),
            || {
                // The vendor forgets tasks some time after they are done.
                let Some(task): Option<Task> = self.get(&path)?.optional()? else {
                    return Ok(Look::Ready(()));
                };
                match task.state.as_str() {
                    "done" => Ok(Look::Ready(())),
                    "error" | "blocked" | "cancelled" => Err(Fault::conflict(
                        "ovh::task-failed",
                        format!("task {} ({}) of {service} ended as `{}`", task.id, task.kind, task.state),
                    )
                    .with_help("see the service's page at the vendor; a blocked task needs their support")),
                    state => {
                        Ok(Look::Waiting(format!("{service}: {} is {state}", task.kind), Some(task.progress)))
                    }
                }
            },
        )
    }
}

const HELP_WITH_CLIENT: &str =
    "client-id and client-secret are mistyped, revoked, or of another site's service account";

/// A request that proves who asks: nothing of it may change any more.
pub(crate) type Signed<'a> = Request<'a>;

fn read_refusal(reply: &Reply) -> Refusal {
    let tree = reply.tree().unwrap_or_default();
    let text = |name: &str| tree.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    // Of the token endpoint: `{error, error_description}`.
    let code = ["errorCode", "class", "error"].into_iter().map(text).find(|code| !code.is_empty());
    let code = code.unwrap_or_default();
    let mut message = ["message", "error_description"]
        .into_iter()
        .map(text)
        .find(|text| !text.is_empty())
        .unwrap_or_default();
    for by in ["unauthorizedActionsByAuthentication", "unauthorizedActionsByIAM"] {
        if let Some(actions) = tree.pointer(&format!("/details/{by}")).and_then(Value::as_str) {
            message = format!("{message} ({by}: {actions})");
        }
    }
    let (class, help) = match (reply.status, code.as_str()) {
        (460, _) => (
            Some("conflict"),
            Some("the service has expired: renew it at the vendor, or take it out of the configuration"),
        ),
        (_, "INVALID_SIGNATURE") => (
            Some("auth"),
            Some(
                "application secret and consumer key do not belong together, or the consumer key was never confirmed",
            ),
        ),
        (_, "NOT_CREDENTIAL" | "INVALID_CREDENTIAL" | "INVALID_KEY") => (
            Some("auth"),
            Some(
                "the keys are of another site, revoked or expired: `honey auth ovh` asks for a new consumer key",
            ),
        ),
        (_, "NOT_GRANTED_CALL" | "FORBIDDEN" | "Client::Forbidden") => (
            Some("forbidden"),
            Some("the consumer key may not do this: `honey auth ovh` asks for one that may"),
        ),
        (400 | 401, "invalid_client" | "unauthorized_client") => (Some("auth"), Some(HELP_WITH_CLIENT)),
        // Another task runs on the service.
        (409, _) => (Some("locked"), None),
        _ => (None, None),
    };
    Refusal {
        class,
        help: help.map(str::to_owned),
        request_id: reply.header("x-ovh-queryid").map(str::to_owned),
        code,
        message,
    }
}

#[cfg(test)]
mod tests {
    use honey_sdk::{json, testing::MockHost};

    use super::*;

    const SITE: &str = "https://eu.api.ovh.com/1.0";

    fn host() -> MockHost {
        let host = MockHost::new(SITE, "honeydue-ovh", "ovh/machine/node-1");
        host.secret(APPLICATION_KEY, "TDPKJdwZwAQPwKX2");
        host.secret(APPLICATION_SECRET, "9ufkBmLaTQ9nz5yMUlg79taH0GNnzDjk");
        host.secret(CONSUMER_KEY, "5mBuy6SUQcRw2ZUxg0cG68BoDKpED4KY");
        host.set_now_ms(1_457_018_975_000);
        // Our clock is 100 seconds ahead.
        host.expect("GET", "/auth/time").reply(200, json!(1_457_018_875));
        host
    }

    #[test]
    fn signatures_are_those_of_the_vendors_own_tests() {
        let host = host();
        let api = Api::new(Some("eu"), None, None).expect("a site");
        let body = json!({"a": "b", "c": "d"});
        host.expect("GET", "/auth")
            .header("x-ovh-application", "{{application-key}}")
            .header("x-ovh-consumer", "{{consumer-key}}")
            .header("x-ovh-timestamp", "1457018875")
            .header("x-ovh-signature", "$1$e9556054b6309771395efa467c22e627407461ad")
            .reply(200, Value::Null);
        api.get("/auth").expect("signed").send().expect("sent");
        for (method, signature) in [
            ("POST", "$1$ec2fb5c7a81f64723c77d2e5b609ae6f58a84fc1"),
            ("PUT", "$1$8a75a9e7c8e7296c9dbeda6a2a735eb6bd58ec4b"),
            ("DELETE", "$1$a1eecd00b3b02b6cf5708b84b9ff42059a950d85"),
        ] {
            host.expect(method, "/auth").header("x-ovh-signature", signature).reply(200, Value::Null);
        }
        api.post("/auth", &body).expect("signed").send().expect("sent");
        api.put("/auth", &body).expect("signed").send().expect("sent");
        api.delete("/auth").expect("signed").send().expect("sent");
    }

    #[test]
    fn both_forms_of_refusal_are_read() {
        let host = host();
        let api = Api::new(Some("eu"), None, None).expect("a site");
        let refused = |status: u16, body: Value| {
            host.expect("GET", "/vps").reply_raw(
                status,
                &[("x-ovh-queryid", "EU.ext-1")],
                body.to_string().into_bytes(),
            );
            api.get("/vps").expect("signed").send().expect_err("refused")
        };
        let fault = refused(
            403,
            json!({"errorCode": "INVALID_CREDENTIAL", "httpCode": "403 Forbidden", "message": "This credential is not valid"}),
        );
        assert_eq!((fault.class.as_str(), fault.code.as_str()), ("auth", "ovh::invalid-credential"));
        assert_eq!(fault.vendor.expect("words").request_id.as_deref(), Some("EU.ext-1"));
        let fault =
            refused(404, json!({"class": "Client::NotFound", "message": "This service does not exist"}));
        assert_eq!((fault.class.as_str(), fault.code.as_str()), ("not-found", "ovh::client-not-found"));
        let fault = refused(
            403,
            json!({"class": "Client::Forbidden", "message": "no", "details": {"unauthorizedActionsByIAM": "vps:apiovh:rebuild"}}),
        );
        assert!(fault.vendor.expect("words").message.contains("vps:apiovh:rebuild"));
        assert_eq!(refused(460, json!({"message": "expired"})).class, "conflict");
        assert_eq!(refused(409, json!({"message": "task pending"})).class, "locked");
    }

    #[test]
    fn a_task_that_fails_or_never_ends_is_a_fault() {
        let host = host();
        let api = Api::new(Some("eu"), None, None).expect("a site");
        let task = |state: &str| json!({"id": 5, "state": state, "progress": 10, "type": "rebootVm", "date": "2025-01-01T00:00:00Z"});
        for state in ["todo", "doing", "waitingAck", "done"] {
            host.expect("GET", "/vps/v/tasks/5").reply(200, task(state));
        }
        api.wait(host.context(), "v", 5).expect("done");
        host.expect("GET", "/vps/v/tasks/5").reply(200, task("blocked"));
        assert_eq!(api.wait(host.context(), "v", 5).expect_err("blocked").code, "ovh::task-failed");
    }

    #[test]
    fn a_service_account_fetches_one_token_and_nothing_is_signed() {
        let host = MockHost::new(SITE, "honeydue-ovh", "ovh/machine/node-1");
        host.secret(CLIENT_ID, "EU.id");
        host.secret(CLIENT_SECRET, "s");
        let api = Api::new(Some("eu"), None, None).expect("a site");
        let form =
            "grant_type=client_credentials&scope=all&client_id={{client-id}}&client_secret={{client-secret}}";
        let fetch = |expires: u32| {
            host.expect("POST", "https://www.ovh.com/auth/oauth2/token")
                .header("content-type", "application/x-www-form-urlencoded")
                .body(Value::String(form.to_owned()))
                .reply(200, json!({"access_token": "t", "token_type": "Bearer", "expires_in": expires, "scope": "all"}));
        };
        let ask = |wanted: u32| {
            for _ in 0..wanted {
                host.expect("GET", "/vps")
                    .header("authorization", "Bearer {{session.access-token}}")
                    .reply(200, json!([]));
                api.get("/vps").expect("with a token").send().expect("sent");
            }
        };
        fetch(3600);
        ask(2);
        host.set_now_ms(1_700_000_000_000 + 3_600_000);
        fetch(3600);
        ask(1);
        assert_eq!(host.secret_value(ACCESS_TOKEN).as_deref(), Some("t"));
    }

    #[test]
    fn a_login_that_is_missing_doubled_or_refused_says_so() {
        let host = MockHost::new(SITE, "honeydue-ovh", "ovh/machine/node-1");
        let api = Api::new(Some("eu"), None, None).expect("a site");
        let code = || api.get("/vps").err().expect("refused").code;
        assert_eq!(code(), "ovh::no-login");
        host.secret(CLIENT_ID, "EU.id");
        host.secret(CLIENT_SECRET, "s");
        // As the vendor's own tests have it: status 200, and 400 as the RFC has it.
        let refused =
            json!({"error": "invalid_client", "error_description": "ovhcloud oauth2 client does not exists"});
        host.expect("POST", "https://www.ovh.com/auth/oauth2/token").reply(400, refused);
        let fault = api.get("/vps").err().expect("refused");
        assert_eq!((fault.class.as_str(), fault.code.as_str()), ("auth", "ovh::invalid-client"));
        host.secret(APPLICATION_KEY, "k");
        assert_eq!(code(), "ovh::two-logins");
    }
}
