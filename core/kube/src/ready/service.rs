//! Services: at once, but for load balancers, which need an address.

use honey_ports::cluster::Readiness;
use serde_json::Value;

use super::progressing;

pub(super) fn rule(object: &Value) -> Readiness {
    if object["spec"]["type"] != "LoadBalancer" {
        return Readiness::Ready;
    }
    let addresses = object.pointer("/status/loadBalancer/ingress").and_then(Value::as_array);
    if addresses.is_some_and(|list| !list.is_empty()) {
        Readiness::Ready
    } else {
        progressing("it has no address yet")
    }
}
