//! Nodes at work: scheduling, starting, watching and stopping containers.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{deleting, name, owner, pod_ready, set_condition, uid};
use crate::kube::{
    faults::{ContainerFault, JobFault},
    observer::SingletonRun,
    store::{Key, NodeState, State, now_text},
};

/// Simulated seconds from scheduling to a running container.
const START: f64 = 1.0;
/// From running to ready, without a probe's own delay.
const READY: f64 = 1.0;
/// How long a Job's pod works.
const WORK: f64 = 1.5;
/// From the signal to the end of a container that obeys.
const STOP: f64 = 0.8;
/// How long a node needs to notice that a pod was removed by force.
const NOTICE: f64 = 1.0;
/// A first restart's delay; it doubles up to five minutes.
const BACKOFF: f64 = 10.0;

/// What a node knows of a pod's containers.
#[derive(Debug)]
pub(in crate::kube) struct Runtime {
    node: String,
    scheduled: f64,
    started: Option<f64>,
    exited: Option<f64>,
    restarts: u32,
    stopping: Option<f64>,
    forgotten: Option<f64>,
    singleton: Option<String>,
    run: Option<usize>,
    pub(in crate::kube) log: Vec<String>,
}

impl Runtime {
    pub(in crate::kube) fn never_started(&self) -> bool {
        self.started.is_none() && self.restarts == 0
    }
}

/// A node lost power: its containers stop this instant.
pub(in crate::kube) fn power_off(state: &mut State, node: &str) {
    let uids: Vec<String> =
        state.pods.iter().filter(|(_, runtime)| runtime.node == node).map(|(uid, _)| uid.clone()).collect();
    for uid in uids {
        stop_run(state, &uid);
        if let Some(runtime) = state.pods.get_mut(&uid) {
            runtime.started = None;
        }
    }
}

/// One step of every node; whether something waits for time to pass.
pub(super) fn step(state: &mut State) -> bool {
    let mut waiting = false;
    for (key, pod) in state.all("", "pods") {
        if pod["spec"]["nodeName"].is_null() {
            if !deleting(&pod) {
                schedule(state, &key, &pod);
            }
            waiting |= true;
            continue;
        }
        waiting |= tend(state, &key, &pod);
    }
    waiting | forget(state)
}

/// Containers whose pod is gone from the API run until their node notices.
fn forget(state: &mut State) -> bool {
    let now = state.now();
    let present: std::collections::BTreeSet<String> =
        state.list("", "pods", None).map(|(_, pod)| uid(pod).to_owned()).collect();
    let lost: Vec<(String, String, Option<f64>)> = state
        .pods
        .iter()
        .filter(|(uid, _)| !present.contains(*uid))
        .map(|(uid, runtime)| (uid.clone(), runtime.node.clone(), runtime.forgotten))
        .collect();
    let waiting = !lost.is_empty();
    for (uid, node, since) in lost {
        match (state.nodes.get(&node), since) {
            (Some(NodeState::Partitioned), _) => {}
            (Some(NodeState::Up), None) => {
                if let Some(runtime) = state.pods.get_mut(&uid) {
                    runtime.forgotten = Some(now);
                }
            }
            (Some(NodeState::Up), Some(since)) if now - since < NOTICE => {}
            _ => {
                stop_run(state, &uid);
                state.pods.remove(&uid);
            }
        }
    }
    waiting
}

