//! A public key stored in the account, which a reinstall can name. It has no
//! place for marks but the end of its name.

use honey_sdk::{
    Context, Fault, Findings, Object, Ownership, Schema, State, http::percent, json, schema::Field,
    signature, ssh,
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
    fn state(self, ctx: Context, ownership: Ownership) -> State<SshKey> {
        State {
            id: self.name.clone(),
            ownership,
            attributes: Desired {
                name: signature::read(ctx, &self.name).0.to_owned(),
                public_key: ssh::essence(&self.key),
            },
            outputs: Outputs { id: self.name.clone(), name: self.name },
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
        ssh::check_key(&mut desired.public_key, "ovh::bad-key", findings);
    }

    fn find(
        plugin: &Ovh,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        let (name, ownership) = match (id, desired) {
            (Some(id), _) => (id.to_owned(), signature::ownership(ctx, id)),
            (None, Some(desired)) if !desired.name.is_empty() => {
                let all: Vec<String> = plugin.api.get("/me/sshKey")?.json()?;
                match signature::pick(ctx, &desired.name, all, |name| name, false)? {
                    Some(found) => found,
                    None => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        let found: Option<Found> = plugin.api.get(&format!("/me/sshKey/{}", percent(&name)))?.optional()?;
        Ok(found.map(|found| found.state(ctx, ownership)))
    }

    fn make(plugin: &Ovh, ctx: Context, desired: &Desired) -> Result<State<Self>, Fault> {
        let name = signature::sign(ctx, &desired.name);
        let body = json!({"keyName": name, "key": desired.public_key});
        plugin.api.post("/me/sshKey", &body)?.send()?;
        // The vendor answers with nothing.
        Ok(Found { name, key: desired.public_key.clone() }.state(ctx, Ownership::Ours))
    }

    /// One of the plain name stays as it is: nothing of a key can be changed.
    fn change(
        _plugin: &Ovh,
        _ctx: Context,
        found: State<Self>,
        _desired: &Desired,
    ) -> Result<State<Self>, Fault> {
        Ok(State { ownership: Ownership::Ours, ..found })
    }

    fn remove(plugin: &Ovh, _ctx: Context, id: &str) -> Result<(), Fault> {
        plugin.api.delete(&format!("/me/sshKey/{}", percent(id)))?.gone_is_done()
    }
}
