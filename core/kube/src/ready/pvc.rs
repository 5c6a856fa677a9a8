//! `PersistentVolumeClaims`: bound, or waiting for their first pod as their class says.

use honey_ports::cluster::Readiness;
use serde_json::Value;

use super::{failed, progressing};

pub(super) fn rule(object: &Value, binds_on_first_use: bool) -> Readiness {
    match object["status"]["phase"].as_str() {
        Some("Bound") => Readiness::Ready,
        Some("Lost") => failed("its volume is lost"),
        _ if binds_on_first_use => Readiness::Ready,
        _ => progressing("no volume is bound to it yet"),
    }
}
