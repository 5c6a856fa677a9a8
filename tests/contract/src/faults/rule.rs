//! The rule for every cell of the matrix.
//!
//! | Fault | What only reads, or may be repeated | What changes something |
//! |---|---|---|
//! | 401, 403, 422 | **surface**: typed, with the vendor's words, never sent more than twice | the same |
//! | 404 | **answer**: nothing is there, or it is gone already; else **surface** | the same |
//! | locked | **wait** for it, or **surface** as what waiting helps (the engine waits) | the same |
//! | 429 | **wait**, at least as long as the vendor asked, then go on | the same: nothing was done |
//! | 500, 502, cut, slow | **retry** | **surface** as passing, or **resume**: look what became of it, then go on; never blindly again |
//! | task runs | **wait** until it is over | the same |
//! | task fails | **surface** with the vendor's reason | the same |
//!
//! And for every cell: once the fault is over, the same operation comes to what
//! it must, the vendor holds exactly what it would have held, no page of a proxy
//! and no control character reaches the operator, and no plugin breaks.

use std::time::Duration;

use honey_model::{Fault, FaultClass};

use super::column::Column;

/// What a plugin did about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Asked again, and went on.
    Retry,
    /// Waited, and went on.
    Wait,
    /// Told it, typed.
    Surface,
    /// Looked what had become of it, and went on.
    Resume,
    /// Took it for the answer that it is.
    Answer,
    /// There is no such thing here.
    Nothing,
}

impl Outcome {
    /// Its word in the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Wait => "wait",
            Self::Surface => "surface",
            Self::Resume => "resume",
            Self::Answer => "answer",
            Self::Nothing => "n/a",
        }
    }
}

/// What is known of the call that met the fault.
#[derive(Debug)]
pub struct Met<'a> {
    /// The fault.
    pub column: Column,
    /// Whether the request only reads, or is one that may be repeated.
    pub repeatable: bool,
    /// How often the request was hit.
    pub hits: usize,
    /// How often it was sent, hits included.
    pub sent: usize,
    /// Waits of the call.
    pub waited: Duration,
    /// What the call came to.
    pub fault: Option<&'a Fault>,
    /// Whether success is right although every answer was this refusal.
    pub absorbed: bool,
    /// Whether the vendor's own form of "too many requests" tells a wait.
    pub tells: bool,
}

/// What is wrong where the request was never made.
pub const NOT_SENT: &str = "the request did not come up";

/// What the plugin did, or what is wrong about it.
pub fn judge(met: &Met<'_>) -> Result<Outcome, String> {
    if met.hits == 0 {
        return Err(NOT_SENT.to_owned());
    }
    if let Some(words) = met.fault.and_then(broken) {
        return Err(words);
    }
    match met.column {
        Column::Unauthorized => refused(met, 401, &[FaultClass::Auth, FaultClass::Forbidden]),
        Column::Forbidden => refused(met, 403, &[FaultClass::Forbidden, FaultClass::Auth, FaultClass::Quota]),
        Column::NotFound => missing(met),
        Column::Locked => locked(met),
        Column::Invalid => {
            let classes = [FaultClass::Invalid, FaultClass::Conflict, FaultClass::Locked, FaultClass::Quota];
            refused(met, 422, &classes)
        }
        Column::LimitedSeconds | Column::LimitedDate | Column::Limited | Column::LimitedVendor => {
            limited(met)
        }
        Column::ServerError => passing(met, Some(500)),
        Column::BadGateway => passing(met, Some(502)),
        Column::CutBefore | Column::CutAfter | Column::Slow => passing(met, None),
        Column::TaskRuns => match met.fault {
            None if met.waited > Duration::ZERO => Ok(Outcome::Wait),
            None => Err("it did not wait for the task".to_owned()),
            Some(fault) => Err(format!("it did not wait for the task: {}", told(fault))),
        },
        Column::TaskFails => match met.fault {
            Some(_) => Ok(Outcome::Surface),
            None => Err("a failed task was taken for success".to_owned()),
        },
    }
}

fn told(fault: &Fault) -> String {
    format!("{fault} [{}, {}]", fault.code, fault.class.as_str())
}

/// What no fault may be.
pub fn broken(fault: &Fault) -> Option<String> {
    let text = fault.to_string();
    let own = ["HNY0411", "HNY0412", "HNY0413", "HNY0415"].contains(&fault.code.as_str());
    if fault.class == FaultClass::Internal || own {
        return Some(format!("the plugin broke: {}", told(fault)));
    }
    if text.contains("<html") || text.contains("<body") {
        return Some(format!("a page reached the operator: {text}"));
    }
    if text.len() > 6_000 {
        return Some(format!("{} bytes of words", text.len()));
    }
    let raw = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.contains(raw).then(|| format!("control characters reached the operator: {text:?}"))
}

