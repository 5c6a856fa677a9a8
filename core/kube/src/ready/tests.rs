//! Every rule against what real clusters report, one line a case.

use honey_ports::cluster::Readiness;
use serde_json::{Value, json};

use super::{Surroundings, readiness};

#[derive(Debug, PartialEq)]
enum Answer {
    Progressing,
    Ready,
    Failed,
}

fn answer(object: &Value) -> (Answer, String) {
    match readiness(object, Surroundings::default()) {
        Readiness::Progressing { message } => (Answer::Progressing, message),
        Readiness::Ready => (Answer::Ready, String::new()),
        Readiness::Failed { message } => (Answer::Failed, message),
    }
}

fn check(api_version: &str, kind: &str, cases: Vec<(Value, Answer, &str)>) {
    for (mut object, expected, word) in cases {
        object["apiVersion"] = json!(api_version);
        object["kind"] = json!(kind);
        let (found, message) = answer(&object);
        assert_eq!(found, expected, "{object}: {message}");
        assert!(message.contains(word), "{object}: {message:?} should say {word:?}");
    }
}

#[test]
fn deployments() {
    let status = |observed: u64, replicas: u64, updated: u64, available: u64| {
        json!({"metadata": {"generation": 2}, "spec": {"replicas": 3}, "status": {"observedGeneration": observed,
            "replicas": replicas, "updatedReplicas": updated, "availableReplicas": available}})
    };
    let with = |mut object: Value, condition: Value| {
        object["status"]["conditions"] = json!([condition]);
        object
    };
    check(
        "apps/v1",
        "Deployment",
        vec![
            (status(2, 3, 3, 3), Answer::Ready, ""),
            (status(1, 3, 3, 3), Answer::Progressing, "newest specification"),
            (status(2, 3, 1, 3), Answer::Progressing, "1 of 3"),
            (status(2, 4, 3, 3), Answer::Progressing, "older template"),
            (status(2, 3, 3, 2), Answer::Progressing, "2 of 3 pods are available"),
            (
                with(
                    status(2, 3, 3, 0),
                    json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}),
                ),
                Answer::Failed,
                "timed out",
            ),
            (
                with(
                    status(2, 0, 0, 0),
                    json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "serviceaccount \"api\" not found"}),
                ),
                Answer::Progressing,
                "serviceaccount",
            ),
            (
                json!({"metadata": {"generation": 1}, "spec": {"replicas": 0}, "status": {"observedGeneration": 1}}),
                Answer::Ready,
                "",
            ),
            (
                json!({"metadata": {"generation": 1}, "spec": {"replicas": 0}, "status": {"observedGeneration": 1, "replicas": 1}}),
                Answer::Progressing,
                "older",
            ),
            (
                json!({"metadata": {"generation": 1}, "spec": {}, "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1}}),
                Answer::Progressing,
                "0 of 1",
            ),
            (
                json!({"metadata": {"generation": 1, "deletionTimestamp": "x"}, "spec": {"replicas": 0}, "status": {"observedGeneration": 1}}),
                Answer::Progressing,
                "deleted",
            ),
        ],
    );
}

#[test]
fn stateful_sets() {
    let set = |ready: u64, updated: u64, partition: u64| {
        json!({"metadata": {"generation": 1}, "spec": {"replicas": 2, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}},
            "status": {"observedGeneration": 1, "replicas": 2, "readyReplicas": ready, "updatedReplicas": updated}})
    };
    check(
        "apps/v1",
        "StatefulSet",
        vec![
            (set(2, 2, 0), Answer::Ready, ""),
            (set(1, 2, 0), Answer::Progressing, "1 of 2"),
            (set(2, 1, 0), Answer::Progressing, "newest revision"),
            (set(2, 1, 1), Answer::Ready, ""),
        ],
    );
}

#[test]
fn daemon_sets() {
    let set = |observed: u64, updated: u64, available: u64| {
        json!({"metadata": {"generation": 2}, "status": {"observedGeneration": observed, "desiredNumberScheduled": 3,
            "updatedNumberScheduled": updated, "numberAvailable": available}})
    };
    check(
        "apps/v1",
        "DaemonSet",
        vec![
            (set(2, 3, 3), Answer::Ready, ""),
            (set(1, 3, 3), Answer::Progressing, "newest"),
            (set(2, 2, 3), Answer::Progressing, "2 of 3"),
            (set(2, 3, 1), Answer::Progressing, "1 of 3"),
        ],
    );
}

