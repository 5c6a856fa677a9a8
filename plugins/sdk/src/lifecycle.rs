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
    read, tree,
};

/// What the component exports for plugin `P`.
pub struct Exported<P>(PhantomData<P>);

/// A kind behind JSON: all that has to be made anew for each kind. What can be
/// said once stands in the functions below.
pub(crate) trait AnyKind<P> {
    fn name(&self) -> &'static str;
    fn schema(&self) -> Schema;
    fn check(&self, plugin: &P, desired: &Value, findings: &mut Findings) -> Result<Value, Fault>;
    fn upgrade(&self, from: u32, attributes: Value) -> Result<Value, Fault>;
    fn names_existing(&self, desired: &Value) -> Result<bool, Fault>;
    fn read(
        &self,
        plugin: &P,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Value>,
    ) -> Result<Option<wit::State>, Fault>;
    fn create(
        &self,
        plugin: &P,
        ctx: Context,
        desired: &Value,
        resume: Option<Value>,
    ) -> Result<wit::Outcome, Fault>;
    fn update(
        &self,
        plugin: &P,
        ctx: Context,
        id: &str,
        desired: &Value,
        resume: Option<Value>,
    ) -> Result<wit::Outcome, Fault>;
    fn adopt(
        &self,
        plugin: &P,
        ctx: Context,
        id: Option<&str>,
        desired: &Value,
        resume: Option<Value>,
    ) -> Result<wit::Outcome, Fault>;
    fn delete(
        &self,
        plugin: &P,
        ctx: Context,
        id: &str,
        resume: Option<Value>,
    ) -> Result<wit::Outcome, Fault>;
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

/// The desired value as the kind knows it.
#[inline(never)]
fn typed<K: Kind>(desired: &Value) -> Result<K::Desired, Fault> {
    read::typed(desired).map_err(|mismatch| unfit(K::NAME, &mismatch.to_string()))
}

impl<K: Kind> AnyKind<K::Plugin> for Erased<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn schema(&self) -> Schema {
        K::schema()
    }

    fn check(&self, plugin: &K::Plugin, desired: &Value, findings: &mut Findings) -> Result<Value, Fault> {
        let mut desired = typed::<K>(desired)?;
        K::check(plugin, &mut desired, findings);
        Ok(tree::known(&desired))
    }

    fn upgrade(&self, from: u32, attributes: Value) -> Result<Value, Fault> {
        K::upgrade(from, attributes)
    }

    fn names_existing(&self, desired: &Value) -> Result<bool, Fault> {
        Ok(K::names_existing(&typed::<K>(desired)?))
    }

    fn read(
        &self,
        plugin: &K::Plugin,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Value>,
    ) -> Result<Option<wit::State>, Fault> {
        let desired = desired.map(typed::<K>).transpose()?;
        Ok(K::read(plugin, ctx, id, desired.as_ref())?.map(into_wit))
    }

    fn create(
        &self,
        plugin: &K::Plugin,
        ctx: Context,
        desired: &Value,
        resume: Option<Value>,
    ) -> Result<wit::Outcome, Fault> {
        K::create(plugin, ctx, &typed::<K>(desired)?, resume).map(outcome_into_wit)
    }

    fn update(
        &self,
        plugin: &K::Plugin,
        ctx: Context,
        id: &str,
        desired: &Value,
        resume: Option<Value>,
    ) -> Result<wit::Outcome, Fault> {
        K::update(plugin, ctx, id, &typed::<K>(desired)?, resume).map(outcome_into_wit)
    }

    fn adopt(
        &self,
        plugin: &K::Plugin,
        ctx: Context,
        id: Option<&str>,
        desired: &Value,
        resume: Option<Value>,
    ) -> Result<wit::Outcome, Fault> {
        let desired = typed::<K>(desired)?;
        let found = K::read(plugin, ctx, id, Some(&desired))?.ok_or_else(|| nothing_to_adopt(K::NAME))?;
        if found.ownership == Ownership::Foreign {
            return Err(foreign(K::NAME, &found.id));
        }
        K::adopt(plugin, ctx, found, &desired, resume).map(outcome_into_wit)
    }

    fn delete(
        &self,
        plugin: &K::Plugin,
        ctx: Context,
        id: &str,
        resume: Option<Value>,
    ) -> Result<wit::Outcome, Fault> {
        Ok(match K::delete(plugin, ctx, id, resume)? {
            Outcome::Done(()) => wit::Outcome::Done(None),
            Outcome::Pending { progress, after_ms, note } => still_pending(&progress, after_ms, note),
        })
    }
}