fn schedule(state: &mut State, key: &Key, pod: &Value) {
    for volume in pod["spec"]["volumes"].as_array().into_iter().flatten() {
        let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() else { continue };
        if state.get("", "persistentvolumeclaims", &key.namespace, claim).is_none() {
            return unschedulable(state, key, pod, &format!("persistentvolumeclaim \"{claim}\" not found"));
        }
    }
    let selector = pod["spec"]["nodeSelector"].clone();
    let mut best: Option<(usize, String)> = None;
    let mut total = 0;
    for (node_key, node) in state.list("", "nodes", None) {
        total += 1;
        let fits = selector
            .as_object()
            .into_iter()
            .flatten()
            .all(|(label, value)| node["metadata"]["labels"][label] == *value);
        let up =
            state.nodes.get(&node_key.name) == Some(&NodeState::Up) && node["spec"]["unschedulable"] != true;
        if fits && up {
            let load = state
                .list("", "pods", None)
                .filter(|(_, other)| other["spec"]["nodeName"] == json!(node_key.name))
                .count();
            if best.as_ref().is_none_or(|(least, _)| load < *least) {
                best = Some((load, node_key.name.clone()));
            }
        }
    }
    let Some((_, node)) = best else {
        let why = if selector.is_object() {
            "node(s) didn't match Pod's node affinity/selector"
        } else {
            "node(s) were not ready"
        };
        return unschedulable(state, key, pod, &format!("0/{total} nodes are available: {total} {why}."));
    };
    let host = node.clone();
    state.change(key, |object| {
        object["spec"]["nodeName"] = json!(host);
        set_condition(object, "PodScheduled", true, "Scheduled", "");
    });
    bind_volumes(state, key, pod);
}

fn unschedulable(state: &mut State, key: &Key, pod: &Value, why: &str) {
    state.event(pod, "Warning", "FailedScheduling", why);
    state.change(key, |object| set_condition(object, "PodScheduled", false, "Unschedulable", why));
}

fn bind_volumes(state: &mut State, key: &Key, pod: &Value) {
    for volume in pod["spec"]["volumes"].as_array().into_iter().flatten() {
        let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() else { continue };
        let claim_key = Key::new("", "persistentvolumeclaims", &key.namespace, claim);
        state.change(&claim_key, |object| {
            if object["status"]["phase"] != "Bound" {
                let volume = format!("pvc-{}", uid(object));
                object["spec"]["volumeName"] = json!(volume);
                object["status"] = json!({
                    "phase": "Bound", "accessModes": object["spec"]["accessModes"],
                    "capacity": object["spec"]["resources"]["requests"],
                });
            }
        });
    }
}

/// Why a container cannot be configured: something it refers to is missing.
fn missing_reference(state: &State, key: &Key, pod: &Value) -> Option<(String, String)> {
    let data = |plural: &str, name: &str| {
        state.get("", plural, &key.namespace, name).map(|object| object["data"].clone())
    };
    for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
        for source in container["envFrom"].as_array().into_iter().flatten() {
            for (field, plural, word) in
                [("secretRef", "secrets", "secret"), ("configMapRef", "configmaps", "configmap")]
            {
                if let Some(wanted) = source[field]["name"].as_str()
                    && data(plural, wanted).is_none()
                    && source[field]["optional"] != true
                {
                    return Some((
                        "CreateContainerConfigError".into(),
                        format!("{word} \"{wanted}\" not found"),
                    ));
                }
            }
        }
        for variable in container["env"].as_array().into_iter().flatten() {
            for (field, plural, word) in
                [("secretKeyRef", "secrets", "secret"), ("configMapKeyRef", "configmaps", "configmap")]
            {
                let reference = &variable["valueFrom"][field];
                let Some(wanted) = reference["name"].as_str() else { continue };
                if reference["optional"] == true {
                    continue;
                }
                let entry = reference["key"].as_str().unwrap_or_default();
                match data(plural, wanted) {
                    None => {
                        return Some((
                            "CreateContainerConfigError".into(),
                            format!("{word} \"{wanted}\" not found"),
                        ));
                    }
                    Some(found) if found.get(entry).is_none() => {
                        let why = format!("couldn't find key {entry} in {word} {}/{wanted}", key.namespace);
                        return Some(("CreateContainerConfigError".into(), why));
                    }
                    Some(_) => {}
                }
            }
        }
    }
    for volume in pod["spec"]["volumes"].as_array().into_iter().flatten() {
        for (field, plural, named, word) in
            [("secret", "secrets", "secretName", "secret"), ("configMap", "configmaps", "name", "configmap")]
        {
            if let Some(wanted) = volume[field][named].as_str()
                && data(plural, wanted).is_none()
                && volume[field]["optional"] != true
            {
                let volume = volume["name"].as_str().unwrap_or_default();
                let why = format!(
                    "MountVolume.SetUp failed for volume \"{volume}\" : {word} \"{wanted}\" not found"
                );
                return Some(("ContainerCreating".into(), why));
            }
        }
    }
    None
}

