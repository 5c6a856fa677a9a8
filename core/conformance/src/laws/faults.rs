//! Refusals and broken connections: the right class, the vendor's own words.

use std::{collections::BTreeSet, time::Duration};

use honey_model::{Fault, FaultClass, Found};

use crate::{
    Law,
    gate::{RETRY_AFTER, WORDS},
    laws::{Case, interruption::Deed},
    meddle::{Effect, Rule, Which},
    trial::ONE,
};

use FaultClass as Class;

/// What is tried, with the classes that are right for it.
const MATRIX: &[(Effect, &[Class])] = &[
    (Effect::Status(401), &[Class::Auth, Class::Forbidden]),
    (Effect::Status(403), &[Class::Forbidden, Class::Auth, Class::Quota]),
    (
        Effect::Status(404),
        &[
            Class::NotFound,
            Class::Invalid,
            Class::Conflict,
            Class::Forbidden,
            Class::Unsupported,
            Class::Auth,
        ],
    ),
    // A plugin may wait for what stands in the way, and tell that it waited in vain.
    (Effect::Status(409), &[Class::Conflict, Class::Locked, Class::Quota, Class::Invalid, Class::Timeout]),
    (
        Effect::Status(422),
        &[Class::Invalid, Class::Conflict, Class::Quota, Class::Unsupported, Class::Forbidden],
    ),
    (Effect::Status(429), &[Class::RateLimited]),
    (Effect::Status(500), &[Class::Transient, Class::Timeout]),
    (Effect::Html, &[Class::Transient, Class::Timeout]),
    (Effect::CutBefore, &[Class::Transient, Class::Timeout]),
];

/// Where it is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Read,
    Deed(Deed),
}

/// Tries every effect at every request that a place makes for the first time.
pub(crate) async fn look(case: &mut Case<'_>) -> Result<(), Fault> {
    let laws = [Law::FaultsHaveTheirClass, Law::VendorWordsAreKept];
    if !laws.into_iter().any(|law| case.applies(law)) {
        return Ok(());
    }
    let mut known = BTreeSet::new();
    for place in [Place::Read, Place::Deed(Deed::Make), Place::Deed(Deed::Update), Place::Deed(Deed::Delete)]
    {
        let Some(requests) = requests(case, place).await? else { continue };
        for (number, shape) in requests {
            if !known.insert(shape.clone()) {
                continue;
            }
            for (effect, classes) in MATRIX {
                one(case, place, number, &shape, *effect, classes).await?;
            }
        }
    }
    if known.is_empty() {
        for law in laws {
            case.skip(law, "it sends no requests");
        }
    }
    case.clean().await
}

/// Numbers and shapes of what a place sends when nothing is wrong.
async fn requests(case: &mut Case<'_>, place: Place) -> Result<Option<Vec<(usize, String)>>, Fault> {
    match place {
        Place::Read => {
            case.ensure().await?;
            case.trial.gate().set(None);
            case.read(None).await?;
        }
        Place::Deed(deed) => {
            let Some(change) = case.before(deed).await? else { return Ok(None) };
            case.trial.gate().set(None);
            case.settle(&change).await?;
        }
    }
    let seen = case.trial.gate().seen();
    Ok(Some(seen.iter().enumerate().map(|(number, seen)| (number, seen.shape())).collect()))
}

async fn one(
    case: &mut Case<'_>,
    place: Place,
    number: usize,
    shape: &str,
    effect: Effect,
    classes: &[Class],
) -> Result<(), Fault> {
    let rule = Rule { which: Which::From(number), effect };
    let (outcome, truth): (Result<Option<Found>, Fault>, Option<Found>) = match place {
        Place::Read => {
            let found = case.ensure().await?;
            case.trial.gate().set(Some(rule));
            (case.read(None).await, Some(found))
        }
        Place::Deed(deed) => {
            let Some(change) = case.before(deed).await? else { return Ok(()) };
            let operation = case.trial.operation(case.kind(), ONE);
            case.trial.gate().set(Some(rule));
            let outcome = case.trial.apply(&operation, &change).await;
            (outcome.unwrap_or(Ok(None)), None)
        }
    };
    let hit = case.trial.gate().seen().len() > number;
    case.peace();
    if !hit {
        return Ok(());
    }
    let told = format!("{shape} answered by {}", effect.name());
    let fault = match outcome {
        Ok(found) => {
            let wrong = match (place, &truth) {
                // A list that answers 404 has no objects, as some vendors have it.
                // So does a delete of what the vendor says is not there.
                (Place::Read | Place::Deed(Deed::Delete), _) if effect == Effect::Status(404) => None,
                (Place::Read, Some(truth)) => match found {
                    Some(found) if found.id == truth.id => None,
                    Some(_) => Some("read finds another object".to_owned()),
                    None => Some("read says that there is no object".to_owned()),
                },
                (Place::Deed(deed), _) => case.after(deed).await,
                (Place::Read, None) => None,
            };
            case.judge(
                Law::FaultsHaveTheirClass,
                wrong.map(|what| format!("{told} is taken for success: {what}")),
            );
            return Ok(());
        }
        Err(fault) => fault,
    };
    let wrong = (!classes.contains(&fault.class)).then(|| {
        let right: Vec<&str> = classes.iter().map(|class| class.as_str()).collect();
        format!("{told} is `{}`, not {}: {fault}", fault.class.as_str(), right.join(" or "))
    });
    case.judge(Law::FaultsHaveTheirClass, wrong);
    if effect == Effect::Status(429) {
        let wrong = (fault.retry_after != Some(Duration::from_secs(RETRY_AFTER))).then(|| {
            format!("{told}: Retry-After said {RETRY_AFTER} s, the fault says {:?}", fault.retry_after)
        });
        case.judge(Law::FaultsHaveTheirClass, wrong);
    }
    if let Effect::Status(status) = effect {
        words(case, status, &told, &fault);
    }
    Ok(())
}

/// The vendor's status, code and words.
fn words(case: &mut Case<'_>, status: u16, told: &str, fault: &Fault) {
    let wrong = match &fault.vendor {
        // What is absent, and what was waited for in vain, is told in the plugin's own words.
        None if fault.class == Class::Timeout || (status == 404 && fault.class == Class::NotFound) => None,
        None => Some("the fault does not tell what the vendor said".to_owned()),
        Some(vendor) if vendor.status != status => Some(format!("it tells status {}", vendor.status)),
        Some(vendor) => {
            let code = case.trial.setup.vendor.error.code(status);
            let code = code.map(|code| code.as_str().map_or_else(|| code.to_string(), str::to_owned));
            match code {
                Some(code) if !vendor.code.contains(&code) => {
                    Some(format!("the vendor's code `{code}` became `{}`", vendor.code))
                }
                _ if !vendor.message.contains(WORDS) => {
                    Some(format!("the vendor's words became `{}`", vendor.message))
                }
                _ => None,
            }
        }
    };
    case.judge(Law::VendorWordsAreKept, wrong.map(|what| format!("{told}: {what}")));
}