#[test]
fn jobs() {
    let ended = |name: &str, reason: &str| json!({"status": {"conditions": [{"type": name, "status": "True", "reason": reason, "message": "m"}]}});
    check(
        "batch/v1",
        "Job",
        vec![
            (ended("Complete", ""), Answer::Ready, ""),
            (ended("Failed", "BackoffLimitExceeded"), Answer::Failed, "BackoffLimitExceeded"),
            (json!({"status": {"active": 1, "failed": 2}}), Answer::Progressing, "after 2 failed, 6 may"),
            (
                json!({"spec": {"backoffLimit": 2}, "status": {"active": 0, "failed": 1}}),
                Answer::Progressing,
                "the next attempt follows",
            ),
            (
                json!({"spec": {"backoffLimit": 2}, "status": {"active": 1, "failed": 2, "conditions": [{"type": "Failed", "status": "False"}]}}),
                Answer::Progressing,
                "after 2 failed",
            ),
            (ended("Failed", "DeadlineExceeded"), Answer::Failed, "DeadlineExceeded"),
            (json!({"spec": {"suspend": true}, "status": {}}), Answer::Failed, "suspended"),
            (json!({}), Answer::Progressing, "no pod"),
        ],
    );
}

#[test]
fn pods() {
    let waiting = |reason: &str, restarts: u64| json!({"status": {"phase": "Pending", "containerStatuses": [{"restartCount": restarts, "state": {"waiting": {"reason": reason, "message": "why"}}}]}});
    check(
        "v1",
        "Pod",
        vec![
            (
                json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}),
                Answer::Ready,
                "",
            ),
            (json!({"status": {"phase": "Succeeded"}}), Answer::Ready, ""),
            (json!({"status": {"phase": "Failed", "reason": "Evicted"}}), Answer::Failed, "Evicted"),
            (waiting("ImagePullBackOff", 0), Answer::Progressing, "ImagePullBackOff"),
            (waiting("CrashLoopBackOff", 1), Answer::Progressing, "CrashLoopBackOff"),
            (waiting("CrashLoopBackOff", 3), Answer::Failed, "CrashLoopBackOff"),
            (waiting("InvalidImageName", 0), Answer::Failed, "InvalidImageName"),
            (waiting("ContainerCreating", 0), Answer::Progressing, "not ready"),
            (
                json!({"status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}]}}),
                Answer::Progressing,
                "no node",
            ),
        ],
    );
}

#[test]
fn services_claims_and_definitions() {
    check(
        "v1",
        "Service",
        vec![
            (json!({"spec": {"type": "ClusterIP"}}), Answer::Ready, ""),
            (
                json!({"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {}}}),
                Answer::Progressing,
                "address",
            ),
            (
                json!({"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}),
                Answer::Ready,
                "",
            ),
        ],
    );
    check(
        "v1",
        "PersistentVolumeClaim",
        vec![
            (json!({"status": {"phase": "Bound"}}), Answer::Ready, ""),
            (json!({"status": {"phase": "Pending"}}), Answer::Progressing, "bound"),
            (json!({"status": {"phase": "Lost"}}), Answer::Failed, "lost"),
        ],
    );
    let pending =
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Pending"}});
    assert_eq!(readiness(&pending, Surroundings { binds_on_first_use: true }), Readiness::Ready);
    let named = |established: &str, accepted: &str| json!({"status": {"conditions": [{"type": "Established", "status": established}, {"type": "NamesAccepted", "status": accepted, "reason": "Taken"}]}});
    check(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        vec![
            (named("True", "True"), Answer::Ready, ""),
            (named("False", "True"), Answer::Progressing, "serve"),
            (named("False", "False"), Answer::Failed, "Taken"),
            (json!({}), Answer::Progressing, ""),
        ],
    );
}

#[test]
fn other_kinds_by_their_conditions() {
    let with = |name: &str, status: &str| json!({"metadata": {"generation": 1}, "status": {"conditions": [{"type": name, "status": status, "reason": "R", "message": "m"}]}});
    check(
        "example.org/v1",
        "Thing",
        vec![
            (json!({}), Answer::Ready, ""),
            (with("Ready", "True"), Answer::Ready, ""),
            (with("Ready", "False"), Answer::Progressing, "R: m"),
            (with("Stalled", "True"), Answer::Failed, "R: m"),
            (with("Reconciling", "True"), Answer::Progressing, "R"),
            (
                json!({"metadata": {"generation": 3}, "status": {"observedGeneration": 2}}),
                Answer::Progressing,
                "newest",
            ),
        ],
    );
}

#[test]
fn remote_words_are_escaped() {
    let object = json!({"apiVersion": "batch/v1", "kind": "Job", "status": {"conditions": [{"type": "Failed", "status": "True", "message": "\u{1b}[31mred"}]}});
    assert!(!answer(&object).1.contains('\u{1b}'));
}
