//! `honey plan`: look, compare, tell. Changes nothing.

use std::{borrow::Cow, collections::BTreeSet};

use honey_config::schema::Conflicts;
use honey_model::{Active, Address, Desired, State};
use honey_plan::{Plan, Purpose};

use super::plan_words;
use crate::{
    FlowError, Session, lower,
    phase::{
        keep_servers::keep_servers,
        observe::{Seen, observe_replacing},
        prepare::{self, Wanted},
        secrets, strays,
    },
};

/// A plan with what it was made from.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What is wanted, in normal form.
    pub desired: Desired,
    /// What was found.
    pub observed: honey_model::Observed,
    /// The state it was made from.
    pub state: State,
}

/// What the operator allows beyond the ordinary.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Protected things that may go.
    pub allow_destroy: Vec<honey_model::Address>,
    /// Things that are made anew though nothing about them changed. What can only be
    /// looked at through them is not looked at.
    pub replace: Vec<honey_model::Address>,
    /// An instance that is not the active one gets the configuration's images, and not
    /// those that the active one runs.
    pub ahead_of_active: bool,
}

/// Plans an instance.
pub async fn plan(session: &Session, instance: &str, wish: &Wish) -> Result<Planned, FlowError> {
    let state = session.state().await?;
    let active = session.effective_active(&state.active, instance);
    plan_as(session, instance, wish, state, &active).await
}

/// Plans an instance under a given answer to who is active.
pub(crate) async fn plan_as(
    session: &Session,
    instance: &str,
    wish: &Wish,
    state: State,
    active: &Active,
) -> Result<Planned, FlowError> {
    secrets::check(session, instance, active).await?;
    let prepared = prepare::prepare(session).await?;
    let wanted = match session.config.instances.is_empty() {
        // Shared things and values need no place to stand on.
        true => Wanted {
            desired: lower::lower_shared(&session.config).map_err(FlowError::Diagnostics)?,
            kept: BTreeSet::new(),
            diagnostics: Vec::new(),
        },
        false => prepare::desired(session, &prepared, instance, active, &state, wish.ahead_of_active).await?,
    };
    let known = without(&state, &wanted.kept);
    let Seen { observed, mut desired, mut diagnostics } =
        observe_replacing(session, &wanted.desired, &known, &wish.replace).await;
    diagnostics.extend(wanted.diagnostics);
    diagnostics.extend(strays::seen(&observed, &desired));
    diagnostics.extend(keep_servers(session, instance, &mut desired, &observed, &state, wish));
    let plan = decide(session, instance, Purpose::Apply, wish, &desired, &observed, &known, diagnostics)?;
    let plan = Plan { ahead_of_active: wish.ahead_of_active, ..plan };
    drop(known);
    Ok(Planned { plan, desired, observed, state })
}

/// The state without records that are nobody's to touch: what is recorded and
/// not wanted would be an orphan.
fn without<'a>(state: &'a State, kept: &BTreeSet<Address>) -> Cow<'a, State> {
    if kept.is_empty() {
        return Cow::Borrowed(state);
    }
    let mut state = state.clone();
    state.resources.retain(|address, _| !kept.contains(address));
    Cow::Owned(state)
}

#[expect(clippy::too_many_arguments, reason = "the planner's whole input, named once")]
pub(crate) fn decide(
    session: &Session,
    instance: &str,
    purpose: Purpose,
    wish: &Wish,
    desired: &Desired,
    observed: &honey_model::Observed,
    state: &State,
    diagnostics: Vec<honey_model::Diagnostic>,
) -> Result<Plan, FlowError> {
    if diagnostics.iter().any(|finding| finding.severity == honey_model::Severity::Error) {
        return Err(FlowError::Diagnostics(diagnostics));
    }
    let acknowledged = &session.config.diagnostics;
    let input = honey_plan::Input {
        desired,
        observed,
        state,
        schemas: &|driver, kind| session.schema(driver, kind),
        options: honey_plan::Options {
            instance: instance.to_owned(),
            purpose,
            allow_destroy: wish.allow_destroy.iter().chain(&wish.replace).cloned().collect(),
            replace: wish.replace.clone(),
            honey_version: session.honey.clone(),
        },
    };
    let mut plan = honey_plan::plan(&input).map_err(FlowError::Diagnostics)?;
    plan.diagnostics.extend(diagnostics);
    plan_words::explain(&mut plan);
    if session.config.stack.as_ref().is_some_and(|stack| stack.conflicts == Conflicts::Refuse) {
        let refused = plan_words::refused(&plan);
        if !refused.is_empty() {
            return Err(FlowError::Diagnostics(refused));
        }
    }
    plan.diagnostics.retain(|finding| !acknowledged.acknowledges(finding));
    Ok(plan)
}
