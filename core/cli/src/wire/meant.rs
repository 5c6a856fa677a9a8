//! Which instance a command works on, and the configuration as that instance sees it.

use honey_config::Loaded;
use honey_flow::{action::apply::unfinished_instance, instance::meant};
use honey_model::Active;
use honey_ports::store::StateStore;

use crate::{
    context::Context,
    failure::{Exit, Failure},
};

/// What a command works on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope<'a> {
    /// One instance: the one that `--provider` names, else the active one
    /// ([`honey_flow::instance::meant`] is the rule).
    One(Option<&'a str>),
    /// The unfinished run: the instance that it is a run of.
    Unfinished,
    /// The whole project. The active instance's settings count where there is one;
    /// who that is must not be known.
    Project,
}

impl Scope<'_> {
    /// The instance that is known before the state is read.
    pub(super) fn named(&self) -> Option<&str> {
        match self {
            Self::One(named) => *named,
            Self::Unfinished | Self::Project => None,
        }
    }
}

/// The configuration for the instance that is meant. `loaded` is for the one that
/// is named, or for the default.
///
/// # Errors
/// Where one instance is needed and it is not clear which one; where its
/// configuration does not hold; where the state that would say it cannot be read.
pub(super) async fn settle(
    context: &Context,
    loaded: Loaded,
    store: &dyn StateStore,
    scope: Scope<'_>,
) -> Result<Loaded, Failure> {
    let loaded = match wanted(&loaded, store, scope).await? {
        Some(name) if loaded.instance.as_ref() != Some(&name) => match (loaded.for_instance(&name), scope) {
            (Ok(reloaded), _) => reloaded,
            (Err(findings), Scope::One(_)) => return Err(Failure::Diagnostics(Exit::Usage, findings)),
            // What is about no single instance is not kept from working by one.
            (Err(_), Scope::Unfinished | Scope::Project) => loaded,
        },
        _ => loaded,
    };
    context.output.warnings(&loaded.diagnostics, &Context::reader());
    Ok(loaded)
}

async fn wanted(
    loaded: &Loaded,
    store: &dyn StateStore,
    scope: Scope<'_>,
) -> Result<Option<String>, Failure> {
    let instances = &loaded.config.instances;
    if instances.is_empty() || scope.named().is_some() {
        return Ok(None);
    }
    let active = store.load().await.map(|state| state.map_or(Active::Nobody, |state| state.active));
    if let Scope::One(_) = scope {
        return match meant(&loaded.config, &active?) {
            Ok(name) => Ok(Some(name)),
            Err(mut finding) => {
                if !finding.path.is_empty() {
                    finding.source = loaded.locate(&finding.path);
                }
                Err(Failure::usage(finding))
            }
        };
    }
    if let Scope::Unfinished = scope
        && let Some(name) = unfinished_instance(store).await.filter(|name| instances.contains_key(name))
    {
        return Ok(Some(name));
    }
    Ok(match active {
        Ok(Active::Instance { name, .. } | Active::Moving { from: name, .. }) => {
            Some(name).filter(|name| instances.contains_key(name))
        }
        _ => None,
    })
}