#[inline(never)]
fn into_wit<K: Kind>(state: State<K>) -> wit::State {
    wit::State {
        id: state.id,
        attributes: tree::text(&tree::known(&state.attributes)),
        outputs: tree::text(&tree::known(&state.outputs)),
        ownership: state.ownership,
    }
}

#[inline(never)]
fn outcome_into_wit<K: Kind>(outcome: Outcome<State<K>>) -> wit::Outcome {
    match outcome {
        Outcome::Done(state) => wit::Outcome::Done(Some(into_wit(state))),
        Outcome::Pending { progress, after_ms, note } => still_pending(&progress, after_ms, note),
    }
}

fn still_pending(progress: &Value, after_ms: u32, note: String) -> wit::Outcome {
    wit::Outcome::Pending(wit::Pending { progress: tree::text(progress), after_ms, note })
}

fn unfit(kind: &str, why: &str) -> Fault {
    Fault::invalid("plugin::invalid-value", format!("{kind} is not as it should be: {why}"))
}

fn nothing_to_adopt(kind: &str) -> Fault {
    Fault::not_found("plugin::nothing-to-adopt", format!("there is no such {kind} to adopt"))
}

fn foreign(kind: &str, id: &str) -> Fault {
    Fault::conflict("plugin::foreign", format!("{kind} `{id}` carries the marks of another owner"))
        .with_help("remove its marks at the vendor if nobody manages it any more")
}

fn exists(kind: &str, found: &wit::State) -> Fault {
    let whose = match found.ownership {
        Ownership::Foreign => "belongs to another owner",
        _ => "was not made by honey",
    };
    Fault::conflict(
        "plugin::exists",
        format!("a {kind} of this name exists already (`{}`) and {whose}", found.id),
    )
    .with_help(
        "choose another name; `adopt = true` takes over what stands under [shared] and the records of [dns]",
    )
}

/// Takes out what is not known yet; returns the names of it.
fn take_unknown<P>(kind: &dyn AnyKind<P>, desired: &mut Value) -> Vec<String> {
    let mut unknown = tree::take_unknown(desired);
    unknown.extend(kind.schema().required().filter(|name| desired.get(name).is_none()).map(str::to_owned));
    unknown
}

/// The value, complete.
fn complete<P>(kind: &dyn AnyKind<P>, desired: Option<Value>) -> Result<Value, Fault> {
    let name = kind.name();
    let Some(desired) = desired.map(tree::without_nulls) else {
        return Err(Fault::internal(format!("a {name} needs a desired value for this")));
    };
    match kind.schema().required().find(|name| desired.get(name).is_none()) {
        Some(missing) => Err(Fault::invalid("plugin::missing-field", format!("a {name} needs `{missing}`"))),
        None => Ok(desired),
    }
}

/// Normal form and findings.
pub(crate) fn check<P>(kind: &dyn AnyKind<P>, plugin: &P, mut desired: Value) -> (Value, Vec<Diagnostic>) {
    let as_given = desired.clone();
    let unknown = take_unknown(kind, &mut desired);
    let mut findings = Findings { list: Vec::new(), unknown };
    let mut normal = match kind.check(plugin, &desired, &mut findings) {
        Ok(normal) => normal,
        Err(fault) => return (as_given, vec![Diagnostic::error(fault.code, "", fault.message)]),
    };
    tree::keep(&mut normal, &mut |name, _| !findings.is_unknown(name));
    (normal, findings.list)
}

/// What there is, by what is known of the desired value.
pub(crate) fn look<P>(
    kind: &dyn AnyKind<P>,
    plugin: &P,
    ctx: Context,
    id: Option<&str>,
    mut desired: Option<Value>,
) -> Result<Option<wit::State>, Fault> {
    if let Some(desired) = &mut desired {
        take_unknown(kind, desired);
    }
    kind.read(plugin, ctx, id, desired.as_ref())
}

