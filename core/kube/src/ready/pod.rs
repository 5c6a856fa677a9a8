//! Pods: ready, or run to their end.

use honey_ports::cluster::Readiness;
use serde_json::Value;

use super::{condition, failed, is_true, progressing, words};
use honey_model::text::visible;

pub(super) fn rule(object: &Value) -> Readiness {
    match object["status"]["phase"].as_str() {
        Some("Succeeded") => Readiness::Ready,
        Some("Failed") => {
            let text = |field: &str| object["status"][field].as_str().unwrap_or_default();
            failed(visible(&format!("the pod failed {} {}", text("reason"), text("message")), 400))
        }
        _ if is_true(object, "Ready") => Readiness::Ready,
        _ => match stuck(object) {
            Some(Stuck { reason, message, hopeless: true }) => failed(format!("{reason}: {message}")),
            Some(Stuck { reason, message, .. }) => progressing(format!("{reason}: {message}")),
            None => match condition(object, "PodScheduled").filter(|found| found["status"] == "False") {
                Some(found) => progressing(words(found)),
                None => progressing("its containers are not ready"),
            },
        },
    }
}

/// What keeps a container of a pod from running.
pub(crate) struct Stuck {
    /// `CrashLoopBackOff` …
    pub(crate) reason: String,
    /// The kubelet's words.
    pub(crate) message: String,
    /// Nothing will change by waiting.
    pub(crate) hopeless: bool,
}

/// How often a container may fail before waiting for it makes no sense.
const MOST_RESTARTS: u64 = 3;

/// The first container that waits for something other than its start.
pub(crate) fn stuck(object: &Value) -> Option<Stuck> {
    ["initContainerStatuses", "containerStatuses"]
        .into_iter()
        .flat_map(|list| object["status"][list].as_array().into_iter().flatten())
        .find_map(|status| {
            let waiting = &status["state"]["waiting"];
            let reason = waiting["reason"].as_str()?;
            if matches!(reason, "ContainerCreating" | "PodInitializing") {
                return None;
            }
            let restarts = status["restartCount"].as_u64().unwrap_or(0);
            let hopeless = match reason {
                "InvalidImageName" | "ErrImageNeverPull" => true,
                "CrashLoopBackOff" => restarts >= MOST_RESTARTS,
                _ => false,
            };
            let message = waiting["message"].as_str().unwrap_or_default();
            Some(Stuck { reason: visible(reason, 60), message: visible(message, 300), hopeless })
        })
}