/// The Deployment of a pod, where it is annotated as a singleton.
fn singleton_of(state: &State, key: &Key, pod: &Value) -> Option<String> {
    let set = owner(pod)?;
    let (_, set) =
        state.list("apps", "replicasets", Some(&key.namespace)).find(|(_, object)| uid(object) == set)?;
    let deployment = owner(set)?;
    let (_, deployment) = state
        .list("apps", "deployments", Some(&key.namespace))
        .find(|(_, object)| uid(object) == deployment)?;
    let marked = |object: &Value| object["metadata"]["annotations"]["honey.dev/singleton"] == "true";
    (marked(deployment) || marked(pod)).then(|| name(deployment).to_owned())
}

/// Brings one scheduled pod a step further; whether it waits for time to pass.
fn tend(state: &mut State, key: &Key, pod: &Value) -> bool {
    let pod_uid = uid(pod).to_owned();
    let node = pod["spec"]["nodeName"].as_str().unwrap_or_default().to_owned();
    if state.nodes.get(&node) != Some(&NodeState::Up) {
        return false;
    }
    let now = state.now();
    if !state.pods.contains_key(&pod_uid) {
        if deleting(pod) {
            state.remove(key);
            return true;
        }
        let singleton = singleton_of(state, key, pod);
        let runtime = Runtime {
            node,
            scheduled: now,
            started: None,
            exited: None,
            restarts: 0,
            stopping: None,
            forgotten: None,
            singleton,
            run: None,
            log: Vec::new(),
        };
        state.pods.insert(pod_uid.clone(), runtime);
    }
    if deleting(pod) {
        stop(state, key, pod, &pod_uid, now);
        return true;
    }
    let phase = pod["status"]["phase"].as_str().unwrap_or_default();
    if phase == "Succeeded" || phase == "Failed" {
        return false;
    }
    let Some(runtime) = state.pods.get(&pod_uid) else { return false };
    match (runtime.started, runtime.exited) {
        (None, None) => start(state, key, pod, &pod_uid, now),
        (Some(since), None) => running(state, key, pod, &pod_uid, now, since),
        (_, Some(since)) => restart(state, key, pod, &pod_uid, now, since),
    }
}

fn image_of(pod: &Value) -> String {
    let list = pod["spec"]["containers"].as_array().into_iter().flatten();
    list.filter_map(|container| container["image"].as_str()).collect::<Vec<_>>().join(" ")
}

fn job_name(pod: &Value) -> Option<&str> {
    pod["metadata"]["labels"]["batch.kubernetes.io/job-name"].as_str()
}

fn container_statuses(pod: &Value, container_state: &Value, ready: bool, restarts: u32) -> Value {
    pod["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|container| {
            json!({
                "name": container["name"], "image": container["image"], "imageID": container["image"], "ready": ready,
                "started": ready, "restartCount": restarts, "state": container_state, "lastState": {},
            })
        })
        .collect()
}

fn waiting_state(state: &mut State, key: &Key, pod: &Value, reason: &str, message: &str, restarts: u32) {
    let statuses =
        container_statuses(pod, &json!({"waiting": {"reason": reason, "message": message}}), false, restarts);
    state.change(key, |object| {
        object["status"]["phase"] = json!(if restarts > 0 { "Running" } else { "Pending" });
        object["status"]["containerStatuses"] = statuses;
        set_condition(
            object,
            "ContainersReady",
            false,
            "ContainersNotReady",
            "containers with unready status",
        );
        set_condition(object, "Ready", false, "ContainersNotReady", "containers with unready status");
    });
}

