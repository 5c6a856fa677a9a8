//! Whose an object is: ours, another's, nobody's.

use honey_model::{Fault, Ownership};
use honey_ports::ApplyAction;

use crate::{
    Law,
    laws::Case,
    trial::{ONE, TWO},
};

/// Looks at all three.
pub(crate) async fn look(case: &mut Case<'_>) -> Result<(), Fault> {
    case.clean().await?;
    foreign(case).await?;
    case.clean().await?;
    nobodys(case).await?;
    case.clean().await
}

/// Another owner's operation on the same desired value.
async fn foreign(case: &mut Case<'_>) -> Result<(), Fault> {
    if !case.applies(Law::OwnersAreRespected) {
        return Ok(());
    }
    let ours = case.ensure().await?;
    let wrong = match case.trial.read(case.kind(), TWO, Some(&ours.id), Some(&case.desired)).await {
        Ok(Some(found)) if found.ownership == Ownership::Foreign => None,
        Ok(Some(found)) => Some(format!("another owner reads our object as {:?}", found.ownership)),
        Ok(None) => None,
        Err(fault) => Some(fault.to_string()),
    };
    if !case.judge(Law::OwnersAreRespected, wrong) {
        return Ok(());
    }
    let operation = case.trial.operation(case.kind(), TWO);
    let change = case.change(
        if case.example.exists { ApplyAction::Adopt } else { ApplyAction::Create },
        None,
        Some(&case.desired),
    );
    let outcome = case.trial.settle(&operation, &change).await;
    let took = matches!(&outcome, Ok(Some(found)) if found.id == ours.id);
    let after = case.trial.read(case.kind(), ONE, Some(&ours.id), Some(&case.desired)).await;
    let wrong = match after {
        _ if took => Some("another owner's create took our object over".to_owned()),
        Ok(found) => case
            .unlike(&case.desired, found.as_ref())
            .map(|what| format!("after another owner's create: {what}")),
        Err(fault) => Some(fault.to_string()),
    };
    case.judge(Law::OwnersAreRespected, wrong);
    // What the other owner made goes with its world.
    if outcome.is_ok() {
        case.renew().await?;
    }
    Ok(())
}

/// An object that a person made.
async fn nobodys(case: &mut Case<'_>) -> Result<(), Fault> {
    if case.example.by_hand.is_empty() && !case.example.exists {
        case.skip(Law::AdoptTakesOver, "the example has no `by-hand` requests");
        return Ok(());
    }
    let laws = [Law::AdoptTakesOver, Law::OwnersAreRespected];
    if !laws.into_iter().any(|law| case.applies(law)) {
        return Ok(());
    }
    for request in case.example.by_hand.clone() {
        if let Err(what) = case.trial.by_hand(&request.on, &request.body, &case.given).await {
            case.judge(Law::AdoptTakesOver, Some(format!("`by-hand` was refused: {what}")));
            return case.renew().await;
        }
    }
    let before = case.trial.census();
    let found = match case.read(None).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            case.judge(Law::AdoptTakesOver, Some("read does not find it by its natural name".to_owned()));
            return case.renew().await;
        }
        Err(fault) => {
            case.judge(Law::AdoptTakesOver, Some(fault.to_string()));
            return case.renew().await;
        }
    };
    if !case.example.exists {
        let wrong = (found.ownership != Ownership::Unmarked)
            .then(|| format!("an object that a person made is read as {:?}", found.ownership));
        case.judge(Law::OwnersAreRespected, wrong);
        let change = case.change(ApplyAction::Create, None, Some(&case.desired));
        let wrong = match case.settle(&change).await {
            Ok(Some(made)) if made.id == found.id => Some("a create took over what a person made".to_owned()),
            _ => None,
        };
        case.judge(Law::OwnersAreRespected, wrong);
        if case.trial.census() != before {
            // The vendor allows two of a name: adopting is tried without the second.
            return case.renew().await;
        }
    }
    let change = case.change(ApplyAction::Adopt, Some(&found), Some(&case.desired));
    let wrong = match case.settle(&change).await {
        Ok(Some(told)) if told.id != found.id => {
            Some(format!("it adopted `{}`, not `{}`", told.id, found.id))
        }
        Ok(_) if case.trial.census() != before => Some("adopting changed the number of objects".to_owned()),
        Ok(_) => match case.read(None).await {
            Ok(found) => case.unlike(&case.desired, found.as_ref()),
            Err(fault) => Some(fault.to_string()),
        },
        Err(fault) => Some(fault.to_string()),
    };
    case.judge(Law::AdoptTakesOver, wrong);
    if case.example.by_hand.is_empty() { Ok(()) } else { case.renew().await }
}
