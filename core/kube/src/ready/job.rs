//! Jobs: complete, or failed for good. Attempts that fail are the Job's own
//! business as long as it may try again: only its condition says that it gave up.

use honey_ports::cluster::Readiness;
use serde_json::Value;

use super::{condition, failed, is_true, number, progressing, words};

/// Failures that a Job may have where it does not say.
const BACKOFF_LIMIT: u64 = 6;

pub(super) fn rule(object: &Value) -> Readiness {
    if is_true(object, "Complete") {
        return Readiness::Ready;
    }
    if let Some(found) = condition(object, "Failed").filter(|found| found["status"] == "True") {
        return failed(words(found));
    }
    if object["spec"]["suspend"] == true {
        return failed("it is suspended");
    }
    let most = object.pointer("/spec/backoffLimit").and_then(Value::as_u64).unwrap_or(BACKOFF_LIMIT);
    match (number(object, "/status/active"), number(object, "/status/failed")) {
        (0, 0) => progressing("no pod has started"),
        (active, 0) => progressing(format!("{active} pods run")),
        (0, failures) if failures <= most => {
            progressing(format!("{failures} pods failed, {most} may; the next attempt follows"))
        }
        (active, failures) => progressing(format!("{active} pods run after {failures} failed, {most} may")),
    }
}
