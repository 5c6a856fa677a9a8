//! `DaemonSets`: an available pod of the newest template on every node that wants one.

use honey_ports::cluster::Readiness;
use serde_json::Value;

use super::{number, observed, progressing};

pub(super) fn rule(object: &Value) -> Readiness {
    if !observed(object) {
        return progressing("the controller has not seen the newest specification");
    }
    let wanted = number(object, "/status/desiredNumberScheduled");
    let updated = number(object, "/status/updatedNumberScheduled");
    let available = number(object, "/status/numberAvailable");
    if object["spec"]["updateStrategy"]["type"] != "OnDelete" && updated < wanted {
        progressing(format!("{updated} of {wanted} nodes have the newest pod"))
    } else if available < wanted {
        progressing(format!("{available} of {wanted} nodes have an available pod"))
    } else {
        Readiness::Ready
    }
}
