//! Singletons: workloads of which only one may run, over all instances. What
//! is marked, whether it runs, and how it is stopped. Pure.

use serde_json::{Value, json};

/// Marks a workload that only the active instance may run.
const MARK: &str = "honey.dev/singleton";

/// Whether the object is marked as a singleton.
pub(crate) fn is_marked(object: &Value) -> bool {
    let mark = &object["metadata"]["annotations"][MARK];
    mark == "true" || *mark == json!(true)
}

/// Whether the object would start pods: replicas above zero, schedules that
/// are not suspended, and kinds that count no replicas at all.
pub(crate) fn runs(object: &Value) -> bool {
    match kind(object) {
        "CronJob" => object.pointer("/spec/suspend") != Some(&json!(true)),
        _ => object.pointer("/spec/replicas").and_then(Value::as_u64) != Some(0),
    }
}

/// Makes the object start no pods. What may not be a singleton ([`refusals`]) is left alone.
pub(crate) fn stop(object: &mut Value) {
    match kind(object) {
        _ if !runs(object) => {}
        "CronJob" => object["spec"]["suspend"] = json!(true),
        _ if counts_replicas(object) => object["spec"]["replicas"] = json!(0),
        _ => {}
    }
}

/// Makes it run, with as many replicas as its kind counts.
pub(crate) fn start(object: &mut Value, replicas: u64) {
    match kind(object) {
        "CronJob" => {
            if let Some(specification) = object["spec"].as_object_mut() {
                specification.remove("suspend");
            }
        }
        _ => object["spec"]["replicas"] = json!(replicas),
    }
}

/// Whether a pod of the singleton still works. Pods of a schedule stay when they have ended.
pub(crate) fn is_left(kind: &str, pod: &Value) -> bool {
    kind != "CronJob" || !matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
}

/// Why marked objects cannot be singletons, one sentence each.
pub(crate) fn refusals<'a>(objects: impl IntoIterator<Item = &'a Value> + Clone) -> Vec<String> {
    let marked = objects.clone().into_iter().filter(|object| is_marked(object));
    let scaled = objects.clone().into_iter().filter_map(|object| scaled_up(object, objects.clone()));
    marked.filter_map(refusal).chain(scaled).collect()
}

fn refusal(object: &Value) -> Option<String> {
    let why = match kind(object) {
        "DaemonSet" => "a DaemonSet runs a pod on every node",
        "Pod" => "a bare Pod cannot be stopped and started; make it a Deployment with one replica",
        "Job" => {
            "a Job runs as soon as it exists; mark it `honey.dev/active-only` if only the active instance may run it"
        }
        "CronJob" => return None,
        _ if !counts_replicas(object) => "this kind has no replicas to stop it by",
        _ => {
            let replicas = object.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
            if replicas <= 1 {
                return None;
            }
            let text = format!(
                "{} is marked as a singleton and wants {replicas} replicas; 1 is the most",
                shown(object)
            );
            return Some(text);
        }
    };
    Some(format!("{} cannot be a singleton: {why}", shown(object)))
}

/// An autoscaler that may start a second one.
fn scaled_up<'a>(scaler: &Value, objects: impl IntoIterator<Item = &'a Value>) -> Option<String> {
    let most = scaler.pointer("/spec/maxReplicas").and_then(Value::as_u64).filter(|most| *most > 1)?;
    let target = (kind(scaler) == "HorizontalPodAutoscaler").then(|| &scaler["spec"]["scaleTargetRef"])?;
    let of = |object: &&Value| {
        is_marked(object)
            && object["kind"] == target["kind"]
            && object["metadata"]["name"] == target["name"]
            && object["metadata"]["namespace"] == scaler["metadata"]["namespace"]
    };
    let singleton = objects.into_iter().find(of)?;
    Some(format!("{} may scale the singleton {} to {most}; 1 is the most", shown(scaler), shown(singleton)))
}

/// Deployments and the like always; other kinds where they say how many.
fn counts_replicas(object: &Value) -> bool {
    matches!(kind(object), "Deployment" | "StatefulSet" | "ReplicaSet" | "ReplicationController")
        || object.pointer("/spec/replicas").is_some_and(Value::is_u64)
}

