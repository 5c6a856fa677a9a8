//! Whether a step came to what it must.

use honey_model::KindSchema;
use serde_json::Value;

use crate::{
    scenario::{Expect, Step},
    stand::{Known, Ran},
};

/// What is wrong, in words; none when all is well. `before` is what was known
/// of the object before the step.
pub fn judge(step: &Step, ran: &Ran, before: Option<&Known>, schema: Option<&KindSchema>) -> Option<String> {
    let outcome = match (&ran.outcome, &step.expect) {
        (Err(fault), Expect::Refused(code)) if fault.code == *code => return None,
        (Err(fault), _) => return Some(format!("failed: {} [{}]", fault, fault.code)),
        (Ok(value), Expect::Refused(code)) => {
            return Some(format!("succeeded, and not with the fault `{code}`: {value}"));
        }
        (Ok(value), _) => value,
    };
    let id = outcome.get("id").and_then(Value::as_str);
    let same = before.map(|known| known.id.as_str()) == id;
    match &step.expect {
        Expect::Nothing if outcome.is_null() => None,
        Expect::Nothing => Some(format!("there is an object: {outcome}")),
        Expect::Done | Expect::Refused(_) => None,
        Expect::Tells(pointer, value) => {
            let found = outcome.pointer(pointer);
            (found != Some(value)).then(|| format!("`{pointer}` is {found:?} and not {value}"))
        }
        Expect::Found if id.is_some() => None,
        Expect::Found => Some("there is no object".to_owned()),
        Expect::Drifted(field) => {
            let differs = differing(&ran.desired, outcome, schema);
            (!differs.iter().any(|name| name == field))
                .then(|| format!("`{field}` shows no drift: {outcome}"))
        }
        Expect::Same if before.is_some() && !same => Some(format!("another object: {id:?}")),
        Expect::New if same => Some("the same object as before".to_owned()),
        Expect::Settled | Expect::Same | Expect::New => unsettled(outcome, &ran.desired, schema),
    }
}

/// Why a plan after this outcome would not be empty.
fn unsettled(outcome: &Value, desired: &Value, schema: Option<&KindSchema>) -> Option<String> {
    if outcome.get("id").is_none() {
        return Some("there is no object".to_owned());
    }
    if outcome["ownership"] != "ours" {
        return Some(format!("the object is {}", outcome["ownership"]));
    }
    let differs = differing(desired, outcome, schema);
    (!differs.is_empty()).then(|| format!("a plan would change {}: {outcome}", differs.join(", ")))
}

/// Fields that a plan would change.
pub fn differing(desired: &Value, outcome: &Value, schema: Option<&KindSchema>) -> Vec<String> {
    let mut names = Vec::new();
    for (name, wanted) in desired.as_object().into_iter().flatten() {
        let field = schema.map(|schema| schema.field(name)).unwrap_or_default();
        if field.create_only || wanted.is_null() {
            continue;
        }
        let found = &outcome["attributes"][name];
        let same = if field.unordered { sorted(wanted) == sorted(found) } else { wanted == found };
        if !same {
            names.push(name.clone());
        }
    }
    names
}

fn sorted(value: &Value) -> Vec<String> {
    let mut items: Vec<String> = value.as_array().into_iter().flatten().map(Value::to_string).collect();
    items.sort();
    items
}
