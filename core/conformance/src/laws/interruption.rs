//! Killed at every host call and resumed; answers lost after the vendor acted.

use honey_model::Fault;
use honey_ports::ApplyAction;
use serde_json::Value;

use crate::{
    Law,
    laws::Case,
    meddle::{Effect, Rule, Which},
    trial::{Change, ONE},
};

/// What is interrupted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Make,
    Update,
    Delete,
}

impl Deed {
    pub(crate) const ALL: [Self; 3] = [Self::Make, Self::Update, Self::Delete];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Make => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl Case<'_> {
    /// The world as it is before a deed, and the deed. None: this kind has no such deed.
    pub(crate) async fn before(&mut self, deed: Deed) -> Result<Option<Change>, Fault> {
        match deed {
            Deed::Make => {
                self.clean().await?;
                Ok(Some(self.make()))
            }
            Deed::Update => {
                let Some(updated) = self.updated.clone() else { return Ok(None) };
                let found = self.ensure().await?;
                let action = self.how(&found, &updated);
                let wanted = self.updated.clone().unwrap_or(updated);
                Ok(Some(self.change(action, Some(&found), Some(&wanted))))
            }
            Deed::Delete if self.example.exists => Ok(None),
            Deed::Delete => {
                let found = self.ensure().await?;
                Ok(Some(self.change(ApplyAction::Delete, Some(&found), None)))
            }
        }
    }

    /// What is wrong with the world after a deed.
    pub(crate) async fn after(&self, deed: Deed) -> Option<String> {
        match deed {
            Deed::Make => self.settled(&self.desired).await,
            Deed::Update => {
                let wanted = self.updated.as_ref().unwrap_or(&Value::Null);
                if let Some(counted) = self.counted() {
                    return Some(counted);
                }
                match self.trial.read(self.kind(), ONE, None, Some(wanted)).await {
                    Ok(found) => self.unlike(wanted, found.as_ref()),
                    Err(fault) => Some(fault.to_string()),
                }
            }
            Deed::Delete => {
                let now = self.trial.census();
                (now != self.baseline).then(|| format!("the vendor still has {}", super::counts(&now)))
            }
        }
    }
}

/// Most points of one deed that are tried.
const MOST: usize = 120;

/// Kills and resumes, then loses answers.
pub(crate) async fn look(case: &mut Case<'_>) -> Result<(), Fault> {
    for deed in Deed::ALL {
        if case.applies(Law::InterruptionMakesNoSecond) {
            killed(case, deed).await?;
        }
        if case.applies(Law::LostAnswerMakesNoSecond) {
            lost(case, deed).await?;
        }
    }
    case.clean().await
}

async fn killed(case: &mut Case<'_>, deed: Deed) -> Result<(), Fault> {
    let Some(change) = case.before(deed).await? else { return Ok(()) };
    case.trial.death.arm(0);
    if case.settle(&change).await.is_err() {
        return Ok(());
    }
    let points = case.trial.death.points().min(MOST);
    for point in 1..=points {
        let Some(change) = case.before(deed).await? else { return Ok(()) };
        let operation = case.trial.operation(case.kind(), ONE);
        case.trial.death.arm(point);
        let died = case.trial.apply(&operation, &change).await.is_none();
        let place = case.trial.death.name(point);
        case.peace();
        if !died {
            continue;
        }
        let resumed = case.trial.settle(&operation, &change).await;
        let wrong = match resumed {
            Err(fault) => Some(fault.to_string()),
            Ok(_) => case.after(deed).await,
        };
        let wrong = wrong.map(|what| format!("{} killed {place} and resumed: {what}", deed.name()));
        if !case.judge(Law::InterruptionMakesNoSecond, wrong)
            && case.book.is_broken(Law::InterruptionMakesNoSecond, &case.schema.kind)
            && point > 40
        {
            break;
        }
    }
    Ok(())
}

async fn lost(case: &mut Case<'_>, deed: Deed) -> Result<(), Fault> {
    let Some(change) = case.before(deed).await? else { return Ok(()) };
    case.trial.gate().set(None);
    if case.settle(&change).await.is_err() {
        return Ok(());
    }
    let requests = case.trial.gate().seen();
    for (number, seen) in requests.iter().enumerate().filter(|(_, seen)| seen.changes()) {
        let Some(change) = case.before(deed).await? else { return Ok(()) };
        let rule = Rule { which: Which::Only(number), effect: Effect::CutAfter };
        case.trial.gate().set(Some(rule));
        let outcome = case.settle(&change).await;
        case.peace();
        let wrong = match outcome {
            Err(fault) => Some(format!("{} is not tried again: {fault}", fault.class.as_str())),
            Ok(_) => case.after(deed).await,
        };
        let wrong = wrong.map(|what| {
            format!("{}: the answer to {} {} was lost: {what}", deed.name(), seen.method, seen.path)
        });
        case.judge(Law::LostAnswerMakesNoSecond, wrong);
    }
    Ok(())
}
