//! A public key that new servers accept.

use honey_sdk::{Fault, Findings, Schema, Value, json, schema::Field, ssh};
use serde::{Deserialize, Serialize};

use super::labelled::Labelled;
use crate::api::{Collection, Found};

/// See the module.
pub(crate) struct SshKey;

/// What an operator may ask for.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Desired {
    name: String,
    public_key: String,
}

impl Labelled for SshKey {
    type Desired = Desired;

    const NAME: &'static str = "ssh-key";
    const OBJECTS: Collection = Collection { path: "/ssh_keys", many: "ssh_keys", one: "ssh_key" };

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

    fn check(desired: &mut Desired, findings: &mut Findings) {
        ssh::check_key(&mut desired.public_key, "hetzner::bad-key", findings);
    }

    fn name(desired: &Desired) -> &str {
        &desired.name
    }

    fn order(desired: &Desired) -> Value {
        json!({"name": desired.name, "public_key": desired.public_key})
    }

    const THROUGH_ALL: Option<fn(Vec<Found>, &Desired) -> Result<Option<Found>, Fault>> = Some(by_name);

    fn attributes(found: &Found) -> Result<Desired, Fault> {
        Ok(Desired { name: found.text("name"), public_key: ssh::essence(&found.text("public_key")) })
    }

    fn outputs(found: &Found) -> Value {
        json!({"id": found.id(), "name": found.text("name"), "fingerprint": found.text("fingerprint")})
    }
}

/// The key of the wanted name. The vendor keeps each key once, whatever it is called.
fn by_name(all: Vec<Found>, desired: &Desired) -> Result<Option<Found>, Fault> {
    let (mut named, others): (Vec<Found>, Vec<Found>) =
        all.into_iter().partition(|found| found.text("name") == desired.name);
    if let Some(found) = named.pop() {
        return Ok(Some(found));
    }
    let wanted = ssh::essence(&desired.public_key);
    let same = others.into_iter().find(|found| ssh::essence(&found.text("public_key")) == wanted);
    let Some(known) = same.filter(|_| !wanted.is_empty()) else { return Ok(None) };
    let name = known.text("name");
    Err(Fault::conflict(
        "hetzner::key-known",
        format!("this key is in the project already, as `{name}`, and the vendor keeps a key only once"),
    )
    .with_help(format!(
        "use it: `ssh_keys = [\"{name}\"]` in the instance's `machine` table, and no `ssh-public-key` in [cluster]; \
         or delete `{name}` at the vendor"
    )))
}
