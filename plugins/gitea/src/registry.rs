//! The registry of a Gitea, read side of the OCI distribution API: signing in
//! and asking for manifests and tags.

use honey_sdk::{
    Fault, cache,
    http::{Client, Part, Refusal, Reply},
    secrets,
};
use serde::{Deserialize, Serialize};

use crate::{
    challenge::{Challenge, origin, path_of},
    manifest::ACCEPT,
    reference::Reference,
};

/// One repository of a registry.
pub(crate) struct Registry<'a> {
    client: Client,
    reference: &'a Reference,
    /// None: anonymously.
    username: Option<String>,
}

/// How the registry wants to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum SignIn {
    /// It does not care.
    Open,
    /// With a token that it hands out.
    Bearer,
    /// With the account's password.
    Basic,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refused {
    errors: Vec<VendorFault>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct VendorFault {
    code: String,
    message: String,
}

#[derive(Debug, Deserialize)]
struct Tags {
    /// Null where there are none.
    #[serde(default)]
    tags: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Handed {}

impl<'a> Registry<'a> {
    /// The registry of an image, at `origin` where that is given.
    pub(crate) fn new(origin: Option<&str>, username: Option<&str>, reference: &'a Reference) -> Self {
        let base = origin.map_or_else(|| format!("https://{}", reference.host()), str::to_owned);
        let username = secrets::exists("password").then(|| username.unwrap_or(reference.owner()).to_owned());
        Self { client: Client::new("gitea", base).refusals(read_refusal), reference, username }
    }

    /// A manifest: only its headers with `HEAD`.
    pub(crate) fn manifest(&self, method: &str, version: &str) -> Result<Reply, Fault> {
        self.ask(method, &format!("/v2/{}/manifests/{version}", self.reference.repository()), ACCEPT)
    }

    /// The tags of the repository, at most a hundred.
    pub(crate) fn tags(&self) -> Result<Vec<String>, Fault> {
        let path = format!("/v2/{}/tags/list?n=100", self.reference.repository());
        let reply = self.accepted(self.ask("GET", &path, "application/json")?)?;
        Ok(reply.json::<Tags>()?.tags.unwrap_or_default())
    }

    /// A reply of the 200s, or a fault in the registry's own words.
    pub(crate) fn accepted(&self, reply: Reply) -> Result<Reply, Fault> {
        if (200..300).contains(&reply.status) { Ok(reply) } else { Err(self.refused(&reply)) }
    }

    /// Why the registry did not answer. A refused HEAD has no body.
    pub(crate) fn refused(&self, reply: &Reply) -> Fault {
        let mut fault = self.client.refused(reply);
        let image = format!("{}/{}", self.reference.host(), self.reference.repository());
        match (reply.status, &self.username) {
            (404, _) => {
                fault.code = String::from("gitea::no-such-image");
                fault.message =
                    format!("there is no image {image} with the version `{}`", self.reference.version());
                fault.with_help("push it, or check name and tag")
            }
            (401 | 403, Some(username)) => {
                fault.message = format!("`{username}` may not read {image}");
                fault.with_help("check the secret password and the setting username of the plugin")
            }
            (401 | 403, None) => {
                fault.message = format!("{image} cannot be read anonymously");
                fault.with_help("give the plugin the secret password, and the setting username where it is not the image's owner")
            }
            _ => fault,
        }
    }

    /// Asks; signs in where that is needed, and again when the token of this run is no longer good.
    fn ask(&self, method: &str, path: &str, accept: &str) -> Result<Reply, Fault> {
        let key = format!("sign-in:{}:{}", self.client.base(), self.username.as_deref().unwrap_or_default());
        let kept: Option<SignIn> = cache::get(&key);
        let sign_in = match kept {
            Some(sign_in) => sign_in,
            None => self.sign_in(&key)?,
        };
        let reply = self.send(method, path, accept, sign_in)?;
        if reply.status == 401 && kept == Some(SignIn::Bearer) {
            let sign_in = self.sign_in(&key)?;
            return self.send(method, path, accept, sign_in);
        }
        Ok(reply)
    }

    fn send(&self, method: &str, path: &str, accept: &str, sign_in: SignIn) -> Result<Reply, Fault> {
        let client = match (sign_in, &self.username) {
            (SignIn::Bearer, _) => self.client.clone().bearer(&self.session()),
            (SignIn::Basic, Some(username)) => self.client.clone().basic(username, "password"),
            _ => self.client.clone(),
        };
        client.request(method, path).idempotent(true).header("accept", accept).send_any()
    }

    /// Where the host keeps the registry's token. No access token has a dot in its secret's name.
    fn session(&self) -> String {
        match &self.username {
            Some(username) => format!("registry.user-{}", secrets::name_of(username)),
            None => "registry.anonymous".to_owned(),
        }
    }

    fn sign_in(&self, key: &str) -> Result<SignIn, Fault> {
        let reply = self.client.get("/v2/").send_any()?;
        let sign_in = match reply.status {
            200..=299 => SignIn::Open,
            401 => self.answer(&reply)?,
            _ => return Err(self.client.refused(&reply)),
        };
        cache::set(key, &sign_in);
        Ok(sign_in)
    }

    /// Does what the challenge asks for.
    fn answer(&self, reply: &Reply) -> Result<SignIn, Fault> {
        let header = reply.header("www-authenticate").unwrap_or_default();
        let Some(challenge) = Challenge::parse(header) else {
            return match header.get(..6) {
                Some(scheme) if scheme.eq_ignore_ascii_case("basic ") => Ok(SignIn::Basic),
                _ => Err(Fault {
                    message: "the registry wants a sign-in and does not say how".to_owned(),
                    ..self.client.refused(reply)
                }),
            };
        };
        let here = origin(self.client.base());
        let realm = origin(&challenge.realm);
        // Behind another address than its own, a server names its own one.
        let by_name = origin(&format!("https://{}", self.reference.host()));
        if realm.is_none() || (realm != here && realm != by_name) {
            return Err(Fault::new(
                "forbidden",
                "gitea::foreign-realm",
                format!(
                    "the registry wants credentials to be sent to `{}`, which is not where it is itself",
                    challenge.realm
                ),
            )
            .with_help("check ROOT_URL of the Gitea server"));
        }
        let mut request = self.client.get(path_of(&challenge.realm)).capture("/token", &self.session());
        if let Some(service) = &challenge.service {
            request = request.query("service", service);
        }
        if let Some(scope) = &challenge.scope {
            request = request.query("scope", scope);
        }
        if let Some(username) = &self.username {
            let pair = vec![
                honey_sdk::http::Piece::Text(format!("{username}:")),
                honey_sdk::http::Piece::Secret("password".to_owned()),
            ];
            request =
                request.header("authorization", vec![Part::Text("Basic ".to_owned()), Part::Base64(pair)]);
        }
        let handed = request.send_any()?;
        self.accepted(handed)?.json::<Handed>()?;
        Ok(SignIn::Bearer)
    }
}

fn read_refusal(reply: &Reply) -> Refusal {
    let refused: Refused = reply.json().unwrap_or_default();
    let Some(first) = refused.errors.into_iter().next() else { return Refusal::default() };
    let class = match first.code.as_str() {
        "MANIFEST_UNKNOWN" | "NAME_UNKNOWN" | "BLOB_UNKNOWN" => Some("not-found"),
        "DENIED" => Some("forbidden"),
        "UNSUPPORTED" => Some("unsupported"),
        "TOOMANYREQUESTS" => Some("rate-limited"),
        _ => None,
    };
    Refusal { code: first.code, message: first.message, class, ..Refusal::default() }
}
