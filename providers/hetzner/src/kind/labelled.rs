//! What the small kinds share: found by marks or name, renamed in place, all
//! their work done in single steps.

use std::marker::PhantomData;

use honey_sdk::{Context, Fault, Findings, Kind, Outcome, Schema, State, Value};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Hetzner,
    api::{Api, Collection, Found},
};

/// A kind of objects with a number, a name and labels.
pub(crate) trait Labelled: Sized + 'static {
    /// As [`Kind::Desired`].
    type Desired: Serialize + DeserializeOwned + Default;

    /// As [`Kind::NAME`].
    const NAME: &'static str;
    /// Where they are.
    const OBJECTS: Collection;

    /// As [`Kind::schema`].
    fn schema() -> Schema;

    /// As [`Kind::check`].
    fn check(_desired: &mut Self::Desired, _findings: &mut Findings) {}

    /// Its name in a desired value.
    fn name(desired: &Self::Desired) -> &str;

    /// What one is ordered with, but our marks.
    fn order(desired: &Self::Desired) -> Value;

    /// In the shape of a desired value.
    fn attributes(found: &Found) -> Result<Self::Desired, Fault>;

    /// What others may refer to.
    fn outputs(found: &Found) -> Value;

    /// Where the vendor refuses more than a second object of one name: looks through all of them for the
    /// one of the wanted name, which costs no more than asking for the name, and says what an order would
    /// be refused for.
    const THROUGH_ALL: Option<fn(Vec<Found>, &Self::Desired) -> Result<Option<Found>, Fault>> = None;

    /// Changes what neither an order nor a rename can say, and says so in `now`.
    fn adjust(
        _api: &Api,
        _ctx: Context,
        _found: &Found,
        _now: &mut Self::Desired,
        _desired: &Self::Desired,
    ) -> Result<(), Fault> {
        Ok(())
    }
}

/// The kind of [`Labelled`] objects.
pub(crate) struct Of<K>(PhantomData<K>);

fn state<K: Labelled>(ctx: Context, found: &Found, attributes: K::Desired) -> State<Of<K>> {
    State { id: found.id(), ownership: found.ownership(ctx), attributes, outputs: K::outputs(found) }
}

/// The object as it is, brought to what is wanted.
fn adjusted<K: Labelled>(
    plugin: &Hetzner,
    ctx: Context,
    found: &Found,
    desired: &K::Desired,
) -> Result<Outcome<State<Of<K>>>, Fault> {
    let mut now = K::attributes(found)?;
    K::adjust(&plugin.api, ctx, found, &mut now, desired)?;
    Ok(state(ctx, found, now).into())
}

impl<K: Labelled> Kind for Of<K> {
    type Plugin = Hetzner;
    type Desired = K::Desired;
    type Outputs = Value;

    const NAME: &'static str = K::NAME;

    fn schema() -> Schema {
        K::schema()
    }

    fn check(_plugin: &Hetzner, desired: &mut K::Desired, findings: &mut Findings) {
        K::check(desired, findings);
    }

    /// By id, else by our marks, else by name.
    fn read(
        plugin: &Hetzner,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&K::Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        let name = desired.filter(|_| K::THROUGH_ALL.is_none()).map(K::name);
        let found = match (plugin.api.find(ctx, &K::OBJECTS, id, name)?, K::THROUGH_ALL, id, desired) {
            (None, Some(through_all), None, Some(desired)) => {
                through_all(plugin.api.all(&K::OBJECTS)?, desired)?
            }
            (found, ..) => found,
        };
        found.map(|found| Ok(state(ctx, &found, K::attributes(&found)?))).transpose()
    }

    fn create(
        plugin: &Hetzner,
        ctx: Context,
        desired: &K::Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        adjusted(plugin, ctx, &plugin.api.make(ctx, &K::OBJECTS, K::order(desired))?, desired)
    }

    /// Sets name and marks where they differ; no call where they do not.
    fn update(
        plugin: &Hetzner,
        ctx: Context,
        id: &str,
        desired: &K::Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let found = plugin.api.get(ctx, &K::OBJECTS, id)?;
        let found = plugin.api.put(ctx, &K::OBJECTS, found, K::name(desired), None)?;
        adjusted(plugin, ctx, &found, desired)
    }

    fn delete(
        plugin: &Hetzner,
        ctx: Context,
        id: &str,
        _resume: Option<Value>,
    ) -> Result<Outcome<()>, Fault> {
        plugin.api.delete(ctx, &K::OBJECTS, id).map(Outcome::Done)
    }
}
