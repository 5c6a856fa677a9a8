//! What the small kinds share: found by marks or name, renamed in place.

use honey_sdk::{Context, Fault, Object, Ownership, State};

use crate::{
    Hetzner,
    api::{Collection, Found},
};

/// A kind of objects with a number, a name and labels.
pub(super) trait Labelled: Object {
    /// Where they are.
    const OBJECTS: Collection;

    /// Its name in a desired value.
    fn name(desired: &<Self as Object>::Desired) -> &str;

    /// As found at the vendor.
    fn state(ctx: Context, found: &Found) -> Result<State<Self>, Fault>;
}

/// By id, else by our marks, else by name.
pub(super) fn find<K: Labelled>(
    plugin: &Hetzner,
    ctx: Context,
    id: Option<&str>,
    desired: Option<&<K as Object>::Desired>,
) -> Result<Option<State<K>>, Fault> {
    let found = plugin.api.find(ctx, &K::OBJECTS, id, desired.map(K::name))?;
    found.map(|found| K::state(ctx, &found)).transpose()
}

/// Sets name and marks where they differ; no call where they do not.
pub(super) fn rename<K: Labelled>(
    plugin: &Hetzner,
    ctx: Context,
    found: State<K>,
    desired: &<K as Object>::Desired,
) -> Result<State<K>, Fault> {
    let name = K::name(desired);
    if found.ownership == Ownership::Ours && K::name(&found.attributes) == name {
        return Ok(found);
    }
    let raw = plugin.api.get(ctx, &K::OBJECTS, &found.id)?;
    K::state(ctx, &plugin.api.put(ctx, &K::OBJECTS, raw, name, None)?)
}
