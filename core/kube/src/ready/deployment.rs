//! Deployments: every replica is of the newest template and available, and none of an older one is left.

use honey_ports::cluster::Readiness;
use serde_json::Value;

use super::{condition, failed, number, observed, progressing, wanted, words};

pub(super) fn rule(object: &Value) -> Readiness {
    if !observed(object) {
        return progressing("the controller has not seen the newest specification");
    }
    if let Some(found) = condition(object, "Progressing")
        && found["status"] == "False"
        && found["reason"] == "ProgressDeadlineExceeded"
    {
        return failed(words(found));
    }
    if object["spec"]["paused"] == true {
        return failed("the rollout is paused");
    }
    let wanted = wanted(object);
    let updated = number(object, "/status/updatedReplicas");
    let total = number(object, "/status/replicas");
    let available = number(object, "/status/availableReplicas");
    // A passing refusal to make pods: the controller tries again.
    let refusal = condition(object, "ReplicaFailure")
        .filter(|found| found["status"] == "True")
        .map(|found| format!(" ({})", words(found)))
        .unwrap_or_default();
    if updated < wanted {
        progressing(format!("{updated} of {wanted} pods are of the newest template{refusal}"))
    } else if total > updated {
        progressing(format!("{} pods of an older template are still there", total - updated))
    } else if available < wanted {
        progressing(format!("{available} of {wanted} pods are available{refusal}"))
    } else {
        Readiness::Ready
    }
}
