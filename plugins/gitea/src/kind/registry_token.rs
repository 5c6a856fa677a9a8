//! `registry-token`: an access token of an account. The token itself is told
//! once, and has no place for marks but the end of its name.

use honey_sdk::{
    Fault, Findings, Schema,
    once::Once,
    schema::Field,
    secrets::{self, STORED},
    set,
};
use serde::{Deserialize, Serialize};

use crate::{Gitea, api::Token};

const FIXED: &str = "Gitea cannot change a token";

/// An access token of an account.
pub struct RegistryToken;

/// What an operator asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Desired {
    /// Unique within the account.
    pub name: String,
    /// The account.
    pub username: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Whether honey holds it.
    pub credential: String,
}

impl Default for Desired {
    fn default() -> Self {
        Self {
            name: String::new(),
            username: String::new(),
            scopes: Vec::new(),
            credential: STORED.to_owned(),
        }
    }
}

/// What others may refer to.
#[derive(Clone, Debug, Serialize)]
pub struct Outputs {
    /// The account.
    pub username: String,
    /// Name of the secret that holds the token.
    pub secret: String,
}

impl Once for RegistryToken {
    type Plugin = Gitea;
    type Desired = Desired;
    type Outputs = Outputs;
    /// With the account that it belongs to.
    type Object = (String, Token);

    const NAME: &'static str = "registry-token";

    fn schema() -> Schema {
        Schema::new(
            Self::NAME,
            "An access token of a Gitea account. It is told once by Gitea and stored by honey.",
        )
        .field(Field::text("name", "Unique among the account's tokens.").required().immutable(FIXED))
        .field(Field::text("username", "The account.").required().immutable("a token belongs to one account"))
        .field(
            Field::texts("scopes", "What it may do, e.g. read:package.")
                .required()
                .unordered()
                .immutable(FIXED),
        )
        .field(
            Field::one_of("credential", &[STORED], "`stored` where honey holds the token.")
                .immutable("Gitea tells a token only once, and honey does not hold it"),
        )
        .output(Field::text("username", "The account."))
        .output(Field::text("secret", "Name of the secret that holds the token."))
    }

    fn check(_plugin: &Gitea, desired: &mut Desired, findings: &mut Findings) {
        for (field, value) in [("name", &desired.name), ("username", &desired.username)] {
            if !findings.is_unknown(field) && value.trim().is_empty() {
                findings.error("gitea::empty", &format!("/{field}"), format!("`{field}` is empty"));
            }
        }
        if Self::secret(&desired.name) == "password" {
            findings.error(
                "gitea::token-name",
                "/name",
                "`password` is the name of a secret of the plugin itself",
            );
        }
        if !findings.is_unknown("scopes") {
            desired.scopes = normal_scopes(&desired.scopes);
            if desired.scopes.is_empty() {
                findings.error("gitea::no-scopes", "/scopes", "Gitea makes no token without a scope");
            }
        }
    }

    fn wanted(desired: &Desired) -> &str {
        &desired.name
    }

    fn secret(name: &str) -> String {
        secrets::name_of(name)
    }

    fn list(plugin: &Gitea, desired: &Desired) -> Result<Vec<Self::Object>, Fault> {
        if desired.username.is_empty() {
            return Ok(Vec::new());
        }
        let all = plugin.api.tokens(&desired.username)?;
        Ok(all.into_iter().map(|token| (desired.username.clone(), token)).collect())
    }

    /// No single token can be asked for.
    fn get(plugin: &Gitea, id: &str) -> Result<Option<Self::Object>, Fault> {
        let Some((username, number)) = id.split_once('/') else { return Ok(None) };
        let all = plugin.api.tokens(username)?;
        let found = all.into_iter().find(|token| token.id.to_string() == number);
        Ok(found.map(|token| (username.to_owned(), token)))
    }

    fn id((username, token): &Self::Object) -> String {
        format!("{username}/{}", token.id)
    }

    fn name((_, token): &Self::Object) -> &str {
        &token.name
    }

    fn make(plugin: &Gitea, desired: &Desired, name: &str, secret: &str) -> Result<Self::Object, Fault> {
        let made = plugin.api.make_token(&desired.username, name, &desired.scopes, secret)?;
        Ok((desired.username.clone(), made))
    }

    fn delete(plugin: &Gitea, id: &str) -> Result<(), Fault> {
        let (username, number) = id.split_once('/').unwrap_or_default();
        plugin.api.delete_token(username, number)
    }

    fn told((username, token): &Self::Object, name: &str, _desired: Option<&Desired>) -> (Desired, Outputs) {
        let secret = Self::secret(name);
        let attributes = Desired {
            name: name.to_owned(),
            username: username.clone(),
            scopes: normal_scopes(token.scopes.as_deref().unwrap_or_default()),
            credential: secrets::credential(&secret),
        };
        (attributes, Outputs { username: username.clone(), secret: format!("gitea.{secret}") })
    }
}

/// As Gitea tells them back: writing includes reading, `all` includes everything.
fn normal_scopes(scopes: &[String]) -> Vec<String> {
    if scopes.iter().any(|scope| scope == "all") {
        let restricted = scopes.iter().any(|scope| scope == "public-only");
        return ["all", "public-only"][..if restricted { 2 } else { 1 }]
            .iter()
            .map(ToString::to_string)
            .collect();
    }
    let implied = |scope: &str| {
        scope
            .strip_prefix("read:")
            .is_some_and(|what| scopes.iter().any(|other| other.strip_prefix("write:") == Some(what)))
    };
    set::normal(scopes.iter().filter(|scope| !implied(scope)).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::normal_scopes;

    #[test]
    fn scopes_read_as_gitea_tells_them_back() {
        let normal =
            |scopes: &[&str]| normal_scopes(&scopes.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(normal(&["write:package", "read:package", "read:user"]), ["read:user", "write:package"]);
        assert_eq!(normal(&["read:user", "all"]), ["all"]);
    }
}
