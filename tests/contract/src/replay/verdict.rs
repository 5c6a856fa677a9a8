//! What a plugin must make of an example.

use honey_model::{Fault, FaultClass};
use serde_json::Value;

use super::{
    example::{Example, Kind},
    player::Played,
};
use crate::{
    Failure,
    baseline::Use,
    scenario::Expect,
    stand::{Setup, Stand, Workshop},
    subject::Subject,
};

/// A refusal: the vendor's status, code and words, or a success where the
/// refusal is an answer of its own.
pub(super) fn refused(subject: &Subject, one: &Use, example: &Example, played: &Played) -> Option<String> {
    let at = format!("at {} {}", one.method, one.template);
    if played.times == 0 {
        return Some(format!("{at}: the request did not come up"));
    }
    let said = example.body.as_ref().and_then(subject.refusal).unwrap_or_default();
    let fault = match &played.ran.outcome {
        Ok(_) if (subject.absorbs)(&one.method, &path(one), example.status, &said.code) => return None,
        Ok(value) => return Some(format!("{at}: a refusal was taken for success: {value}")),
        Err(fault) => fault,
    };
    if let Some(words) = broken(fault) {
        return Some(format!("{at}: {words}"));
    }
    if (subject.absorbs)(&one.method, &path(one), example.status, &said.code) {
        return None;
    }
    let Some(vendor) = &fault.vendor else {
        return Some(format!("{at}: the vendor's own words are lost: {fault} [{}]", fault.code));
    };
    // Authentication and paging may answer with a status of success.
    if example.status >= 400 && vendor.status != example.status {
        return Some(format!("{at}: status {} became {}", example.status, vendor.status));
    }
    if !said.code.is_empty() && vendor.code != said.code {
        return Some(format!("{at}: the code `{}` became `{}`", said.code, vendor.code));
    }
    if !said.message.is_empty() && !vendor.message.contains(said.message.trim()) {
        return Some(format!("{at}: the words `{}` became `{}`", said.message, vendor.message));
    }
    None
}

/// An answer of success: success, with the values that must arrive; where the
/// answer itself tells of a failure, a fault that names it.
pub(super) async fn taken(
    workshop: &Workshop,
    subject: &'static Subject,
    one: &Use,
    example: &Example,
    played: &Played,
) -> Result<Option<String>, Failure> {
    let at = format!("at {} {}", one.method, one.template);
    if played.times == 0 {
        return Ok(Some(format!("{at}: the request did not come up")));
    }
    let failure = (subject.failure)(&played.given);
    Ok(match (&played.ran.outcome, failure) {
        (Ok(value), None) => {
            arrived(subject, one, &played.given, value).map(|words| format!("{at}: {words}"))
        }
        (Ok(value), Some(said)) => Some(format!(
            "{at}: it tells of the failure `{}`, and was taken for success: {value}",
            said.message
        )),
        (Err(fault), Some(said)) => {
            let named = fault.to_string().contains(&said.code) && fault.to_string().contains(&said.message);
            match broken(fault) {
                Some(words) => Some(format!("{at}: {words}")),
                None if named => None,
                None => {
                    Some(format!("{at}: the fault does not say `{} {}`: {fault}", said.code, said.message))
                }
            }
        }
        (Err(fault), None) if matches!(played.wanted, Expect::Refused(code) if code == fault.code) => None,
        (Err(fault), None) if incomplete(workshop, subject, one, example, fault).await? => None,
        (Err(fault), None) => Some(format!("{at}: {fault} [{}]", fault.code)),
    })
}

/// Whatever comes of it, it is understood.
pub(super) async fn tolerated(
    workshop: &Workshop,
    subject: &'static Subject,
    one: &Use,
    example: &Example,
    played: &Played,
) -> Result<Option<String>, Failure> {
    let at = format!("at {} {}", one.method, one.template);
    let Err(fault) = &played.ran.outcome else { return Ok(None) };
    if let Some(words) = broken(fault) {
        return Ok(Some(format!("{at}, with new words: {words}")));
    }
    if fault.class != FaultClass::Malformed || incomplete(workshop, subject, one, example, fault).await? {
        return Ok(None);
    }
    Ok(Some(format!("{at}, with new words: {fault} [{}]", fault.code)))
}

/// A fault of the plugin's own making.
pub(super) fn broken(fault: &Fault) -> Option<String> {
    let own = fault.class == FaultClass::Internal || fault.code.starts_with("HNY");
    own.then(|| format!("the plugin broke: {fault} [{}]", fault.code))
}

/// Whether the example is only a part of an answer: it lacks what the vendor's
/// specification requires, and the plugin says that it cannot understand it.
async fn incomplete(
    workshop: &Workshop,
    subject: &'static Subject,
    one: &Use,
    example: &Example,
    fault: &Fault,
) -> Result<bool, Failure> {
    if fault.class != FaultClass::Malformed {
        return Ok(false);
    }
    if workshop.judge.is_none() {
        return Ok(example.kind != Kind::Refusal && fault.message.contains("missing field"));
    }
    let stand = Stand::start(workshop, subject, Setup::default()).await?;
    let misfit = stand.lab.misfit(subject.vendor, &one.method, &path(one), example.status, &example.bytes());
    Ok(misfit.is_some_and(|words| words.contains("required")))
}

/// The first value that must arrive and did not.
fn arrived(subject: &Subject, one: &Use, given: &Value, outcome: &Value) -> Option<String> {
    let mut must = subject
        .arrives
        .iter()
        .filter(|(method, end, ..)| *method == one.method && one.template.0.ends_with(end));
    must.find_map(|(_, _, from, to)| {
        let sent = given.pointer(from).filter(|value| !value.is_null())?;
        let found = outcome.pointer(to);
        (found.is_some() && found != Some(sent)).then(|| format!("{from} was {sent}, and {to} is {found:?}"))
    })
}

/// A path of the template's form.
fn path(one: &Use) -> String {
    one.template.0.replace(['{', '}'], "")
}
