//! `StatefulSets`: every replica of the newest revision is ready.

use honey_ports::cluster::Readiness;
use serde_json::Value;

use super::{number, observed, progressing, wanted};

pub(super) fn rule(object: &Value) -> Readiness {
    if !observed(object) {
        return progressing("the controller has not seen the newest specification");
    }
    let wanted = wanted(object);
    let ready = number(object, "/status/readyReplicas");
    if ready < wanted {
        return progressing(format!("{ready} of {wanted} pods are ready"));
    }
    if number(object, "/status/replicas") > wanted {
        return progressing("pods beyond the wanted number are still there");
    }
    // With OnDelete nobody but the operator replaces pods, so an older revision is no reason to wait.
    if object["spec"]["updateStrategy"]["type"] != "OnDelete" {
        let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition").min(wanted);
        let updated = number(object, "/status/updatedReplicas");
        if updated < wanted - partition {
            return progressing(format!(
                "{updated} of {} pods are of the newest revision",
                wanted - partition
            ));
        }
    }
    Readiness::Ready
}