fn start(state: &mut State, key: &Key, pod: &Value, pod_uid: &str, now: f64) -> bool {
    let image = image_of(pod);
    if state.faults.container(&image) == Some(&ContainerFault::ImageMissing) {
        let why = format!("Failed to pull image \"{image}\": not found");
        state.event(pod, "Warning", "Failed", &why);
        waiting_state(
            state,
            key,
            pod,
            "ImagePullBackOff",
            &format!("Back-off pulling image \"{image}\": not found"),
            0,
        );
        return true;
    }
    if let Some((reason, why)) = missing_reference(state, key, pod) {
        let event = if reason == "ContainerCreating" { "FailedMount" } else { "Failed" };
        state.event(pod, "Warning", event, &why);
        let shown = if reason == "ContainerCreating" { "" } else { why.as_str() };
        waiting_state(state, key, pod, &reason, shown, 0);
        return true;
    }
    let Some(runtime) = state.pods.get_mut(pod_uid) else { return false };
    if now - runtime.scheduled < START {
        return true;
    }
    runtime.started = Some(now);
    if let Some(workload) = runtime.singleton.clone() {
        let run = SingletonRun {
            cluster: state.name.clone(),
            namespace: key.namespace.clone(),
            workload,
            pod: key.name.clone(),
            from: SystemTime::now(),
            to: None,
        };
        let index = state.observer.started(run);
        if let Some(runtime) = state.pods.get_mut(pod_uid) {
            runtime.run = Some(index);
        }
    }
    let restarts = state.pods.get(pod_uid).map_or(0, |runtime| runtime.restarts);
    let number = state.random(2).bytes().fold(0_u32, |sum, byte| sum + u32::from(byte)) % 250;
    let statuses = container_statuses(pod, &json!({"running": {"startedAt": now_text()}}), false, restarts);
    let gates = [
        ("Initialized", true),
        ("PodReadyToStartContainers", true),
        ("ContainersReady", false),
        ("Ready", false),
    ];
    state.change(key, |object| {
        object["status"]["phase"] = json!("Running");
        object["status"]["podIP"] = json!(format!("10.42.0.{number}"));
        object["status"]["startTime"] = json!(now_text());
        object["status"]["containerStatuses"] = statuses;
        for (gate, open) in gates {
            set_condition(object, gate, open, if open { "" } else { "ContainersNotReady" }, "");
        }
    });
    if let Some(runtime) = state.pods.get_mut(pod_uid) {
        runtime.log.push(format!("{} started", key.name));
    }
    true
}

