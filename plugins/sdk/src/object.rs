//! Kinds whose objects are found, made, changed and removed in single steps,
//! with nothing to wait for between calls: the way from these steps to the
//! lifecycle, once.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Context, Fault, Findings, Kind, Outcome, Plugin, Schema, State};

/// A kind of plain objects. Whoever implements this has a [`Kind`].
pub trait Object: Sized + 'static {
    /// Whose kind it is.
    type Plugin: Plugin;
    /// As [`Kind::Desired`].
    type Desired: Serialize + DeserializeOwned + Default;
    /// As [`Kind::Outputs`].
    type Outputs: Serialize;

    /// `ssh-key`
    const NAME: &'static str;

    /// As [`Kind::schema`].
    fn schema() -> Schema;

    /// As [`Kind::check`].
    fn check(_plugin: &Self::Plugin, _desired: &mut Self::Desired, _findings: &mut Findings) {}

    /// As [`Kind::read`].
    fn find(
        plugin: &Self::Plugin,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Self::Desired>,
    ) -> Result<Option<State<Self>>, Fault>;

    /// Makes one where there is none, with our marks on it.
    fn make(plugin: &Self::Plugin, ctx: Context, desired: &Self::Desired) -> Result<State<Self>, Fault>;

    /// Brings a found one to the desired value, our marks included, and tells
    /// how it is then. The default fits kinds of which every field is immutable.
    fn change(
        _plugin: &Self::Plugin,
        _ctx: Context,
        found: State<Self>,
        _desired: &Self::Desired,
    ) -> Result<State<Self>, Fault> {
        Ok(found)
    }

    /// Removes it; gone already is done.
    fn remove(plugin: &Self::Plugin, ctx: Context, id: &str) -> Result<(), Fault>;
}

impl<K: Object> Kind for K {
    type Plugin = K::Plugin;
    type Desired = K::Desired;
    type Outputs = K::Outputs;

    const NAME: &'static str = K::NAME;

    fn schema() -> Schema {
        K::schema()
    }

    fn check(plugin: &K::Plugin, desired: &mut K::Desired, findings: &mut Findings) {
        K::check(plugin, desired, findings);
    }

    fn read(
        plugin: &K::Plugin,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&K::Desired>,
    ) -> Result<Option<State<K>>, Fault> {
        K::find(plugin, ctx, id, desired)
    }

    fn create(
        plugin: &K::Plugin,
        ctx: Context,
        desired: &K::Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<K>>, Fault> {
        K::make(plugin, ctx, desired).map(Outcome::Done)
    }

    fn update(
        plugin: &K::Plugin,
        ctx: Context,
        id: &str,
        desired: &K::Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<K>>, Fault> {
        let found = K::find(plugin, ctx, Some(id), Some(desired))?.ok_or_else(|| gone(K::NAME, id))?;
        K::change(plugin, ctx, found, desired).map(Outcome::Done)
    }

    /// It was found a moment ago: nothing is asked for twice.
    fn adopt(
        plugin: &K::Plugin,
        ctx: Context,
        found: State<K>,
        desired: &K::Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<K>>, Fault> {
        K::change(plugin, ctx, found, desired).map(Outcome::Done)
    }

    fn delete(
        plugin: &K::Plugin,
        ctx: Context,
        id: &str,
        _resume: Option<Value>,
    ) -> Result<Outcome<()>, Fault> {
        K::remove(plugin, ctx, id).map(Outcome::Done)
    }
}

/// An object that somebody else removed.
pub fn gone(kind: &str, id: &str) -> Fault {
    Fault::not_found("plugin::gone", format!("{kind} `{id}` is gone"))
}
