//! What the project holds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::books::Event;
use crate::clock::Clock;
use crate::random::Random;
use crate::vendor::hetzner::actions::Action;
use crate::vendor::reply::Reply;
use crate::world::World;

/// The project.
pub(crate) struct Project {
    pub(crate) world: Arc<World>,
    pub(crate) random: Random,
    state: Mutex<State>,
}

/// Objects by their ids, in the vendor's own JSON where nothing is computed.
pub(crate) struct State {
    next: u64,
    pub(crate) actions: BTreeMap<u64, Action>,
    pub(crate) servers: BTreeMap<u64, Value>,
    pub(crate) ssh_keys: BTreeMap<u64, Value>,
    pub(crate) firewalls: BTreeMap<u64, Value>,
    pub(crate) networks: BTreeMap<u64, Value>,
    pub(crate) placement_groups: BTreeMap<u64, Value>,
    pub(crate) primary_ips: BTreeMap<u64, Value>,
}

impl State {
    /// A fresh identifier.
    pub(crate) fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Running actions on a resource.
    pub(crate) fn busy(&self, kind: &str, id: u64) -> bool {
        self.actions.values().any(|action| action.runs_on(kind, id))
    }
}

impl Project {
    pub(crate) fn new(world: &Arc<World>) -> Self {
        let random = world.random("hetzner/objects");
        let next = random.between(10_000_000, 90_000_000);
        Self {
            world: world.clone(),
            random,
            state: Mutex::new(State {
                next,
                actions: BTreeMap::new(),
                servers: BTreeMap::new(),
                ssh_keys: BTreeMap::new(),
                firewalls: BTreeMap::new(),
                networks: BTreeMap::new(),
                placement_groups: BTreeMap::new(),
                primary_ips: BTreeMap::new(),
            }),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an object event into the books.
    pub(crate) fn note(&self, kind: &str, object: &Value, event: Event) {
        let id = object["id"].to_string();
        let name = object["name"].as_str().unwrap_or_default();
        self.world.note("hetzner", kind, &id, name, event);
    }
}

/// Finds an object by the id in a path.
pub(crate) fn find<'a>(
    objects: &'a mut BTreeMap<u64, Value>,
    id: &str,
    what: &str,
) -> Result<&'a mut Value, Reply> {
    id.parse::<u64>()
        .ok()
        .and_then(|id| objects.get_mut(&id))
        .ok_or_else(|| super::error(404, "not_found", &format!("{what} with ID '{id}' not found")))
}

/// Whether a name is used, by another object than `except`.
pub(crate) fn used(objects: &BTreeMap<u64, Value>, name: &str, except: Option<u64>) -> bool {
    objects.iter().any(|(id, object)| object["name"] == name && Some(*id) != except)
}

/// An object's labels of a body, or none.
pub(crate) fn labels_of(body: &Value) -> Value {
    body.get("labels").filter(|labels| labels.is_object()).cloned().unwrap_or(json!({}))
}

/// Now, as the vendor writes it.
pub(crate) fn now() -> String {
    Clock::rfc3339()
}

/// Answers a PUT of `{name, labels}`.
pub(crate) fn rename(
    objects: &mut BTreeMap<u64, Value>,
    id: &str,
    what: &str,
    body: &Value,
) -> Result<Value, Reply> {
    let found = find(objects, id, what)?["id"].as_u64().unwrap_or(0);
    if let Some(name) = body["name"].as_str()
        && used(objects, name, Some(found))
    {
        return Err(super::taken(&format!("{what} with the same name"), "name"));
    }
    let object = find(objects, id, what)?;
    for key in ["name", "labels"] {
        if let Some(value) = body.get(key) {
            object[key] = value.clone();
        }
    }
    Ok(object.clone())
}
