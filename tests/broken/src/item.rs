//! An item, made well or badly.

use honey_sdk::{
    Context, Fault, Findings, Kind, Outcome, Ownership, Schema, State, Value, json,
    marks::{self, Marks},
    random,
    schema::Field,
};
use serde::{Deserialize, Serialize};

use crate::{Broken, api};

/// Longest mark.
const MARK: usize = 100;

pub(crate) struct Item;

#[derive(Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Desired {
    name: String,
    size: u64,
}

impl Default for Desired {
    fn default() -> Self {
        Self { name: String::new(), size: 1 }
    }
}

#[derive(Serialize)]
pub(crate) struct Outputs {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

impl Kind for Item {
    type Plugin = Broken;
    type Desired = Desired;
    type Outputs = Outputs;

    const NAME: &'static str = "item";

    fn schema() -> Schema {
        Schema::new(Self::NAME, "An item.")
            .field(Field::text("name", "Its name.").required().immutable("an item cannot be renamed"))
            .field(Field::number("size", "Its size; 1 when not given."))
            .output(Field::text("id", "The vendor's id."))
            .optional_output(Field::text("password", "What must not be here."))
    }

    fn check(plugin: &Broken, desired: &mut Desired, findings: &mut Findings) {
        desired.name = desired.name.to_lowercase();
        let unknown = findings.is_unknown("name") && !plugin.breaks("check-accepts-unknown");
        if desired.name.is_empty() && !unknown {
            findings.error("broken::name", "/name", "an item needs a name");
        }
        if plugin.breaks("check-is-pure") {
            let _ = plugin.api.list();
        }
        if plugin.breaks("check-is-stable") {
            desired.size = u64::from_le_bytes(random::bytes(8).try_into().unwrap_or_default()) >> 12;
        }
        if plugin.breaks("check-is-idempotent") {
            desired.size += 1;
        }
        #[cfg(target_os = "wasi")]
        if plugin.breaks("no-ambient-authority") && std::time::SystemTime::now() == std::time::UNIX_EPOCH {
            desired.size = 0;
        }
    }

    fn read(
        plugin: &Broken,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        if plugin.breaks("stays-within-limits") {
            let mut all: Vec<Vec<u8>> = Vec::new();
            loop {
                all.push(vec![1; 1 << 20]);
                std::hint::black_box(&all);
            }
        }
        let marks = Marks::of(ctx, MARK);
        let found = match id {
            Some(id) => plugin.api.get(id)?,
            None if plugin.breaks("create-twice-makes-one") => None,
            None => {
                let all = plugin.api.list()?;
                let ours = |one: &&api::Item| one.note == marks.comment();
                let named = |one: &&api::Item| desired.is_some_and(|desired| desired.name == one.name);
                all.iter().find(ours).or_else(|| all.iter().find(named)).cloned()
            }
        };
        if plugin.breaks("reads-change-nothing") && found.is_some() {
            plugin.api.create(&json!({ "name": "seen", "size": 1, "note": "seen" }), "seen.password")?;
        }
        Ok(found.map(|found| state(plugin, &marks, found)))
    }

    fn create(
        plugin: &Broken,
        ctx: Context,
        desired: &Desired,
        resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let marks = Marks::of(ctx, MARK);
        if let Some(id) = resume.as_ref().and_then(|progress| progress["id"].as_str())
            && let Some(found) = plugin.api.get(id)?
        {
            return Ok(state(plugin, &marks, found).into());
        }
        if plugin.breaks("interruption-makes-no-second") {
            // From here on nobody looks for marks any more.
            ctx.checkpoint("", &json!({ "begun": true }));
        }
        let body = json!({ "name": desired.name, "size": desired.size, "note": marks.comment() });
        let secret = format!("{}.password", desired.name);
        let mut made = plugin.api.create(&body, &secret);
        if made.is_err() && plugin.breaks("lost-answer-makes-no-second") {
            made = plugin.api.create(&body, &secret);
        }
        let mut made = made?;
        if plugin.breaks("create-makes-one") {
            plugin.api.create(&body, &secret)?;
        }
        if plugin.breaks("apply-tells-what-read-finds") {
            made.size = 0;
        }
        ctx.checkpoint(&made.id.to_string(), &json!({ "id": made.id.to_string() }));
        Ok(state(plugin, &marks, made).into())
    }

    fn update(
        plugin: &Broken,
        ctx: Context,
        id: &str,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let marks = Marks::of(ctx, MARK);
        let mut body = json!({ "size": desired.size, "note": marks.comment() });
        if plugin.breaks("update-converges") {
            body = json!({ "note": marks.comment() });
        }
        if plugin.breaks("adopt-takes-over") {
            body = json!({ "size": desired.size });
        }
        let changed = plugin.api.change(id, &body)?;
        Ok(state(plugin, &marks, changed).into())
    }

    fn delete(
        plugin: &Broken,
        _ctx: Context,
        id: &str,
        _resume: Option<Value>,
    ) -> Result<Outcome<()>, Fault> {
        if !plugin.breaks("delete-leaves-nothing") {
            plugin.api.delete(id)?;
        }
        Ok(Outcome::Done(()))
    }
}

fn state(plugin: &Broken, marks: &Marks, found: api::Item) -> State<Item> {
    let name = if plugin.breaks("read-after-create-equals-desired") {
        found.name.to_uppercase()
    } else {
        found.name
    };
    let ownership = match marks.ownership(marks::in_comment(&found.note, marks::OWNER)) {
        _ if plugin.breaks("owners-are-respected") => Ownership::Ours,
        ownership => ownership,
    };
    State {
        id: found.id.to_string(),
        ownership,
        outputs: Outputs { id: found.id.to_string(), password: found.password },
        attributes: Desired { name, size: found.size },
    }
}