fn ready_after(pod: &Value) -> f64 {
    let delays = pod["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|container| container["readinessProbe"]["initialDelaySeconds"].as_f64());
    READY + delays.fold(0.0, f64::max)
}

fn running(state: &mut State, key: &Key, pod: &Value, pod_uid: &str, now: f64, since: f64) -> bool {
    let lived = now - since;
    if let Some(job) = job_name(pod) {
        let image = image_of(pod);
        match state.faults.job(job, &image).cloned() {
            Some(JobFault::Hang) => return ready_now(state, key, pod, lived, 0.5),
            _ if lived < WORK => return true,
            Some(JobFault::Fail { log } | JobFault::FailTimes { log, .. }) => {
                state.faults.job_failed(job, &image);
                return finish(state, key, pod, pod_uid, 1, &log);
            }
            None => return finish(state, key, pod, pod_uid, 0, "done"),
        }
    }
    match state.faults.container(&image_of(pod)).cloned() {
        Some(ContainerFault::Crash { exit, log }) if lived >= 0.5 => {
            if let Some(runtime) = state.pods.get_mut(pod_uid) {
                runtime.log.extend(log.lines().map(str::to_owned));
                runtime.exited = Some(now);
                runtime.restarts += 1;
            }
            stop_run(state, pod_uid);
            let restarts = state.pods.get(pod_uid).map_or(0, |runtime| runtime.restarts);
            state.event(pod, "Warning", "BackOff", "Back-off restarting failed container");
            crash_looping(state, key, pod, restarts, exit);
            true
        }
        Some(ContainerFault::NeverReady) => {
            state.event(
                pod,
                "Warning",
                "Unhealthy",
                "Readiness probe failed: HTTP probe failed with statuscode: 503",
            );
            false
        }
        Some(ContainerFault::Crash { .. }) => true,
        Some(ContainerFault::SlowReady(more)) => {
            ready_now(state, key, pod, lived, ready_after(pod) + more.as_secs_f64())
        }
        _ => ready_now(state, key, pod, lived, ready_after(pod)),
    }
}

fn crash_looping(state: &mut State, key: &Key, pod: &Value, restarts: u32, exit: i32) {
    let message = format!("back-off restarting failed container in pod {}", key.name);
    waiting_state(state, key, pod, "CrashLoopBackOff", &message, restarts);
    state.change(key, |object| {
        for status in object["status"]["containerStatuses"].as_array_mut().into_iter().flatten() {
            status["lastState"] = json!({"terminated": {"exitCode": exit, "reason": "Error"}});
        }
    });
}

fn ready_now(state: &mut State, key: &Key, pod: &Value, lived: f64, after: f64) -> bool {
    if pod_ready(pod) {
        return false;
    }
    if lived < after {
        return true;
    }
    let restarts = state.pods.get(uid(pod)).map_or(0, |runtime| runtime.restarts);
    let statuses = container_statuses(pod, &json!({"running": {"startedAt": now_text()}}), true, restarts);
    state.change(key, |object| {
        object["status"]["containerStatuses"] = statuses;
        set_condition(object, "ContainersReady", true, "", "");
        set_condition(object, "Ready", true, "", "");
    });
    false
}

fn finish(state: &mut State, key: &Key, pod: &Value, pod_uid: &str, exit: i32, log: &str) -> bool {
    if let Some(runtime) = state.pods.get_mut(pod_uid) {
        runtime.log.extend(log.lines().map(str::to_owned));
    }
    let reason = if exit == 0 { "Completed" } else { "Error" };
    let statuses =
        container_statuses(pod, &json!({"terminated": {"exitCode": exit, "reason": reason}}), false, 0);
    state.change(key, |object| {
        object["status"]["phase"] = json!(if exit == 0 { "Succeeded" } else { "Failed" });
        object["status"]["containerStatuses"] = statuses;
        set_condition(object, "Ready", false, if exit == 0 { "PodCompleted" } else { "PodFailed" }, "");
    });
    true
}

fn restart(state: &mut State, key: &Key, pod: &Value, pod_uid: &str, now: f64, since: f64) -> bool {
    let Some(runtime) = state.pods.get(pod_uid) else { return false };
    let exponent = i32::try_from(runtime.restarts.saturating_sub(1).min(5)).unwrap_or(0);
    let pause = (BACKOFF * f64::powi(2.0, exponent)).min(300.0);
    if now - since < pause {
        return true;
    }
    if let Some(runtime) = state.pods.get_mut(pod_uid) {
        runtime.exited = None;
        runtime.started = None;
        runtime.scheduled = now - START;
    }
    start(state, key, pod, pod_uid, now)
}

fn stop(state: &mut State, key: &Key, pod: &Value, pod_uid: &str, now: f64) {
    let grace = pod["metadata"]["deletionGracePeriodSeconds"].as_f64().unwrap_or(30.0);
    let slow = match state.faults.container(&image_of(pod)) {
        Some(ContainerFault::SlowStop(time)) => time.as_secs_f64(),
        _ => STOP,
    };
    let held = state.faults.holds("pods", &key.name);
    let Some(runtime) = state.pods.get_mut(pod_uid) else { return };
    let since = *runtime.stopping.get_or_insert(now);
    let runs = runtime.started.is_some() && runtime.exited.is_none();
    if runs && now - since < slow.min(grace) {
        return;
    }
    stop_run(state, pod_uid);
    let free = pod["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty);
    if free && !held {
        state.pods.remove(pod_uid);
        state.remove(key);
    }
}

/// The books: a singleton's container ended.
fn stop_run(state: &mut State, pod_uid: &str) {
    if let Some(run) = state.pods.get_mut(pod_uid).and_then(|runtime| runtime.run.take()) {
        state.observer.stopped(run);
    }
}