fn kind(object: &Value) -> &str {
    object["kind"].as_str().unwrap_or_default()
}

fn shown(object: &Value) -> String {
    let name = object["metadata"]["name"].as_str().unwrap_or("?");
    honey_model::text::visible(&format!("{}/{name}", kind(object)), 200)
}

#[cfg(test)]
mod tests {
    use super::{is_left, is_marked, refusals, runs, start, stop};
    use serde_json::{Value, json};

    fn marked(kind: &str, spec: Value) -> Value {
        let metadata = json!({"name": "x", "annotations": {"honey.dev/singleton": "true"}});
        json!({"kind": kind, "metadata": metadata, "spec": spec})
    }

    #[test]
    fn a_stopped_singleton_does_not_run_and_keeps_its_kind_of_spec() {
        for (kind, spec, stopped) in [
            ("Deployment", json!({"replicas": 1}), json!({"replicas": 0})),
            ("StatefulSet", json!({}), json!({"replicas": 0})),
            ("CronJob", json!({"schedule": "@daily"}), json!({"schedule": "@daily", "suspend": true})),
            ("Rollout", json!({"replicas": 1}), json!({"replicas": 0})),
        ] {
            let mut object = marked(kind, spec);
            assert!(is_marked(&object) && runs(&object), "{object}");
            stop(&mut object);
            assert_eq!(object["spec"], stopped, "{kind}");
            assert!(!runs(&object), "{object}");
            assert_eq!(refusals([&object]), [""; 0], "{kind}");
            start(&mut object, 1);
            assert!(runs(&object), "{object}");
        }
        assert!(!is_marked(&json!({"kind": "Deployment", "metadata": {"name": "x"}})));
    }

    #[test]
    fn only_a_cron_job_is_at_rest_by_being_suspended() {
        assert!(!runs(&json!({"kind": "CronJob", "spec": {"suspend": true}})));
        assert!(runs(&json!({"kind": "CronJob", "spec": {"suspend": false, "replicas": 0}})));
        assert!(runs(&json!({"kind": "Deployment", "spec": {"suspend": true}})), "replicas default to 1");
        assert!(!runs(&json!({"kind": "Deployment", "spec": {"replicas": 0}})));
    }

    #[test]
    fn a_run_of_a_schedule_that_has_ended_is_not_waited_for() {
        let pod = |phase: &str| json!({"status": {"phase": phase}});
        assert!(is_left("CronJob", &pod("Running")) && is_left("CronJob", &pod("Pending")));
        assert!(!is_left("CronJob", &pod("Succeeded")) && !is_left("CronJob", &pod("Failed")));
        assert!(is_left("Deployment", &pod("Failed")), "its controller takes it away");
    }

    #[test]
    fn what_cannot_be_stopped_or_may_be_two_is_refused_by_name() {
        for (kind, spec, word) in [
            ("DaemonSet", json!({}), "every node"),
            ("Pod", json!({}), "bare Pod"),
            ("Job", json!({}), "active-only"),
            ("ConfigMap", json!(null), "no replicas"),
            ("Deployment", json!({"replicas": 2}), "wants 2 replicas"),
            ("StatefulSet", json!({"replicas": 3}), "wants 3 replicas"),
        ] {
            let object = marked(kind, spec);
            let refused = refusals([&object]);
            assert_eq!(refused.len(), 1, "{kind}");
            assert!(refused[0].contains(word) && refused[0].contains(&format!("{kind}/x")), "{refused:?}");
        }
    }

    #[test]
    fn an_autoscaler_may_not_double_a_singleton() {
        let worker = marked("Deployment", json!({"replicas": 1}));
        let scaler = |most: u64, name: &str| {
            json!({"kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"},
                "spec": {"maxReplicas": most, "scaleTargetRef": {"kind": "Deployment", "name": name}}})
        };
        assert_eq!(refusals([&worker, &scaler(3, "x")]).len(), 1);
        assert_eq!(refusals([&worker, &scaler(1, "x")]), [""; 0]);
        assert_eq!(refusals([&worker, &scaler(3, "another")]), [""; 0]);
    }
}
