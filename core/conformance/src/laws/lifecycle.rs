//! The plain life of an object: made, read, changed, deleted.

use honey_model::Found;
use honey_ports::ApplyAction;

use crate::{
    Law,
    laws::{Case, counts},
};

/// Plays it. False: the object does not even come into being and go again.
pub(crate) async fn look(case: &mut Case<'_>) -> bool {
    case.peace();
    let Some(found) = create(case).await else { return false };
    again(case, &found).await;
    update(case, &found).await;
    delete(case).await
}

async fn create(case: &mut Case<'_>) -> Option<Found> {
    match case.read(None).await {
        Ok(found) => {
            let wrong = match (&found, case.example.exists) {
                (Some(found), false) => Some(format!("read finds `{}` before anything was made", found.id)),
                (None, true) => Some("read does not find the object that is there already".to_owned()),
                _ => None,
            };
            if !case.judge(Law::DeleteLeavesNothing, wrong) {
                return None;
            }
        }
        Err(fault) => {
            case.judge(Law::CreateMakesOne, Some(format!("read without an object fails: {fault}")));
            return None;
        }
    }
    let now = case.trial.census();
    let wrong = (now != case.baseline)
        .then(|| format!("before {}, after a read {}", counts(&case.baseline), counts(&now)));
    case.judge(Law::ReadsChangeNothing, wrong);
    let made = match case.settle(&case.make()).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            case.judge(Law::CreateMakesOne, Some("it says that there is nothing".to_owned()));
            return None;
        }
        Err(fault) => {
            case.judge(Law::CreateMakesOne, Some(fault.to_string()));
            return None;
        }
    };
    case.made = case.trial.census();
    let wrong = number(case);
    if !case.judge(Law::CreateMakesOne, wrong) {
        return None;
    }
    let found = match case.read(Some(&made.id)).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            case.judge(Law::ReadAfterCreateEqualsDesired, Some(format!("read finds no `{}`", made.id)));
            return None;
        }
        Err(fault) => {
            case.judge(Law::ReadAfterCreateEqualsDesired, Some(fault.to_string()));
            return None;
        }
    };
    let wrong = case.unlike(&case.desired, Some(&found));
    case.judge(Law::ReadAfterCreateEqualsDesired, wrong);
    let wrong = if found.id != made.id {
        Some(format!("apply says `{}`, read says `{}`", made.id, found.id))
    } else if found.ownership != made.ownership {
        Some("apply and read do not agree whose it is".to_owned())
    } else {
        honey_plan::differences(&case.schema, &made.attributes, &found.attributes).first().map(|change| {
            format!("{}: apply says {:?}, read says {:?}", change.path, change.after, change.before)
        })
    };
    case.judge(Law::ApplyTellsWhatReadFinds, wrong);
    let before = case.trial.census();
    let twice = case.read(Some(&made.id)).await;
    let wrong = match twice {
        Ok(Some(second)) if second.attributes != found.attributes => Some("two reads differ".to_owned()),
        Ok(_) if case.trial.census() == before => None,
        Ok(_) => Some("the number of objects is another after a read".to_owned()),
        Err(fault) => Some(fault.to_string()),
    };
    case.judge(Law::ReadsChangeNothing, wrong);
    Some(found)
}

/// Whether one create made as many objects as it may.
fn number(case: &Case<'_>) -> Option<String> {
    let mut more = 0;
    for (name, count) in &case.made {
        let before = case.baseline.get(name).copied().unwrap_or_default();
        let made = count.saturating_sub(before);
        let may = case.example.makes.get(name).copied().unwrap_or(1);
        if made > may {
            return Some(format!("one create made {made} {name}"));
        }
        more += made;
    }
    match (more, case.example.exists) {
        (0, false) => Some("a create made nothing at the vendor".to_owned()),
        (1.., true) => Some("an adopt made something new".to_owned()),
        _ => None,
    }
}

async fn again(case: &mut Case<'_>, found: &Found) {
    let mut wrong = match case.settle(&case.make()).await {
        Ok(Some(second)) if second.id != found.id => {
            Some(format!("first it made `{}`, then `{}`", found.id, second.id))
        }
        Ok(_) => case.counted(),
        Err(fault) => Some(fault.to_string()),
    };
    if wrong.is_none() {
        wrong = match case.read(None).await {
            Ok(Some(second)) if second.id == found.id => case.unlike(&case.desired, Some(&second)),
            Ok(Some(second)) => Some(format!("read without an id finds `{}`, not `{}`", second.id, found.id)),
            Ok(None) => Some("read without an id does not find it".to_owned()),
            Err(fault) => Some(fault.to_string()),
        };
    }
    case.judge(Law::CreateTwiceMakesOne, wrong);
}

async fn update(case: &mut Case<'_>, found: &Found) {
    let Some(updated) = case.updated.clone() else {
        if case.example.update.is_none() {
            case.skip(Law::UpdateConverges, "the example has no update");
        }
        return;
    };
    let action = case.how(found, &updated);
    let mut id = found.id.clone();
    for round in ["", "the second time: "] {
        let Ok(Some(now)) = case.read(Some(&id)).await else { break };
        let action = if round.is_empty() { action } else { ApplyAction::Update };
        let change = case.change(action, Some(&now), Some(&updated));
        let wrong = match case.settle(&change).await {
            Ok(Some(told)) => {
                id.clone_from(&told.id);
                match case.trial.read(case.kind(), crate::trial::ONE, Some(&told.id), Some(&updated)).await {
                    Ok(found) => case.unlike(&updated, found.as_ref()),
                    Err(fault) => Some(fault.to_string()),
                }
            }
            Ok(None) => Some("it says that there is nothing".to_owned()),
            Err(fault) => Some(fault.to_string()),
        };
        if !case.judge(Law::UpdateConverges, wrong.map(|what| format!("{round}{what}"))) {
            break;
        }
    }
}

/// Deletes the object twice.
async fn delete(case: &mut Case<'_>) -> bool {
    let desired = case.updated.clone().unwrap_or_else(|| case.desired.clone());
    let found = match case.trial.read(case.kind(), crate::trial::ONE, None, Some(&desired)).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            return case.judge(Law::DeleteLeavesNothing, Some("the object is not found any more".to_owned()));
        }
        Err(fault) => return case.judge(Law::DeleteLeavesNothing, Some(fault.to_string())),
    };
    let change = case.change(ApplyAction::Delete, Some(&found), None);
    let wrong = match case.settle(&change).await {
        Err(fault) => Some(fault.to_string()),
        Ok(_) if case.example.exists => None,
        Ok(_) => {
            let now = case.trial.census();
            let left = (now != case.baseline)
                .then(|| format!("before {}, afterwards {}", counts(&case.baseline), counts(&now)));
            match case.read(Some(&found.id)).await {
                Ok(Some(_)) => Some("read finds it still".to_owned()),
                Ok(None) => left,
                Err(fault) => Some(format!("read of what is gone fails: {fault}")),
            }
        }
    };
    if !case.judge(Law::DeleteLeavesNothing, wrong) {
        return false;
    }
    let wrong = case.settle(&change).await.err().map(|fault| fault.to_string());
    case.judge(Law::DeleteTwiceIsDone, wrong);
    true
}
