//! Answers that are not what was promised: more than that, and less.

use std::collections::BTreeSet;

use honey_model::Fault;

use crate::{
    Law,
    laws::{Case, interruption::Deed},
    meddle::{Change, Effect, Rule, Which},
    trial::{ONE, ended_by_host},
};

/// Unknown fields through the whole life; then every hostile answer at every
/// request that is made for the first time.
pub(crate) async fn look(case: &mut Case<'_>) -> Result<(), Fault> {
    if case.applies(Law::UnknownFieldsAreTolerated) {
        unknown(case).await?;
    }
    if case.applies(Law::HostileAnswersAreFaults) {
        hostile(case).await?;
    }
    case.clean().await
}

async fn unknown(case: &mut Case<'_>) -> Result<(), Fault> {
    let everywhere = Rule { which: Which::From(0), effect: Effect::Change(Change::Unknown) };
    for deed in Deed::ALL {
        let Some(change) = case.before(deed).await? else { continue };
        case.trial.gate().set(Some(everywhere));
        let outcome = case.settle(&change).await;
        let wrong = match outcome {
            Err(fault) => Some(fault.to_string()),
            Ok(_) => case.after(deed).await,
        };
        let asked = !case.trial.gate().seen().is_empty();
        case.peace();
        if asked {
            case.judge(Law::UnknownFieldsAreTolerated, wrong.map(|what| format!("{}: {what}", deed.name())));
        } else {
            case.skip(Law::UnknownFieldsAreTolerated, "it sends no requests");
        }
    }
    Ok(())
}

async fn hostile(case: &mut Case<'_>) -> Result<(), Fault> {
    // What went before is judged as it was.
    super::limits::judge(case);
    let mut known = BTreeSet::new();
    for deed in Deed::ALL {
        let Some(change) = case.before(deed).await? else { continue };
        case.trial.gate().set(None);
        case.settle(&change).await?;
        for (number, seen) in case.trial.gate().seen().into_iter().enumerate() {
            if !known.insert(seen.shape()) {
                continue;
            }
            for what in Change::HOSTILE {
                let Some(change) = case.before(deed).await? else { continue };
                let operation = case.trial.operation(case.kind(), ONE);
                case.trial
                    .gate()
                    .set(Some(Rule { which: Which::Only(number), effect: Effect::Change(what) }));
                let outcome = case.trial.apply(&operation, &change).await;
                case.peace();
                let wrong = match outcome {
                    Some(Err(fault)) => bad(&fault),
                    _ => None,
                };
                let told =
                    wrong.map(|wrong| format!("{} answered with {}: {wrong}", seen.shape(), what.name()));
                case.judge(Law::HostileAnswersAreFaults, told);
            }
        }
    }
    if known.is_empty() {
        case.skip(Law::HostileAnswersAreFaults, "it sends no requests");
    }
    // Ended calls of these tries were judged here.
    case.trial.overruns();
    Ok(())
}

/// What is wrong with a fault that a hostile answer led to.
fn bad(fault: &Fault) -> Option<String> {
    if ended_by_host(fault) {
        return Some(format!("the host had to end the call: {fault}"));
    }
    if fault.class == honey_model::FaultClass::Internal {
        return Some(format!("it is `internal`, as if the plugin were at fault: {fault}"));
    }
    let text = fault.to_string();
    text.chars().any(char::is_control).then(|| "the fault has control characters in it".to_owned())
}
