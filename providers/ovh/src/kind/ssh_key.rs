//! A public key stored in the account, which a reinstall can name.

use honey_sdk::{
    Context, Fault, Findings, Object, Ownership, Schema, State, http::percent, json, schema::Field,
    ssh::essence,
};
use serde::{Deserialize, Serialize};

use crate::Ovh;

/// See the module.
pub(crate) struct SshKey;

/// What an operator may ask for.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Desired {
    name: String,
    public_key: String,
}

/// What others may refer to.
#[derive(Serialize)]
pub(crate) struct Outputs {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Found {
    #[serde(rename = "keyName")]
    name: String,
    key: String,
}

impl Found {
    /// There is no place for a mark but the name. The very key that is wanted
    /// under the very name is as good as ours.
    fn state(self, ctx: Context, desired: Option<&Desired>) -> State<SshKey> {
        let public_key = essence(&self.key);
        let same = desired.is_some_and(|desired| essence(&desired.public_key) == public_key);
        let ours = same || self.name.starts_with(&format!("{}-", ctx.owner()));
        State {
            id: self.name.clone(),
            ownership: if ours { Ownership::Ours } else { Ownership::Unmarked },
            outputs: Outputs { id: self.name.clone(), name: self.name.clone() },
            attributes: Desired { name: self.name, public_key },
        }
    }
}

impl Object for SshKey {
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

    fn find(
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
        Ok(found.map(|found| found.state(ctx, desired)))
    }

    fn make(plugin: &Ovh, ctx: Context, desired: &Desired) -> Result<State<Self>, Fault> {
        let body = json!({"keyName": desired.name, "key": desired.public_key});
        plugin.api.post("/me/sshKey", &body)?.send()?;
        // The vendor answers with nothing.
        let made = Found { name: desired.name.clone(), key: desired.public_key.clone() };
        Ok(made.state(ctx, Some(desired)))
    }

    fn remove(plugin: &Ovh, _ctx: Context, id: &str) -> Result<(), Fault> {
        plugin.api.delete(&format!("/me/sshKey/{}", percent(id)))?.gone_is_done()
    }
}
