//! A public key that new servers accept.

use honey_sdk::{Context, Fault, Findings, Object, Schema, State, json, schema::Field, ssh::essence};
use serde::{Deserialize, Serialize};

use super::labelled::{self, Labelled};
use crate::{
    Hetzner,
    api::{Collection, Found},
};

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
    fingerprint: String,
}

impl Labelled for SshKey {
    const OBJECTS: Collection = Collection { path: "/ssh_keys", many: "ssh_keys", one: "ssh_key" };

    fn name(desired: &Desired) -> &str {
        &desired.name
    }

    fn state(ctx: Context, found: &Found) -> Result<State<Self>, Fault> {
        Ok(State {
            id: found.id(),
            ownership: found.ownership(ctx),
            attributes: Desired { name: found.text("name"), public_key: essence(&found.text("public_key")) },
            outputs: Outputs {
                id: found.id(),
                name: found.text("name"),
                fingerprint: found.text("fingerprint"),
            },
        })
    }
}

impl Object for SshKey {
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

    fn find(
        plugin: &Hetzner,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        labelled::find(plugin, ctx, id, desired)
    }

    fn make(plugin: &Hetzner, ctx: Context, desired: &Desired) -> Result<State<Self>, Fault> {
        let body = json!({"name": desired.name, "public_key": desired.public_key});
        let made = plugin.api.make(ctx, &Self::OBJECTS, body).map_err(|fault| {
            if fault.vendor_code() == "uniqueness_error" {
                return fault.with_help("the project has this key under another name: use that name and let the configuration adopt it");
            }
            fault
        })?;
        Self::state(ctx, &made)
    }

    fn change(
        plugin: &Hetzner,
        ctx: Context,
        found: State<Self>,
        desired: &Desired,
    ) -> Result<State<Self>, Fault> {
        labelled::rename(plugin, ctx, found, desired)
    }

    fn remove(plugin: &Hetzner, ctx: Context, id: &str) -> Result<(), Fault> {
        plugin.api.delete(ctx, &Self::OBJECTS, id)
    }
}
