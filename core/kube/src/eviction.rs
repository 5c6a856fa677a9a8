//! Pods on their way out: by eviction, which disruption budgets may refuse for
//! now, or off the API at once where their machine is known to be dead.
//!
//! The body is written here: kube's own request names the options in a way
//! that the API does not read, so that the uid would not be checked.

use honey_model::{Fault, FaultClass, text::visible};
use honey_ports::{CallContext, cluster::Eviction};
use http::Method;
use serde_json::{Value, json};

use crate::{
    access::{Access, Call, Refusal},
    discovery::segment,
    fault,
};

/// How much of a budget's words is shown.
const WORDS: usize = 300;

struct Seen<'a> {
    namespace: &'a str,
    name: &'a str,
    uid: &'a str,
}

impl<'a> Seen<'a> {
    fn of(pod: &'a Value) -> Result<Self, Fault> {
        let text = |field: &str| pod["metadata"][field].as_str();
        match (text("namespace"), text("name"), text("uid")) {
            (Some(namespace), Some(name), Some(uid)) => Ok(Self { namespace, name, uid }),
            _ => Err(Fault::new(
                FaultClass::Malformed,
                fault::MALFORMED,
                "the API told of a pod without namespace, name or uid",
            )),
        }
    }

    fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/pods/{}", segment(self.namespace), segment(self.name))
    }

    fn shown(&self) -> String {
        format!("pod {}/{}", fault::shown(self.namespace), fault::shown(self.name))
    }
}

/// Asks once; what budgets say is an answer, not a failure.
pub(crate) async fn evict(access: &Access, context: &CallContext, pod: &Value) -> Result<Eviction, Fault> {
    let seen = Seen::of(pod)?;
    let body = json!({
        "apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": seen.name, "namespace": seen.namespace},
        "deleteOptions": {"preconditions": {"uid": seen.uid}},
    });
    let path = format!("{}/eviction", seen.path());
    let what = format!("cannot evict {}", seen.shown());
    let mut call = Call::send(what, Method::POST, &path, "application/json", &body);
    call.again_after_429 = false;
    match access.json(context, &call).await {
        Ok(_) => Ok(Eviction::Begun),
        Err(refusal) => answered(refusal),
    }
}

fn answered(refusal: Refusal) -> Result<Eviction, Fault> {
    match refusal.status() {
        // Another pod of this name is not the one that was to go.
        Some(404 | 409) => Ok(Eviction::Gone),
        Some(429) => Ok(Eviction::Blocked { why: why(&refusal) }),
        _ => Err(refusal.fault),
    }
}

/// The budget's own words, where the API hands them out.
fn why(refusal: &Refusal) -> String {
    let Some(kube::Error::Api(status)) = &refusal.error else { return refusal.fault.message.clone() };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let budget =
        causes.filter(|cause| cause.reason == "DisruptionBudget").map(|cause| cause.message.as_str());
    let words: Vec<&str> = budget.collect();
    let words = if words.is_empty() { status.message.clone() } else { words.join("; ") };
    visible(&words, WORDS)
}

/// Deletes without a grace period. Gone already counts as done.
pub(crate) async fn forget(access: &Access, context: &CallContext, pod: &Value) -> Result<(), Fault> {
    let seen = Seen::of(pod)?;
    let options = json!({
        "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0,
        "preconditions": {"uid": seen.uid},
    });
    let path = seen.path();
    let what = format!("cannot remove {}", seen.shown());
    let call = Call::send(what, Method::DELETE, &path, "application/json", &options);
    match access.json(context, &call).await {
        Ok(_) => Ok(()),
        Err(refusal) if matches!(refusal.status(), Some(404 | 409)) => Ok(()),
        Err(refusal) => Err(refusal.fault),
    }
}
