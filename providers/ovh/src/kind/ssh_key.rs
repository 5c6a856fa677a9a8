//! A public key stored in the account, which a reinstall can name.

use honey_sdk::{
    Context, Fault, Findings, Kind, Outcome, Ownership, Schema, State, Value, http::percent, json,
    schema::Field,
};
use serde::{Deserialize, Serialize};

use crate::Ovh;

/// See the module.
pub(crate) struct SshKey;

/// What an operator may ask for.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Desired {
    name: String,
    public_key: String,
}

/// What others may refer to.
#[derive(Debug, Serialize)]
pub(crate) struct Outputs {
    id: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Found {
    #[serde(rename = "keyName")]
    name: String,
    key: String,
}

/// Type and key without the comment, which says nothing about the key.
fn essence(key: &str) -> String {
    key.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

impl Kind for SshKey {
    type Plugin = Ovh;
    type Desired = Desired;
    type Outputs = Outputs;

    const NAME: &'static str = "ssh-key";

    fn schema() -> Schema {
        Schema::new(Self::NAME, "A public key stored in the account.")
            .field(
                Field::text("name", "Its name in the account.")
                    .required()
                    .immutable("a stored key cannot be renamed"),
            )
            .field(
                Field::text("public_key", "As in a `.pub` file.")
                    .required()
                    .immutable("a stored key cannot be changed"),
            )
            .output(Field::text("id", "Its name, which is its id."))
            .output(Field::text("name", "Its name."))
    }

    fn check(_plugin: &Ovh, desired: &mut Desired, findings: &mut Findings) {
        desired.public_key = essence(&desired.public_key);
        if !desired.public_key.contains(' ') && !findings.is_unknown("public_key") {
            findings.error(
                "ovh::bad-key",
                "/public_key",
                "a public key has a type and a key, as in a .pub file",
            );
        }
    }

    fn read(
        plugin: &Ovh,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        let Some(name) = id.or(desired.map(|desired| desired.name.as_str())).filter(|name| !name.is_empty())
        else {
            return Ok(None);
        };
        let found: Option<Found> = plugin.api.get(&format!("/me/sshKey/{}", percent(name)))?.optional()?;
        Ok(found.map(|found| {
            let public_key = essence(&found.key);
            // There is no place for a mark but the name. The very key that is
            // wanted under the very name is as good as ours.
            let same = desired.is_some_and(|desired| essence(&desired.public_key) == public_key);
            let ours = same || found.name.starts_with(&format!("{}-", ctx.owner()));
            State {
                id: found.name.clone(),
                ownership: if ours { Ownership::Ours } else { Ownership::Unmarked },
                outputs: Outputs { id: found.name.clone(), name: found.name.clone() },
                attributes: Desired { name: found.name, public_key },
            }
        }))
    }

    fn create(
        plugin: &Ovh,
        ctx: Context,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let body = json!({"keyName": desired.name, "key": desired.public_key});
        plugin.api.post("/me/sshKey", &body)?.send()?;
        Self::read(plugin, ctx, None, Some(desired))?
            .map(Into::into)
            .ok_or_else(|| Fault::malformed("the key that was stored is not there"))
    }

    fn delete(plugin: &Ovh, _ctx: Context, id: &str, _resume: Option<Value>) -> Result<Outcome<()>, Fault> {
        plugin.api.delete(&format!("/me/sshKey/{}", percent(id)))?.gone_is_done().map(Outcome::Done)
    }
}