fn refused(met: &Met<'_>, status: u16, classes: &[FaultClass]) -> Result<Outcome, String> {
    let Some(fault) = met.fault else {
        return if met.absorbed { Ok(Outcome::Answer) } else { Err("taken for success".to_owned()) };
    };
    if !classes.contains(&fault.class) {
        return Err(format!("of the wrong class: {}", told(fault)));
    }
    if fault.vendor.as_ref().is_none_or(|vendor| vendor.status != status) {
        return Err(format!("the vendor's words are lost: {}", told(fault)));
    }
    if met.sent > 2 {
        return Err(format!("sent {} times", met.sent));
    }
    Ok(Outcome::Surface)
}

fn missing(met: &Met<'_>) -> Result<Outcome, String> {
    match met.fault {
        None if met.absorbed => Ok(Outcome::Answer),
        None => Err("taken for success".to_owned()),
        Some(fault) if fault.class.retriable() => Err(format!("of the wrong class: {}", told(fault))),
        Some(_) => Ok(Outcome::Surface),
    }
}

fn locked(met: &Met<'_>) -> Result<Outcome, String> {
    match met.fault {
        None if met.waited > Duration::ZERO => Ok(Outcome::Wait),
        None => Ok(Outcome::Resume),
        Some(fault) if matches!(fault.class, FaultClass::Locked | FaultClass::Conflict) => {
            Ok(Outcome::Surface)
        }
        Some(fault) => Err(format!("of the wrong class: {}", told(fault))),
    }
}

fn limited(met: &Met<'_>) -> Result<Outcome, String> {
    if let Some(fault) = met.fault {
        return Err(format!("it did not wait: {}", told(fault)));
    }
    if met.sent <= met.hits {
        return Err("it was never asked again".to_owned());
    }
    let hits = u32::try_from(met.hits).unwrap_or(u32::MAX);
    let least = Duration::from_secs(met.column.asked_seconds(met.tells)) * hits;
    if met.waited < least || met.waited.is_zero() {
        return Err(format!("it waited {:?} and was asked to wait {least:?}", met.waited));
    }
    Ok(Outcome::Wait)
}

fn passing(met: &Met<'_>, status: Option<u16>) -> Result<Outcome, String> {
    let Some(fault) = met.fault else {
        return Ok(if met.repeatable && met.sent > met.hits { Outcome::Retry } else { Outcome::Resume });
    };
    if met.repeatable {
        return Err(format!("it was not asked again: {}", told(fault)));
    }
    if !matches!(fault.class, FaultClass::Transient | FaultClass::Timeout) {
        return Err(format!("of the wrong class: {}", told(fault)));
    }
    if let Some(status) = status
        && fault.vendor.as_ref().is_none_or(|vendor| vendor.status != status)
    {
        return Err(format!("the vendor's status is lost: {}", told(fault)));
    }
    Ok(Outcome::Surface)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(column: Column, fault: Option<&Fault>) -> Met<'_> {
        let waited = Duration::from_secs(9);
        Met { column, repeatable: true, hits: 1, sent: 2, waited, fault, absorbed: false, tells: true }
    }

    #[test]
    fn wrong_outcomes_are_told() {
        let transient = Fault::new(FaultClass::Transient, "x::500", "no");
        assert_eq!(judge(&met(Column::ServerError, None)), Ok(Outcome::Retry));
        assert!(judge(&met(Column::ServerError, Some(&transient))).is_err(), "a read is asked again");
        let once = Met { repeatable: false, ..met(Column::CutAfter, Some(&transient)) };
        assert_eq!(judge(&once), Ok(Outcome::Surface));
        assert!(judge(&met(Column::Unauthorized, None)).is_err());
        assert!(judge(&met(Column::Unauthorized, Some(&transient))).is_err());
        let hasty = Met { waited: Duration::from_millis(10), ..met(Column::LimitedSeconds, None) };
        assert!(judge(&hasty).is_err());
        assert!(judge(&Met { hits: 0, ..met(Column::CutAfter, None) }).is_err());
        let page = Fault::new(FaultClass::Transient, "x::502", "<html>");
        assert!(judge(&met(Column::TaskFails, Some(&page))).is_err());
        let escape = Fault::new(FaultClass::Conflict, "x::y", "\u{1b}[31m");
        assert!(judge(&met(Column::TaskFails, Some(&escape))).is_err());
    }
}
