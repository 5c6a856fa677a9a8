//! Jobs: complete, or failed for good.

use honey_ports::cluster::Readiness;
use serde_json::Value;

use super::{condition, failed, is_true, number, progressing, words};

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
    match (number(object, "/status/active"), number(object, "/status/failed")) {
        (0, 0) => progressing("no pod has started"),
        (active, 0) => progressing(format!("{active} pods run")),
        (active, failures) => progressing(format!("{active} pods run after {failures} failed")),
    }
}
