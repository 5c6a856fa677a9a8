//! Jobs: pods until enough succeeded or too many failed.

use serde_json::{Value, json};

use super::{condition, deleting, make_pod, name, pods_of, set_condition, uid};
use crate::kube::store::{Key, State, now_text};

/// One step of every Job.
pub(super) fn step(state: &mut State) -> bool {
    let mut waiting = false;
    for (key, job) in state.all("batch", "jobs") {
        let over = |name: &str| condition(&job, name).is_some_and(|found| found["status"] == "True");
        if !deleting(&job) && !over("Complete") && !over("Failed") && job["spec"]["suspend"] != true {
            waiting = true;
            advance(state, &key, &job);
        }
    }
    waiting
}

fn advance(state: &mut State, key: &Key, job: &Value) {
    let pods = pods_of(state, &key.namespace, uid(job));
    let count = |phase: &str| pods.iter().filter(|(_, pod)| pod["status"]["phase"] == phase).count();
    let (succeeded, failed) = (count("Succeeded"), count("Failed"));
    let active = pods.len() - succeeded - failed;
    let number = |field: &str| usize::try_from(job["spec"][field].as_u64().unwrap_or(1)).unwrap_or(1);
    let (completions, limit) = (number("completions"), number("backoffLimit"));
    let started = state.timers.entry(format!("job/{}", uid(job))).or_insert(f64::NAN).to_owned();
    let now = state.now();
    if started.is_nan() {
        state.timers.insert(format!("job/{}", uid(job)), now);
    }
    #[allow(clippy::cast_precision_loss, reason = "a deadline in seconds")]
    let late = job["spec"]["activeDeadlineSeconds"]
        .as_u64()
        .is_some_and(|deadline| !started.is_nan() && now - started > deadline as f64);
    if late {
        for (pod_key, _) in &pods {
            super::delete_pod(state, pod_key);
        }
    } else if succeeded < completions && failed <= limit && active == 0 {
        let pod_name = format!("{}-{}", name(job), state.random(5));
        // The event says why where it fails.
        let _ = make_pod(state, job, &pod_name, None);
    }
    state.change(key, |object| {
        if object["status"]["startTime"].is_null() {
            object["status"]["startTime"] = json!(now_text());
        }
        object["status"]["active"] = json!(active);
        object["status"]["ready"] = json!(active);
        object["status"]["succeeded"] = json!(succeeded);
        object["status"]["failed"] = json!(failed);
        if succeeded >= completions {
            object["status"]["completionTime"] = json!(now_text());
            set_condition(
                object,
                "SuccessCriteriaMet",
                true,
                "CompletionsReached",
                "Reached expected number of succeeded pods",
            );
            set_condition(
                object,
                "Complete",
                true,
                "CompletionsReached",
                "Reached expected number of succeeded pods",
            );
        } else if late {
            set_condition(
                object,
                "Failed",
                true,
                "DeadlineExceeded",
                "Job was active longer than specified deadline",
            );
        } else if failed > limit {
            set_condition(
                object,
                "Failed",
                true,
                "BackoffLimitExceeded",
                "Job has reached the specified backoff limit",
            );
        }
    });
}
