//! The eviction subresource: a delete that disruption budgets may refuse for now.

use serde_json::{Value, json};

use super::{
    handle::{self, Answer, Call, Target},
    selector,
    status::Refusal,
    store::{Key, State},
};

/// Answers as the API does: 201, 429 with the budget's needs, or 500 where two budgets cover a pod.
pub(super) fn evict(state: &mut State, call: &Call, target: &Target) -> Result<Answer, Refusal> {
    let key = target.key()?;
    let pod = state.objects.get(&key).cloned().ok_or_else(|| Refusal::not_found(&target.kind, &key.name))?;
    let leaving = pod["metadata"].get("deletionTimestamp").is_some();
    let waits = matches!(pod["status"]["phase"].as_str(), Some("Pending" | "Succeeded" | "Failed") | None);
    if !leaving && !waits {
        permit(state, &key, &pod)?;
    }
    handle::delete(state, call, target)?;
    Ok(Answer::Json(
        201,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
    ))
}

/// Takes one off the budget that covers a pod.
fn permit(state: &mut State, key: &Key, pod: &Value) -> Result<(), Refusal> {
    let covering: Vec<(Key, Value)> = state
        .all("policy", "poddisruptionbudgets")
        .into_iter()
        .filter(|(budget, object)| {
            budget.namespace == key.namespace && selector::spec_matches(pod, &object["spec"]["selector"])
        })
        .collect();
    if covering.len() > 1 {
        let why = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        return Err(Refusal::new(500, "InternalError", why));
    }
    let Some((budget, object)) = covering.into_iter().next() else { return Ok(()) };
    let allowed = object["status"]["disruptionsAllowed"].as_u64().unwrap_or(0);
    if allowed == 0 {
        let mut refusal = Refusal::new(
            429,
            "TooManyRequests",
            "Cannot evict pod as it would violate the pod's disruption budget.",
        );
        let needs = format!(
            "The disruption budget {} needs {} healthy pods and has {} currently",
            budget.name,
            object["status"]["desiredHealthy"].as_u64().unwrap_or(0),
            object["status"]["currentHealthy"].as_u64().unwrap_or(0)
        );
        refusal.body["details"] = json!({"causes": [{"reason": "DisruptionBudget", "message": needs}]});
        return Err(refusal);
    }
    state.change(&budget, |object| object["status"]["disruptionsAllowed"] = json!(allowed - 1));
    Ok(())
}
