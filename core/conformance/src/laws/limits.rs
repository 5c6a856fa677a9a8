//! What one call may take, and that it ends when asked.

use std::time::Duration;

use honey_model::{Fault, FaultClass};

use crate::{
    Law,
    laws::{Case, interruption::Deed},
    meddle::{Effect, Rule, Which},
    trial::ONE,
};

/// Calls that the host had to end, in anything done so far.
pub(crate) fn judge(case: &mut Case<'_>) {
    let overruns = case.trial.overruns();
    case.judge(Law::StaysWithinLimits, overruns.into_iter().next());
}

/// Cancelled before it begins; a vendor that never answers.
pub(crate) async fn ends_when_asked(case: &mut Case<'_>) -> Result<(), Fault> {
    judge(case);
    if !case.applies(Law::EndsWhenAsked) {
        return Ok(());
    }
    let Some(change) = case.before(Deed::Make).await? else { return Ok(()) };
    case.trial.gate().set(None);
    let operation = case.trial.operation(case.kind(), ONE);
    operation.cancel.cancel();
    let outcome = case.trial.apply(&operation, &change).await;
    let changed = case.trial.gate().seen().iter().any(|seen| seen.changes() && seen.status != 0);
    let wrong = match outcome {
        Some(Err(fault)) if fault.class == FaultClass::Canceled && !changed => None,
        Some(Ok(_)) if case.trial.gate().seen().is_empty() => None,
        Some(Err(fault)) => Some(format!("cancelled, it says `{}`: {fault}", fault.class.as_str())),
        _ => Some("cancelled, it goes on and changes the vendor".to_owned()),
    };
    case.judge(Law::EndsWhenAsked, wrong.map(|what| format!("create: {what}")));
    let Some(change) = case.before(Deed::Make).await? else { return Ok(()) };
    let mut operation = case.trial.operation(case.kind(), ONE);
    operation.deadline = Duration::from_millis(300);
    case.trial.gate().set(Some(Rule { which: Which::From(0), effect: Effect::Stall }));
    let outcome = case.trial.apply(&operation, &change).await;
    let asked = !case.trial.gate().seen().is_empty();
    case.peace();
    if asked {
        let wrong = match outcome {
            Some(Err(fault)) if fault.class == FaultClass::Timeout => None,
            Some(Err(fault)) => Some(format!("it says `{}`: {fault}", fault.class.as_str())),
            _ => Some("it says that it is done".to_owned()),
        };
        case.judge(Law::EndsWhenAsked, wrong.map(|what| format!("a vendor that never answers: {what}")));
    }
    // The host ended that call because it was asked to.
    case.trial.overruns();
    case.clean().await
}
