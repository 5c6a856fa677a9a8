//! From the interface's calls to the typed methods of a kind, and back.

use std::{any::type_name, marker::PhantomData};

use serde_json::{Value, json};

use crate::{
    Context, Fault, Findings, Kind, Outcome, Ownership, Plugin, Schema, State,
    bindings::{
        exports::honey::plugin::lifecycle as wit,
        honey::plugin::{operation, types::Diagnostic},
    },
    log,
    plugin::{current, set_current},
    tree,
};

/// What the component exports for plugin `P`.
pub struct Exported<P>(PhantomData<P>);

/// A kind behind JSON.
pub(crate) trait AnyKind<P> {
    fn name(&self) -> &'static str;
    fn schema(&self) -> Schema;
    fn check(&self, plugin: &P, desired: Value) -> (Value, Vec<Diagnostic>);
    fn upgrade(&self, from: u32, attributes: Value) -> Result<Value, Fault>;
    fn read(
        &self,
        plugin: &P,
        ctx: Context,
        id: Option<&str>,
        desired: Option<Value>,
    ) -> Result<Option<wit::State>, Fault>;
    fn apply(&self, plugin: &P, ctx: Context, change: Change) -> Result<wit::Outcome, Fault>;
}

/// An apply request with its JSON read.
pub(crate) struct Change {
    pub(crate) action: wit::Action,
    pub(crate) id: Option<String>,
    pub(crate) desired: Option<Value>,
    pub(crate) resume: Option<Value>,
}

pub(crate) struct Erased<K>(PhantomData<K>);

impl<K> Erased<K> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<K: Kind> Erased<K> {
    /// The value with all that is known of it, and what is not.
    fn lenient(mut desired: Value) -> Result<(K::Desired, Vec<String>), Fault> {
        let mut unknown = tree::take_unknown(&mut desired);
        unknown.extend(K::schema().required().filter(|name| desired.get(name).is_none()).map(str::to_owned));
        Ok((Self::typed(desired)?, unknown))
    }

    /// The value, complete.
    fn strict(desired: Option<Value>) -> Result<K::Desired, Fault> {
        let Some(mut desired) = desired else {
            return Err(Fault::internal(format!("a {} needs a desired value for this", K::NAME)));
        };
        if let Value::Object(object) = &mut desired {
            object.retain(|_, inner| !inner.is_null());
        }
        if let Some(missing) = K::schema().required().find(|name| desired.get(name).is_none()) {
            return Err(Fault::invalid("plugin::missing-field", format!("a {} needs `{missing}`", K::NAME)));
        }
        Self::typed(desired)
    }

    fn typed(desired: Value) -> Result<K::Desired, Fault> {
        serde_json::from_value(desired).map_err(|error| {
            Fault::invalid("plugin::invalid-value", format!("{} is not as it should be: {error}", K::NAME))
        })
    }

    fn create(
        plugin: &K::Plugin,
        ctx: Context,
        desired: &K::Desired,
        resume: Option<Value>,
    ) -> Result<Outcome<State<K>>, Fault> {
        if resume.is_some() {
            return K::create(plugin, ctx, desired, resume);
        }
        match K::read(plugin, ctx, None, Some(desired))? {
            None => K::create(plugin, ctx, desired, None),
            Some(found) if found.ownership == Ownership::Ours => {
                log::debug("found our marks: an earlier create got this far");
                K::update(plugin, ctx, &found.id, desired, None)
            }
            Some(found) => {
                let whose = if found.ownership == Ownership::Foreign {
                    "belongs to another owner"
                } else {
                    "was not made by honey"
                };
                Err(Fault::conflict(
                    "plugin::exists",
                    format!("a {} of this name exists already (`{}`) and {whose}", K::NAME, found.id),
                )
                .with_help("choose another name, or let the configuration adopt it"))
            }
        }
    }

    fn adopt(
        plugin: &K::Plugin,
        ctx: Context,
        id: Option<&str>,
        desired: &K::Desired,
        resume: Option<Value>,
    ) -> Result<Outcome<State<K>>, Fault> {
        match K::read(plugin, ctx, id, Some(desired))? {
            None => Err(Fault::not_found(
                "plugin::nothing-to-adopt",
                format!("there is no such {} to adopt", K::NAME),
            )),
            Some(found) if found.ownership == Ownership::Foreign => Err(Fault::conflict(
                "plugin::foreign",
                format!("{} `{}` carries the marks of another owner", K::NAME, found.id),
            )
            .with_help("remove its marks at the vendor if nobody manages it any more")),
            Some(found) => K::adopt(plugin, ctx, found, desired, resume),
        }
    }

    /// Deletes, then makes anew. While deleting, progress has the key `deleting`.
    fn replace(
        plugin: &K::Plugin,
        ctx: Context,
        id: &str,
        desired: &K::Desired,
        resume: Option<Value>,
    ) -> Result<Outcome<State<K>>, Fault> {
        let deleting = match &resume {
            None => Some(None),
            Some(progress) => progress.get("deleting").map(|inner| Some(inner.clone())),
        };
        let Some(inner) = deleting else {
            return K::create(plugin, ctx, desired, resume);
        };
        match K::delete(plugin, ctx, id, inner)? {
            Outcome::Pending { progress, after_ms, note } => {
                Ok(Outcome::Pending { progress: json!({ "deleting": progress }), after_ms, note })
            }
            Outcome::Done(()) => Self::create(plugin, ctx, desired, None),
        }
    }
}

