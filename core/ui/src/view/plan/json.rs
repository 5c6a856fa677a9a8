//! A plan as one JSON document: everything the human view shows, whole.

use honey_plan::Plan;
use serde_json::{Value, json};

use super::{Estimate, counts, secret, word};

/// The document. Field changes are masked by the planner already; the values
/// that apply works with (`desired`, `prior`) stay out of it.
pub fn document(plan: &Plan, estimate: &Estimate) -> Value {
    let operations: Vec<Value> = plan
        .operations
        .iter()
        .map(|operation| {
            json!({
                "address": operation.address,
                "kind": operation.kind,
                "driver": operation.driver,
                "action": operation.action,
                "wave": operation.wave,
                "reasons": operation.reasons,
                "changes": secret::changes(operation),
                "after": operation.after,
            })
        })
        .collect();
    let summary: serde_json::Map<String, Value> =
        counts(plan).iter().map(|(action, count)| (word(*action).to_owned(), json!(count))).collect();
    json!({
        "honey": plan.honey,
        "purpose": plan.purpose,
        "instance": plan.instance,
        "role": estimate.role(plan),
        "serial": plan.serial,
        "active": plan.active,
        "summary": summary,
        "changes": plan.operations.len(),
        "operations": operations,
        "unchanged": plan.unchanged,
        "estimate": estimate,
        "diagnostics": plan.diagnostics,
    })
}