/// Does what the host asks for.
pub(crate) fn apply<P>(
    kind: &dyn AnyKind<P>,
    plugin: &P,
    ctx: Context,
    change: Change,
) -> Result<wit::Outcome, Fault> {
    let Change { action, id, desired, resume } = change;
    let known =
        || id.as_deref().ok_or_else(|| Fault::internal(format!("a {} needs an id for this", kind.name())));
    if action == wit::Action::Delete {
        return kind.delete(plugin, ctx, known()?, resume);
    }
    let desired = complete(kind, desired)?;
    match action {
        wit::Action::Create => create(kind, plugin, ctx, &desired, resume),
        wit::Action::Adopt => kind.adopt(plugin, ctx, id.as_deref(), &desired, resume),
        wit::Action::Update => kind.update(plugin, ctx, known()?, &desired, resume),
        wit::Action::Replace => replace(kind, plugin, ctx, known()?, &desired, resume),
        wit::Action::Delete => Err(Fault::internal("a delete after a delete")),
    }
}

fn create<P>(
    kind: &dyn AnyKind<P>,
    plugin: &P,
    ctx: Context,
    desired: &Value,
    resume: Option<Value>,
) -> Result<wit::Outcome, Fault> {
    if resume.is_some() {
        return kind.create(plugin, ctx, desired, resume);
    }
    match kind.read(plugin, ctx, None, Some(desired))? {
        None => kind.create(plugin, ctx, desired, None),
        Some(found) if found.ownership == Ownership::Ours => {
            log::debug("found our marks: an earlier create got this far");
            kind.update(plugin, ctx, &found.id, desired, None)
        }
        Some(found) => Err(exists(kind.name(), &found)),
    }
}

/// Deletes, then makes anew, or takes over what is there already. While
/// deleting, progress has the key `deleting`.
fn replace<P>(
    kind: &dyn AnyKind<P>,
    plugin: &P,
    ctx: Context,
    id: &str,
    desired: &Value,
    resume: Option<Value>,
) -> Result<wit::Outcome, Fault> {
    let deleting = match &resume {
        None => Some(None),
        Some(progress) => progress.get("deleting").map(|inner| Some(inner.clone())),
    };
    let resume = match deleting {
        None => resume,
        Some(inner) => match kind.delete(plugin, ctx, id, inner)? {
            wit::Outcome::Pending(wit::Pending { progress, after_ms, note }) => {
                let progress = json!({ "deleting": parse("progress", &progress)? });
                return Ok(still_pending(&progress, after_ms, note));
            }
            wit::Outcome::Done(_) => None,
        },
    };
    if kind.names_existing(desired)? {
        return kind.adopt(plugin, ctx, None, desired, resume);
    }
    create(kind, plugin, ctx, desired, resume)
}

/// JSON from the host.
fn parse(what: &str, text: &str) -> Result<Value, Fault> {
    tree::parse(text.as_bytes()).ok_or_else(|| Fault::internal(format!("{what} from the host is not JSON")))
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
            read::typed(&config).map_err(|mismatch| {
                Fault::invalid("plugin::settings", format!("the plugin's settings: {mismatch}"))
            })?
        };
        set_current(P::configure(settings)?);
        Ok(())
    }

    fn check(kind: String, desired: String) -> Result<wit::Checked, Fault> {
        let desired = parse("a desired value", &desired)?;
        with_kind::<P, _>(&kind, |plugin, kind| {
            let (desired, diagnostics) = self::check(kind, plugin, desired);
            Ok(wit::Checked { desired: tree::text(&desired), diagnostics })
        })
    }

    fn upgrade(kind: String, from_version: u32, attributes: String) -> Result<String, Fault> {
        let attributes = parse("attributes", &attributes)?;
        with_kind::<P, _>(&kind, |_, kind| Ok(tree::text(&kind.upgrade(from_version, attributes)?)))
    }

    fn read(
        ctx: &operation::Context,
        kind: String,
        id: Option<String>,
        desired: Option<String>,
    ) -> Result<Option<wit::State>, Fault> {
        let desired = desired.map(|text| parse("a desired value", &text)).transpose()?;
        with_kind::<P, _>(&kind, |plugin, kind| look(kind, plugin, Context(ctx), id.as_deref(), desired))
    }

    fn apply(ctx: &operation::Context, request: wit::ApplyRequest) -> Result<wit::Outcome, Fault> {
        let change = Change {
            action: request.action,
            id: request.id,
            desired: request.desired.map(|text| parse("a desired value", &text)).transpose()?,
            resume: request.resume.map(|text| parse("a checkpoint", &text)).transpose()?,
        };
        with_kind::<P, _>(&request.kind, |plugin, kind| self::apply(kind, plugin, Context(ctx), change))
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
