//! `registry-token`: an access token of an account. Names are unique within
//! the account; the token itself is told once.

use honey_sdk::{
    Context, Fault, Findings, Kind, Outcome, Ownership, Schema, State, Value, log,
    once::{self, Once},
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

impl Kind for RegistryToken {
    type Plugin = Gitea;
    type Desired = Desired;
    type Outputs = Outputs;

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
        if secret_of(&desired.name) == "password" {
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

    fn read(
        plugin: &Gitea,
        _ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        match (id.and_then(|id| id.split_once('/')), desired) {
            (Some((username, number)), _) => {
                let found =
                    plugin.api.tokens(username)?.into_iter().find(|token| token.id.to_string() == number);
                Ok(found.map(|token| state(username, &token, Ownership::Ours)))
            }
            (None, Some(desired)) if !desired.name.is_empty() && !desired.username.is_empty() => {
                let ours = secrets::exists(&secret_of(&desired.name));
                let ownership = if ours { Ownership::Ours } else { Ownership::Unmarked };
                Ok(named(plugin, desired)?.map(|token| state(&desired.username, &token, ownership)))
            }
            _ => Ok(None),
        }
    }

    fn create(
        plugin: &Gitea,
        ctx: Context,
        desired: &Desired,
        resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let made =
            once::make(ctx, resume.as_ref(), &Making { plugin, desired, secret: &secret_of(&desired.name) })?;
        Ok(state(&desired.username, &made, Ownership::Ours).into())
    }

    fn adopt(
        plugin: &Gitea,
        ctx: Context,
        found: State<Self>,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        if found.attributes.credential == STORED && found.attributes.scopes == normal_scopes(&desired.scopes)
        {
            return Ok(State { ownership: Ownership::Ours, ..found }.into());
        }
        log::warn(&format!(
            "nobody can tell the token `{}` again; it is deleted and made anew",
            desired.name
        ));
        Self::delete(plugin, ctx, &found.id, None)?;
        Self::create(plugin, ctx, desired, None)
    }

    fn delete(plugin: &Gitea, ctx: Context, id: &str, _resume: Option<Value>) -> Result<Outcome<()>, Fault> {
        let Some(found) = Self::read(plugin, ctx, Some(id), None)? else { return Ok(Outcome::Done(())) };
        if let Some((username, number)) = id.split_once('/') {
            plugin.api.delete_token(username, number)?;
            secrets::forget(&secret_of(&found.attributes.name))?;
        }
        Ok(Outcome::Done(()))
    }
}

struct Making<'a> {
    plugin: &'a Gitea,
    desired: &'a Desired,
    secret: &'a str,
}

impl Once for Making<'_> {
    type Object = Token;

    fn secret(&self) -> &str {
        self.secret
    }

    fn find(&self) -> Result<Vec<Token>, Fault> {
        Ok(named(self.plugin, self.desired)?.into_iter().collect())
    }

    fn id(&self, token: &Token) -> String {
        id_of(&self.desired.username, token)
    }

    fn make(&self) -> Result<Token, Fault> {
        let Desired { username, name, scopes, .. } = self.desired;
        self.plugin.api.make_token(username, name, scopes, self.secret)
    }

    fn delete(&self, token: &Token) -> Result<(), Fault> {
        self.plugin.api.delete_token(&self.desired.username, &token.id.to_string())
    }
}

fn named(plugin: &Gitea, desired: &Desired) -> Result<Option<Token>, Fault> {
    Ok(plugin.api.tokens(&desired.username)?.into_iter().find(|token| token.name == desired.name))
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

fn id_of(username: &str, token: &Token) -> String {
    format!("{username}/{}", token.id)
}

fn state(username: &str, token: &Token, ownership: Ownership) -> State<RegistryToken> {
    let secret = secret_of(&token.name);
    State {
        id: id_of(username, token),
        attributes: Desired {
            name: token.name.clone(),
            username: username.to_owned(),
            scopes: normal_scopes(token.scopes.as_deref().unwrap_or_default()),
            credential: secrets::credential(&secret),
        },
        outputs: Outputs { username: username.to_owned(), secret: format!("gitea.{secret}") },
        ownership,
    }
}

/// A name in the alphabet of secrets' names.
pub(crate) fn secret_of(name: &str) -> String {
    secrets::name_of(name)
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
