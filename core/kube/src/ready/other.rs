//! Every other kind: what its own conditions say, by the usual conventions; without any, existing is enough.

use honey_ports::cluster::Readiness;
use serde_json::Value;

use super::{condition, failed, progressing, words};

pub(super) fn rule(object: &Value) -> Readiness {
    if object["kind"] == "Namespace" {
        return if object["status"]["phase"] == "Terminating" {
            progressing("it is being deleted")
        } else {
            Readiness::Ready
        };
    }
    let seen = object.pointer("/status/observedGeneration").and_then(Value::as_u64);
    if let (Some(seen), Some(newest)) = (seen, object.pointer("/metadata/generation").and_then(Value::as_u64))
        && seen < newest
    {
        return progressing("its controller has not seen the newest specification");
    }
    if let Some(found) = condition(object, "Stalled").filter(|found| found["status"] == "True") {
        return failed(words(found));
    }
    if let Some(found) = condition(object, "Reconciling").filter(|found| found["status"] == "True") {
        return progressing(words(found));
    }
    match condition(object, "Ready") {
        Some(found) if found["status"] != "True" => progressing(words(found)),
        _ => Readiness::Ready,
    }
}
