//! `check`: pure, stable, idempotent, and patient with what is not known yet.

use honey_model::{Fault, Severity};
use honey_ports::{Checked, Driver as _};
use serde_json::Value;

use crate::{Law, laws::Case, run::short};

/// Looks at check, and takes the normal forms of the example. False: there are none.
pub(crate) async fn look(case: &mut Case<'_>) -> bool {
    case.trial.gate().set(None);
    let (before, raw) = (case.trial.census(), case.raw(false));
    let desired = match checked(case, &raw).await {
        Ok(desired) => desired,
        Err(what) => {
            case.judge(Law::CheckIsStable, Some(format!("the example is refused: {what}")));
            return false;
        }
    };
    let changed = (0..2).map(|_| raw.clone()).collect::<Vec<_>>();
    for again in changed {
        let wrong = match checked(case, &again).await {
            Ok(second) if second == desired => None,
            Ok(second) => Some(format!("once {}, then {}", short(&desired), short(&second))),
            Err(what) => Some(format!("the second time it is refused: {what}")),
        };
        if !case.judge(Law::CheckIsStable, wrong) {
            break;
        }
    }
    let wrong = match checked(case, &desired).await {
        Ok(second) if second == desired => None,
        Ok(second) => Some(format!("{} becomes {}", short(&desired), short(&second))),
        Err(what) => Some(format!("its own normal form is refused: {what}")),
    };
    case.judge(Law::CheckIsIdempotent, wrong);
    unknown(case, &raw).await;
    let seen = case.trial.gate().seen();
    let wrong = seen.first().map(|seen| format!("it sent {} {}", seen.method, seen.path));
    let wrong = wrong
        .or_else(|| (case.trial.census() != before).then(|| "it changed the vendor's objects".to_owned()));
    case.judge(Law::CheckIsPure, wrong);
    if case.example.update.is_some() {
        let raw = case.raw(true);
        match checked(case, &raw).await {
            Ok(updated) => case.updated = Some(updated),
            Err(what) => {
                case.judge(Law::UpdateConverges, Some(format!("the example's update is refused: {what}")));
            }
        }
    }
    case.desired = desired;
    true
}

/// Field by field: not known yet.
async fn unknown(case: &mut Case<'_>, raw: &Value) {
    let fields: Vec<String> = raw.as_object().into_iter().flat_map(|fields| fields.keys().cloned()).collect();
    for field in fields {
        let mut partly = raw.clone();
        partly[&field] = Value::Null;
        let wrong = checked(case, &partly).await.err().map(|what| format!("without `{field}`: {what}"));
        case.judge(Law::CheckAcceptsUnknown, wrong);
    }
}

async fn checked(case: &Case<'_>, value: &Value) -> Result<Value, String> {
    let told = |fault: Fault| fault.to_string();
    let plugin = case.trial.plugin().await.map_err(|error| error.to_string())?;
    let Checked { desired, diagnostics } = plugin.check(case.kind(), value).await.map_err(told)?;
    match diagnostics.iter().find(|finding| finding.severity == Severity::Error) {
        Some(finding) => Err(format!("{}: {}", finding.path, finding.summary)),
        None => Ok(desired),
    }
}
