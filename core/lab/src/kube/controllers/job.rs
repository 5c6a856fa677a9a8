//! Jobs: pods until enough succeeded or too many failed; gone some time after they ended.

use serde_json::{Value, json};

use super::{condition, deleting, make_pod, name, pods_of, remove_condition, set_condition, uid};
use crate::kube::{
    handle,
    store::{Key, State, now_text},
};

/// One step of every Job.
pub(super) fn step(state: &mut State) -> bool {
    let mut waiting = false;
    for (key, job) in state.all("batch", "jobs") {
        if deleting(&job) {
            continue;
        }
        if is_over(&job) {
            waiting |= expire(state, &key, &job);
        } else if job["spec"]["suspend"] == true {
            suspend(state, &key, &job);
        } else {
            waiting = true;
            advance(state, &key, &job);
        }
    }
    waiting
}

fn is_over(job: &Value) -> bool {
    let over = |name: &str| condition(job, name).is_some_and(|found| found["status"] == "True");
    over("Complete") || over("Failed")
}

/// Deletes a Job that ended longer ago than it is kept; whether that is soon.
fn expire(state: &mut State, key: &Key, job: &Value) -> bool {
    let Some(kept) = job["spec"]["ttlSecondsAfterFinished"].as_f64() else { return false };
    let now = state.now();
    let timer = format!("job-end/{}", uid(job));
    let ended = *state.timers.entry(timer.clone()).or_insert(now);
    if now - ended < kept {
        return now - ended > kept - 10.0;
    }
    state.timers.remove(&timer);
    handle::mark_deleted(state, key, &json!({"propagationPolicy": "Foreground"}));
    false
}

/// A Job that waits has no pods, and its time does not run.
fn suspend(state: &mut State, key: &Key, job: &Value) {
    for (pod_key, pod) in pods_of(state, &key.namespace, uid(job)) {
        if !deleting(&pod) && !ended(&pod) {
            super::delete_pod(state, &pod_key);
        }
    }
    state.timers.remove(&format!("job/{}", uid(job)));
    state.change(key, |object| {
        if let Some(status) = object["status"].as_object_mut() {
            status.remove("startTime");
        }
        object["status"]["active"] = json!(0);
        set_condition(object, "Suspended", true, "JobSuspended", "Job suspended");
    });
}

fn ended(pod: &Value) -> bool {
    pod["status"]["phase"] == "Succeeded" || pod["status"]["phase"] == "Failed"
}

fn advance(state: &mut State, key: &Key, job: &Value) {
    let pods = pods_of(state, &key.namespace, uid(job));
    let count = |phase: &str| pods.iter().filter(|(_, pod)| pod["status"]["phase"] == phase).count();
    let (succeeded, failed) = (count("Succeeded"), count("Failed"));
    let active = pods.len() - succeeded - failed;
    let number = |field: &str| usize::try_from(job["spec"][field].as_u64().unwrap_or(1)).unwrap_or(1);
    let (completions, limit, parallel) =
        (number("completions"), number("backoffLimit"), number("parallelism"));
    let started = state.timers.entry(format!("job/{}", uid(job))).or_insert(f64::NAN).to_owned();
    let now = state.now();
    if started.is_nan() {
        state.timers.insert(format!("job/{}", uid(job)), now);
    }
    let late = job["spec"]["activeDeadlineSeconds"]
        .as_f64()
        .is_some_and(|deadline| !started.is_nan() && now - started > deadline);
    let lost = if late {
        Some(("DeadlineExceeded", "Job was active longer than specified deadline"))
    } else if failed > limit {
        Some(("BackoffLimitExceeded", "Job has reached the specified backoff limit"))
    } else {
        None
    };
    if lost.is_some() {
        for (pod_key, pod) in &pods {
            if !ended(pod) {
                super::delete_pod(state, pod_key);
            }
        }
    } else {
        for _ in active..parallel.min(completions.saturating_sub(succeeded)) {
            let pod_name = format!("{}-{}", name(job), state.random(5));
            // The event says why where it fails.
            let _ = make_pod(state, job, &pod_name, None);
        }
    }
    state.change(key, |object| {
        remove_condition(object, "Suspended");
        if object["status"]["startTime"].is_null() {
            object["status"]["startTime"] = json!(now_text());
        }
        object["status"]["active"] = json!(active);
        object["status"]["ready"] = json!(active);
        object["status"]["succeeded"] = json!(succeeded);
        object["status"]["failed"] = json!(failed);
        if succeeded >= completions {
            object["status"]["completionTime"] = json!(now_text());
            let message = "Reached expected number of succeeded pods";
            set_condition(object, "SuccessCriteriaMet", true, "CompletionsReached", message);
            set_condition(object, "Complete", true, "CompletionsReached", message);
        } else if let Some((reason, message)) = lost {
            object["status"]["active"] = json!(0);
            object["status"]["ready"] = json!(0);
            if reason == "DeadlineExceeded" {
                object["status"]["failed"] = json!(failed + active);
            }
            set_condition(object, "FailureTarget", true, reason, message);
            set_condition(object, "Failed", true, reason, message);
        }
    });
}
