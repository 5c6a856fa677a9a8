//! Gitea's API v1: access tokens of an account. Tokens are listed, made and
//! deleted with the account's password only.

use honey_sdk::{
    Fault,
    http::{Client, Refusal, Reply, percent},
    json,
    paging::{self, Page},
};
use serde::Deserialize;

/// Tokens on a page: what Gitea gives at most unless it is configured otherwise.
const PAGE: usize = 50;

/// The server.
pub(crate) struct Api {
    endpoint: Option<String>,
}

/// An access token, without itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Token {
    pub(crate) id: u64,
    #[serde(default)]
    pub(crate) name: String,
    /// Null for tokens of old versions.
    #[serde(default)]
    pub(crate) scopes: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refused {
    message: String,
}

impl Api {
    pub(crate) fn new(endpoint: Option<String>) -> Self {
        Self { endpoint }
    }

    /// A client that signs in as this account.
    fn client(&self, username: &str) -> Result<Client, Fault> {
        let endpoint = self.endpoint.as_deref().ok_or_else(|| {
            Fault::invalid("gitea::no-endpoint", "the address of the server is not known")
                .with_help("set `endpoint` in the plugin's settings, e.g. https://git.example.com")
        })?;
        let base = format!("{}/api/v1", endpoint.trim_end_matches('/'));
        Ok(Client::new("gitea", base).basic(username, "password").refusals(read_refusal))
    }

    /// Every token of an account.
    pub(crate) fn tokens(&self, username: &str) -> Result<Vec<Token>, Fault> {
        let client = self.client(username)?;
        let path = format!("/users/{}/tokens", percent(username));
        let mut seen = 0;
        paging::all(|page: Option<&usize>| {
            let page = page.copied().unwrap_or(1);
            let request = client.get(&path).query("page", page.to_string()).query("limit", PAGE.to_string());
            let reply = request.send()?;
            let items: Vec<Token> = reply.json()?;
            seen += items.len();
            let total = reply.header("x-total-count").and_then(|total| total.parse::<usize>().ok());
            let more = total.map_or(items.len() >= PAGE, |total| seen < total) && !items.is_empty();
            Ok(Page { items, next: more.then_some(page + 1) })
        })
    }

    /// Makes a token; it is stored by the host before this returns.
    pub(crate) fn make_token(
        &self,
        username: &str,
        name: &str,
        scopes: &[String],
        secret: &str,
    ) -> Result<Token, Fault> {
        let client = self.client(username)?;
        client
            .post(&format!("/users/{}/tokens", percent(username)))
            .body(&json!({"name": name, "scopes": scopes}))
            .capture("/sha1", secret)
            .json()
    }

    /// Deletes a token; gone already is done.
    pub(crate) fn delete_token(&self, username: &str, id: &str) -> Result<(), Fault> {
        self.client(username)?
            .delete(&format!("/users/{}/tokens/{}", percent(username), percent(id)))
            .gone_is_done()
    }
}

fn read_refusal(reply: &Reply) -> Refusal {
    let refused: Refused = reply.json().unwrap_or_default();
    let used = reply.status == 400 && refused.message.contains("used already");
    let help = match reply.status {
        401 => Some(
            "check the account's name and the secret password; accounts with a second factor cannot be used",
        ),
        403 => Some("a token cannot have scopes that the account itself has not"),
        _ => None,
    };
    Refusal {
        message: refused.message,
        class: used.then_some("conflict"),
        help: help.map(str::to_owned),
        ..Refusal::default()
    }
}
