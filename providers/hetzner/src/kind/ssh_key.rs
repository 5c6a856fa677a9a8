//! A public key that new servers accept.

use honey_sdk::{Context, Fault, Findings, Kind, Outcome, Schema, State, Value, json, schema::Field};
use serde::{Deserialize, Serialize};

use crate::{
    Hetzner,
    api::{self, Labelled, Labels},
};

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
    fingerprint: String,
}

#[derive(Debug, Deserialize)]
struct Found {
    id: u64,
    name: String,
    fingerprint: String,
    public_key: String,
    #[serde(default)]
    labels: Labels,
}

impl Labelled for Found {
    const PATH: &'static str = "/ssh_keys";
    const MANY: &'static str = "ssh_keys";
    const ONE: &'static str = "ssh_key";
    fn id(&self) -> u64 {
        self.id
    }
    fn labels(&self) -> &Labels {
        &self.labels
    }
}

/// Type and key without the comment, which says nothing about the key.
fn essence(key: &str) -> String {
    key.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

fn state(ctx: Context, found: Found) -> State<SshKey> {
    State {
        id: found.id.to_string(),
        ownership: api::ownership(ctx, &found.labels),
        attributes: Desired { name: found.name.clone(), public_key: essence(&found.public_key) },
        outputs: Outputs { id: found.id.to_string(), name: found.name, fingerprint: found.fingerprint },
    }
}

impl Kind for SshKey {
    type Plugin = Hetzner;
    type Desired = Desired;
    type Outputs = Outputs;

    const NAME: &'static str = "ssh-key";

    fn schema() -> Schema {
        Schema::new(Self::NAME, "A public key that new servers accept.")
            .field(Field::text("name", "Its name, unique in the project.").required())
            .field(
                Field::text("public_key", "As in a `.pub` file.")
                    .required()
                    .immutable("the vendor cannot change a key, only its name"),
            )
            .output(Field::text("id", "The vendor's id."))
            .output(Field::text("name", "Its name."))
            .output(Field::text("fingerprint", "MD5 fingerprint."))
    }

    fn check(_plugin: &Hetzner, desired: &mut Desired, findings: &mut Findings) {
        desired.public_key = essence(&desired.public_key);
        if !desired.public_key.contains(' ') && !findings.is_unknown("public_key") {
            findings.error(
                "hetzner::bad-key",
                "/public_key",
                "a public key has a type and a key, as in a .pub file",
            );
        }
    }

    fn read(
        plugin: &Hetzner,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        let found = plugin.api.find(ctx, id, desired.map(|desired| desired.name.as_str()))?;
        Ok(found.map(|found| state(ctx, found)))
    }

    fn create(
        plugin: &Hetzner,
        ctx: Context,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let body =
            json!({"name": desired.name, "public_key": desired.public_key, "labels": api::our_labels(ctx)});
        let answer = plugin.api.client.post("/ssh_keys").body(&body).json().map_err(|fault: Fault| {
            if fault.vendor_code() == "uniqueness_error" {
                return fault.with_help("the project has this key under another name: use that name and let the configuration adopt it");
            }
            fault
        })?;
        Ok(state(ctx, api::one(answer)?).into())
    }

    fn update(
        plugin: &Hetzner,
        ctx: Context,
        id: &str,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let found: Found = plugin.api.find(ctx, Some(id), None)?.ok_or_else(|| gone(id))?;
        plugin.api.rename(ctx, &found, &desired.name, None)?;
        Ok(Self::read(plugin, ctx, Some(id), None)?.ok_or_else(|| gone(id))?.into())
    }

    fn delete(
        plugin: &Hetzner,
        ctx: Context,
        id: &str,
        _resume: Option<Value>,
    ) -> Result<Outcome<()>, Fault> {
        plugin.api.delete::<Found>(ctx, id).map(Outcome::Done)
    }
}

fn gone(id: &str) -> Fault {
    Fault::not_found("hetzner::gone", format!("ssh key {id} is gone"))
}
