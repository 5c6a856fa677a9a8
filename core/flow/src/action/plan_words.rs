//! What a plan says of cluster objects beyond the difference of fields: from
//! whom fields are taken over, which settings make a workload roll. Values of
//! `Secret`s that a stack brings itself are masked.

use honey_model::Diagnostic;
use honey_plan::{FieldChange, MASK, Operation, Plan};
use honey_ports::cluster::FieldOwner;
use serde_json::{Value, json};

use crate::kind::kube_object::{TAKES_OVER, taken_over};

/// Where the settings of a workload stand in its desired value.
const USES: &str = "/uses/";

/// From whom an operation takes fields over.
pub(crate) fn owners(operation: &Operation) -> Vec<FieldOwner> {
    let shown = operation.prior.as_ref().and_then(|prior| prior.get(TAKES_OVER));
    shown.and_then(|owners| serde_json::from_value(owners.clone()).ok()).unwrap_or_default()
}

/// Whose fields a plan would take over although the configuration says to refuse that. How many of a
/// singleton run is never anybody else's to say.
pub(crate) fn refused(plan: &Plan) -> Vec<Diagnostic> {
    let in_the_way = |operation: &Operation| {
        let singleton = operation.desired.as_ref().is_some_and(|wanted| wanted["singleton"] == true);
        let owners: Vec<String> = owners(operation)
            .into_iter()
            .filter(|owner| !singleton || owner.field != "spec.replicas")
            .map(|owner| format!("{} owns {}", owner.manager, owner.field))
            .collect();
        (!owners.is_empty()).then(|| {
            let text = format!("{}: {}", operation.address, owners.join(", "));
            Diagnostic::error("HNY0219", text)
                .at("stack.conflicts")
                .with_help("`conflicts = \"take-over\"` in [stack] sets them as wanted; or take the fields out of the stack")
        })
    };
    plan.operations.iter().filter_map(in_the_way).collect()
}

/// Adds the words and masks what must not be shown.
pub(crate) fn explain(plan: &mut Plan) {
    for operation in plan.operations.iter_mut().filter(|operation| operation.driver == crate::DRIVER) {
        let reasons: Vec<String> = owners(operation)
            .iter()
            .map(taken_over)
            .chain(operation.changes.iter().filter_map(rolled_by))
            .collect();
        for reason in reasons {
            if !operation.reasons.contains(&reason) {
                operation.reasons.push(reason);
            }
        }
        if is_secret(operation) {
            operation.changes.iter_mut().for_each(mask);
        }
    }
}

fn rolled_by(change: &FieldChange) -> Option<String> {
    let source = change.path.strip_prefix(USES)?.split('/').next()?.replace("~1", "/");
    Some(format!("its pods are replaced: {source}, which they use, changes"))
}

fn is_secret(operation: &Operation) -> bool {
    let kind =
        |value: &Option<Value>| value.as_ref().is_some_and(|value| value["object"]["kind"] == "Secret");
    kind(&operation.desired) || kind(&operation.prior)
}

/// Metadata may be shown; everything else of a secret may be its value.
fn mask(change: &mut FieldChange) {
    if change.path.starts_with("/object/metadata") || !change.path.starts_with("/object") {
        return;
    }
    for side in [&mut change.before, &mut change.after].into_iter().flatten() {
        match side.as_object_mut().filter(|_| change.path == "/object") {
            Some(object) => {
                for field in ["data", "stringData"] {
                    object.entry(field).and_modify(|value| *value = json!(MASK));
                }
            }
            None => *side = json!(MASK),
        }
    }
}

#[cfg(test)]
mod tests {
    use honey_plan::{FieldChange, MASK};
    use serde_json::json;

    use super::{mask, rolled_by};

    #[test]
    fn a_value_of_a_secret_is_masked_wherever_it_stands() {
        let change = |path: &str, value| FieldChange {
            path: path.to_owned(),
            before: Some(value),
            ..FieldChange::default()
        };
        let masked = |path: &str, value| {
            let mut change = change(path, value);
            mask(&mut change);
            change.before.unwrap()
        };
        assert_eq!(masked("/object/data/k", json!("c2VjcmV0")), MASK);
        assert_eq!(masked("/object/stringData", json!({"k": "secret"})), MASK);
        assert_eq!(masked("/object/metadata/labels/a", json!("b")), "b");
        let whole = masked("/object", json!({"kind": "Secret", "data": {"k": "c2VjcmV0"}}));
        assert_eq!(whole, json!({"kind": "Secret", "data": MASK}));
    }

    #[test]
    fn a_source_is_named_once_however_it_is_escaped() {
        let change = FieldChange { path: "/uses/Secret~1app".to_owned(), ..FieldChange::default() };
        assert_eq!(rolled_by(&change).unwrap(), "its pods are replaced: Secret/app, which they use, changes");
    }
}
