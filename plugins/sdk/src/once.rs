//! Kinds of objects whose secret the vendor tells once, in the answer that makes
//! them, and whose only place for marks is the end of their name: keys, tokens.
//! An answer that is lost leaves one behind whose secret nobody will ever know.

use std::marker::PhantomData;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::{
    Context, Fault, Findings, Kind, Outcome, Ownership, Plugin, Schema, State, Value, gone, log, secrets,
    signature,
};

/// What is to be known of such a kind. [`Told`] of it is the kind.
pub trait Once: Sized + 'static {
    /// Whose kind it is.
    type Plugin: Plugin;
    /// As [`Kind::Desired`].
    type Desired: Serialize + DeserializeOwned + Default;
    /// As [`Kind::Outputs`].
    type Outputs: Serialize;
    /// As the vendor tells it, without its secret.
    type Object;

    /// As [`Kind::NAME`].
    const NAME: &'static str;

    /// As [`Kind::schema`]. Every field is immutable.
    fn schema() -> Schema;

    /// As [`Kind::check`].
    fn check(_plugin: &Self::Plugin, _desired: &mut Self::Desired, _findings: &mut Findings) {}

    /// The name that the operator gives it.
    fn wanted(desired: &Self::Desired) -> &str;

    /// Name of the secret of one that the operator calls so.
    fn secret(name: &str) -> String;

    /// All among which the wanted one would be.
    fn list(plugin: &Self::Plugin, desired: &Self::Desired) -> Result<Vec<Self::Object>, Fault>;

    /// The one of this id.
    fn get(plugin: &Self::Plugin, id: &str) -> Result<Option<Self::Object>, Fault>;

    /// The vendor's id.
    fn id(object: &Self::Object) -> String;

    /// The name at the vendor.
    fn name(object: &Self::Object) -> &str;

    /// Makes one of this name; the host stores its secret under the other name
    /// before this returns.
    fn make(
        plugin: &Self::Plugin,
        desired: &Self::Desired,
        name: &str,
        secret: &str,
    ) -> Result<Self::Object, Fault>;

    /// Deletes one; gone already is done.
    fn delete(plugin: &Self::Plugin, id: &str) -> Result<(), Fault>;

    /// In the shapes of the kind, called `name` by the operator.
    fn told(
        object: &Self::Object,
        name: &str,
        desired: Option<&Self::Desired>,
    ) -> (Self::Desired, Self::Outputs);
}

/// The kind of [`Once`] objects.
pub struct Told<K>(PhantomData<K>);

fn state<K: Once>(
    ctx: Context,
    object: &K::Object,
    desired: Option<&K::Desired>,
    ownership: Ownership,
) -> State<Told<K>> {
    let (attributes, outputs) = K::told(object, signature::read(ctx, K::name(object)).0, desired);
    State { id: K::id(object), attributes, outputs, ownership }
}

impl<K: Once> Kind for Told<K> {
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

    /// Secrets are named as objects are: the one of another resource would be lost.
    fn read(
        plugin: &K::Plugin,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&K::Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        let found = match (id, desired) {
            (Some(id), _) => K::get(plugin, id)?.map(|object| {
                let ownership = signature::ownership(ctx, K::name(&object));
                (object, ownership)
            }),
            (None, Some(desired)) if !K::wanted(desired).is_empty() => {
                let name = K::wanted(desired);
                let taken = secrets::exists(&K::secret(name));
                signature::pick(ctx, name, K::list(plugin, desired)?, K::name, taken)?
            }
            _ => None,
        };
        Ok(found.map(|(object, ownership)| state(ctx, &object, desired, ownership)))
    }

    fn create(
        plugin: &K::Plugin,
        ctx: Context,
        desired: &K::Desired,
        resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let made = make::<K>(plugin, ctx, desired, resume.as_ref())?;
        Ok(state(ctx, &made, Some(desired), Ownership::Ours).into())
    }

    /// Nothing can be changed. One whose secret honey does not hold is of no use
    /// to anybody: what a person made, or what a call that was cut off left.
    fn update(
        plugin: &K::Plugin,
        ctx: Context,
        id: &str,
        desired: &K::Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        if !secrets::exists(&K::secret(K::wanted(desired))) {
            log::warn(&format!(
                "nobody can tell the secret of the {} `{}` again; it is deleted and made anew",
                K::NAME,
                K::wanted(desired)
            ));
            K::delete(plugin, id)?;
            return Self::create(plugin, ctx, desired, None);
        }
        let found = Self::read(plugin, ctx, Some(id), Some(desired))?;
        found.map(Into::into).ok_or_else(|| gone(K::NAME, id))
    }

    fn delete(
        plugin: &K::Plugin,
        ctx: Context,
        id: &str,
        _resume: Option<Value>,
    ) -> Result<Outcome<()>, Fault> {
        if let Some(object) = K::get(plugin, id)? {
            K::delete(plugin, id)?;
            secrets::forget(&K::secret(signature::read(ctx, K::name(&object)).0))?;
        }
        Ok(Outcome::Done(()))
    }
}

/// Makes exactly one. What is checkpointed before says that none with our marks
/// was there: every one found after a crash or a lost answer is an orphan of
/// ours, and is deleted.
fn make<K: Once>(
    plugin: &K::Plugin,
    ctx: Context,
    desired: &K::Desired,
    resume: Option<&Value>,
) -> Result<K::Object, Fault> {
    let (name, secret) = (signature::sign(ctx, K::wanted(desired)), K::secret(K::wanted(desired)));
    let orphans = || -> Result<Vec<K::Object>, Fault> {
        let mut all = K::list(plugin, desired)?;
        all.retain(|object| K::name(object) == name);
        Ok(all)
    };
    let delete = |orphan: &K::Object| {
        log::info(&format!("{} was made by an interrupted call; deleting it", K::id(orphan)));
        K::delete(plugin, &K::id(orphan))
    };
    if let Some(progress) = resume {
        let mut all = orphans()?;
        let made = progress["made"].as_str();
        let whole = all.iter().position(|object| Some(K::id(object).as_str()) == made);
        if let Some(at) = whole.filter(|_| secrets::exists(&secret)) {
            return Ok(all.swap_remove(at));
        }
        all.iter().try_for_each(delete)?;
    }
    ctx.checkpoint("", &json!({}));
    // One of an object that is gone must not pass for this one's.
    secrets::forget(&secret)?;
    let made = match K::make(plugin, desired, &name, &secret) {
        Err(fault) if fault.is("transient") || fault.is("timeout") => {
            orphans()?.iter().try_for_each(delete)?;
            K::make(plugin, desired, &name, &secret)?
        }
        result => result?,
    };
    let id = K::id(&made);
    if !secrets::exists(&secret) {
        K::delete(plugin, &id)?;
        return Err(Fault::malformed(format!(
            "{id} was made, but the answer held no secret; it is deleted again"
        )));
    }
    ctx.checkpoint(&id, &json!({ "made": id }));
    Ok(made)
}
