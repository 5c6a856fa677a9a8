//! Definitions of custom kinds: established.

use honey_ports::cluster::Readiness;
use serde_json::Value;

use super::{condition, failed, is_true, progressing, words};

pub(super) fn rule(object: &Value) -> Readiness {
    if let Some(found) = condition(object, "NamesAccepted").filter(|found| found["status"] == "False") {
        return failed(words(found));
    }
    if is_true(object, "Established") {
        Readiness::Ready
    } else {
        progressing("the API does not serve it yet")
    }
}
