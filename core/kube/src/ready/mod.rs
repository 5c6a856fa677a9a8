//! When an object is ready: one pure function a kind, on its JSON.
//!
//! Three answers: it gets there, it is there, it will not get there by
//! waiting. A status that speaks of an older generation never counts.

mod crd;
mod daemon_set;
mod deployment;
mod job;
mod other;
mod pod;
mod pvc;
mod service;
mod stateful_set;

use honey_model::text::visible;
use honey_ports::cluster::Readiness;
use serde_json::Value;

pub(crate) use pod::{Stuck, stuck};

/// What a rule may know beside the object itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// For a `PersistentVolumeClaim`: its class binds only when a pod uses it.
    pub binds_on_first_use: bool,
}

/// How far an object is, by the rule of its kind.
pub fn readiness(object: &Value, surroundings: Surroundings) -> Readiness {
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        return progressing("it is being deleted");
    }
    let group = object["apiVersion"]
        .as_str()
        .and_then(|version| version.split_once('/'))
        .map_or("", |(group, _)| group);
    match (group, object["kind"].as_str().unwrap_or_default()) {
        ("apps", "Deployment") => deployment::rule(object),
        ("apps", "StatefulSet") => stateful_set::rule(object),
        ("apps", "DaemonSet") => daemon_set::rule(object),
        ("batch", "Job") => job::rule(object),
        ("", "Pod") => pod::rule(object),
        ("", "Service") => service::rule(object),
        ("", "PersistentVolumeClaim") => pvc::rule(object, surroundings.binds_on_first_use),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => crd::rule(object),
        _ => other::rule(object),
    }
}

fn progressing(message: impl Into<String>) -> Readiness {
    Readiness::Progressing { message: message.into() }
}

fn failed(message: impl Into<String>) -> Readiness {
    Readiness::Failed { message: message.into() }
}

fn number(object: &Value, pointer: &str) -> u64 {
    object.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

/// `spec.replicas`, 1 where it is not given.
fn wanted(object: &Value) -> u64 {
    object.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1)
}

/// Whether the status speaks of the newest specification.
fn observed(object: &Value) -> bool {
    number(object, "/status/observedGeneration") >= number(object, "/metadata/generation")
}

fn condition<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.pointer("/status/conditions")?.as_array()?.iter().find(|condition| condition["type"] == name)
}

fn is_true(object: &Value, name: &str) -> bool {
    condition(object, name).is_some_and(|condition| condition["status"] == "True")
}

/// `Reason: message` of a condition, bounded and escaped.
fn words(condition: &Value) -> String {
    let text = |field: &str| condition[field].as_str().unwrap_or_default();
    let joined = match (text("reason"), text("message")) {
        ("", message) => message.to_owned(),
        (reason, "") => reason.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    };
    visible(&joined, 400)
}

#[cfg(test)]
mod tests;