impl<K: Kind> AnyKind<K::Plugin> for Erased<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn schema(&self) -> Schema {
        K::schema()
    }

    fn check(&self, plugin: &K::Plugin, desired: Value) -> (Value, Vec<Diagnostic>) {
        let (mut typed, unknown) = match Self::lenient(desired.clone()) {
            Ok(read) => read,
            Err(fault) => return (desired, vec![Diagnostic::error(fault.code, "", fault.message)]),
        };
        let mut findings = Findings { list: Vec::new(), unknown };
        K::check(plugin, &mut typed, &mut findings);
        let mut normal = tree::known(&typed);
        if let Value::Object(object) = &mut normal {
            object.retain(|name, _| !findings.unknown.contains(name));
        }
        (normal, findings.list)
    }

    fn upgrade(&self, from: u32, attributes: Value) -> Result<Value, Fault> {
        K::upgrade(from, attributes)
    }

    fn read(
        &self,
        plugin: &K::Plugin,
        ctx: Context,
        id: Option<&str>,
        desired: Option<Value>,
    ) -> Result<Option<wit::State>, Fault> {
        let desired = desired.map(Self::lenient).transpose()?.map(|(desired, _)| desired);
        Ok(K::read(plugin, ctx, id, desired.as_ref())?.map(into_wit))
    }

    fn apply(&self, plugin: &K::Plugin, ctx: Context, change: Change) -> Result<wit::Outcome, Fault> {
        let id = || {
            change.id.as_deref().ok_or_else(|| Fault::internal(format!("a {} needs an id for this", K::NAME)))
        };
        let resume = change.resume;
        let outcome = match change.action {
            wit::Action::Create => Self::create(plugin, ctx, &Self::strict(change.desired)?, resume)?,
            wit::Action::Adopt => {
                Self::adopt(plugin, ctx, change.id.as_deref(), &Self::strict(change.desired)?, resume)?
            }
            wit::Action::Update => K::update(plugin, ctx, id()?, &Self::strict(change.desired)?, resume)?,
            wit::Action::Replace => {
                Self::replace(plugin, ctx, id()?, &Self::strict(change.desired)?, resume)?
            }
            wit::Action::Delete => {
                return Ok(outcome_into_wit(K::delete(plugin, ctx, id()?, resume)?, |()| None));
            }
        };
        Ok(outcome_into_wit(outcome, |state| Some(into_wit(state))))
    }
}

fn into_wit<K: Kind>(state: State<K>) -> wit::State {
    wit::State {
        id: state.id,
        attributes: tree::known(&state.attributes).to_string(),
        outputs: tree::known(&state.outputs).to_string(),
        ownership: state.ownership,
    }
}

fn outcome_into_wit<T>(outcome: Outcome<T>, done: impl FnOnce(T) -> Option<wit::State>) -> wit::Outcome {
    match outcome {
        Outcome::Done(value) => wit::Outcome::Done(done(value)),
        Outcome::Pending { progress, after_ms, note } => {
            wit::Outcome::Pending(wit::Pending { progress: progress.to_string(), after_ms, note })
        }
    }
}

/// JSON from the host.
fn parse(what: &str, text: &str) -> Result<Value, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::internal(format!("{what} from the host: {error}")))
}

fn with_kind<P: Plugin, T>(
    name: &str,
    use_it: impl FnOnce(&P, &dyn AnyKind<P>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let plugin = current::<P>()?;
    let kinds = P::kinds();
    let kind = kinds
        .0
        .iter()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| Fault::unsupported("plugin::unknown-kind", format!("no kind `{name}` here")))?;
    use_it(&plugin, kind.as_ref())
}

impl<P: Plugin> wit::Guest for Exported<P> {
    fn configure(config: String) -> Result<(), Fault> {
        install_panic_hook(type_name::<P>());
        let config = parse("settings", &config)?;
        let settings = if config.is_null() {
            P::Settings::default()
        } else {
            serde_json::from_value(config).map_err(|error| {
                Fault::invalid("plugin::settings", format!("the plugin's settings: {error}"))
            })?
        };
        set_current(P::configure(settings)?);
        Ok(())
    }

    fn check(kind: String, desired: String) -> Result<wit::Checked, Fault> {
        let desired = parse("a desired value", &desired)?;
        with_kind::<P, _>(&kind, |plugin, kind| {
            let (desired, diagnostics) = kind.check(plugin, desired);
            Ok(wit::Checked { desired: desired.to_string(), diagnostics })
        })
    }

    fn upgrade(kind: String, from_version: u32, attributes: String) -> Result<String, Fault> {
        let attributes = parse("attributes", &attributes)?;
        with_kind::<P, _>(&kind, |_, kind| Ok(kind.upgrade(from_version, attributes)?.to_string()))
    }

    fn read(
        ctx: &operation::Context,
        kind: String,
        id: Option<String>,
        desired: Option<String>,
    ) -> Result<Option<wit::State>, Fault> {
        let desired = desired.map(|text| parse("a desired value", &text)).transpose()?;
        with_kind::<P, _>(&kind, |plugin, kind| kind.read(plugin, Context(ctx), id.as_deref(), desired))
    }

    fn apply(ctx: &operation::Context, request: wit::ApplyRequest) -> Result<wit::Outcome, Fault> {
        let change = Change {
            action: request.action,
            id: request.id,
            desired: request.desired.map(|text| parse("a desired value", &text)).transpose()?,
            resume: request.resume.map(|text| parse("a checkpoint", &text)).transpose()?,
        };
        with_kind::<P, _>(&request.kind, |plugin, kind| kind.apply(plugin, Context(ctx), change))
    }
}

/// A panic of a component is a trap without words: say them first.
fn install_panic_hook(plugin: &'static str) {
    if cfg!(target_arch = "wasm32") {
        std::panic::set_hook(Box::new(move |info| {
            log::emit(log::Level::Error, &info.to_string(), &[("panic in", plugin)]);
        }));
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
