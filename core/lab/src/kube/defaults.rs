//! The fields that the API fills in, as noisy as the real one.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

/// Sets `field` of a map unless it is there.
fn default(object: &mut Value, field: &str, value: Value) {
    if let Value::Object(map) = object {
        map.entry(field.to_owned()).or_insert(value);
    }
}

fn child<'a>(object: &'a mut Value, field: &str) -> Option<&'a mut Value> {
    object.get_mut(field).filter(|value| value.is_object())
}

fn items<'a>(object: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten()
}

/// Fills in an object of a built-in kind, over what it was where it existed. `address` gives a new
/// cluster address for a Service.
pub(super) fn fill(object: &mut Value, before: Option<&Value>, address: &mut dyn FnMut() -> String) {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let labels = object["metadata"]["labels"].clone();
    match kind.as_str() {
        "Namespace" => {
            if !object["metadata"]["labels"].is_object() {
                object["metadata"]["labels"] = json!({});
            }
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = json!(name);
            default(object, "spec", json!({"finalizers": ["kubernetes"]}));
            default(object, "status", json!({"phase": "Active"}));
        }
        "Secret" => secret(object),
        "Service" => service(object, before, address),
        "PersistentVolumeClaim" => {
            if let Some(spec) = child(object, "spec") {
                default(spec, "volumeMode", json!("Filesystem"));
                if before.is_none() {
                    default(spec, "storageClassName", json!("local-path"));
                }
            }
            default(object, "status", json!({"phase": "Pending"}));
        }
        "Deployment" => {
            if let Some(spec) = child(object, "spec") {
                default(spec, "replicas", json!(1));
                default(spec, "revisionHistoryLimit", json!(10));
                default(spec, "progressDeadlineSeconds", json!(600));
                default(spec, "strategy", json!({"type": "RollingUpdate"}));
                if spec["strategy"]["type"] == "RollingUpdate" {
                    default(&mut spec["strategy"], "rollingUpdate", json!({}));
                    default(&mut spec["strategy"]["rollingUpdate"], "maxSurge", json!("25%"));
                    default(&mut spec["strategy"]["rollingUpdate"], "maxUnavailable", json!("25%"));
                }
            }
            template(object, "Always");
        }
        "ReplicaSet" => {
            if let Some(spec) = child(object, "spec") {
                default(spec, "replicas", json!(1));
            }
            template(object, "Always");
        }
        "StatefulSet" => {
            if let Some(spec) = child(object, "spec") {
                default(spec, "replicas", json!(1));
                default(spec, "podManagementPolicy", json!("OrderedReady"));
                default(spec, "revisionHistoryLimit", json!(10));
                default(
                    spec,
                    "updateStrategy",
                    json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}),
                );
            }
            template(object, "Always");
        }
        "DaemonSet" => {
            if let Some(spec) = child(object, "spec") {
                default(spec, "revisionHistoryLimit", json!(10));
                default(
                    spec,
                    "updateStrategy",
                    json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}),
                );
            }
            template(object, "Always");
        }
        "Job" => job(object, &name),
        "Pod" => {
            if let Some(spec) = child(object, "spec") {
                pod_spec(spec, "Always");
            }
            default(object, "status", json!({"phase": "Pending", "qosClass": "Burstable"}));
        }
        "Ingress" => {
            if let Some(spec) = child(object, "spec") {
                default(spec, "ingressClassName", json!("traefik"));
            }
            default(object, "status", json!({"loadBalancer": {}}));
        }
        "NetworkPolicy" => {
            if let Some(spec) = child(object, "spec") {
                let types = if spec.get("egress").is_some() {
                    json!(["Ingress", "Egress"])
                } else {
                    json!(["Ingress"])
                };
                default(spec, "policyTypes", types);
                default(spec, "podSelector", json!({}));
                for direction in ["ingress", "egress"] {
                    for rule in items(spec, direction) {
                        for port in items(rule, "ports") {
                            default(port, "protocol", json!("TCP"));
                        }
                    }
                }
            }
        }
        "HorizontalPodAutoscaler" => {
            if let Some(spec) = child(object, "spec") {
                default(spec, "minReplicas", json!(1));
                default(
                    spec,
                    "metrics",
                    json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]),
                );
            }
        }
        "CronJob" => {
            if let Some(spec) = child(object, "spec") {
                default(spec, "concurrencyPolicy", json!("Allow"));
                default(spec, "suspend", json!(false));
                default(spec, "successfulJobsHistoryLimit", json!(3));
                default(spec, "failedJobsHistoryLimit", json!(1));
                if let Some(template) = child(spec, "jobTemplate") {
                    // A Job's own template, one level deeper.
                    default(template, "metadata", json!({}));
                    default(&mut template["metadata"], "creationTimestamp", Value::Null);
                    self::template(template, "Always");
                }
            }
        }
        "PriorityClass" => default(object, "preemptionPolicy", json!("PreemptLowerPriority")),
        "PodDisruptionBudget" => default(
            object,
            "status",
            json!({"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0}),
        ),
        "RoleBinding" | "ClusterRoleBinding" => {
            default(&mut object["roleRef"], "apiGroup", json!("rbac.authorization.k8s.io"));
            for subject in items(object, "subjects") {
                if subject["kind"] != "ServiceAccount" {
                    default(subject, "apiGroup", json!("rbac.authorization.k8s.io"));
                }
            }
        }
        "StorageClass" => {
            default(object, "reclaimPolicy", json!("Delete"));
            default(object, "volumeBindingMode", json!("Immediate"));
        }
        _ => {}
    }
    // A label map that somebody emptied stays away, as the real API leaves it.
    if labels.as_object().is_some_and(Map::is_empty)
        && kind != "Namespace"
        && let Some(metadata) = child(object, "metadata").and_then(Value::as_object_mut)
    {
        metadata.remove("labels");
    }
}

fn secret(object: &mut Value) {
    default(object, "type", json!("Opaque"));
    let Some(Value::Object(plain)) = object.as_object_mut().and_then(|map| map.remove("stringData")) else {
        return;
    };
    default(object, "data", json!({}));
    for (key, value) in plain {
        object["data"][key] = json!(STANDARD.encode(value.as_str().unwrap_or_default()));
    }
}

fn service(object: &mut Value, before: Option<&Value>, address: &mut dyn FnMut() -> String) {
    let Some(spec) = child(object, "spec") else { return };
    default(spec, "type", json!("ClusterIP"));
    if let Some(before) = before.map(|before| &before["spec"])
        && spec["type"] != "ExternalName"
        && before["type"] != "ExternalName"
    {
        // An address that was given stays, also for who does not name it.
        for field in ["clusterIP", "clusterIPs"] {
            if let Some(value) = before.get(field) {
                default(spec, field, value.clone());
            }
        }
    }
    default(spec, "sessionAffinity", json!("None"));
    if spec["type"] != "ExternalName" {
        if spec["clusterIP"].as_str().is_none_or(str::is_empty) {
            spec["clusterIP"] = json!(address());
        }
        let cluster_ip = spec["clusterIP"].clone();
        default(spec, "clusterIPs", json!([cluster_ip]));
        default(spec, "ipFamilies", json!(["IPv4"]));
        default(spec, "ipFamilyPolicy", json!("SingleStack"));
        default(spec, "internalTrafficPolicy", json!("Cluster"));
    }
    for port in items(spec, "ports") {
        default(port, "protocol", json!("TCP"));
        let number = port["port"].clone();
        default(port, "targetPort", number);
    }
    default(object, "status", json!({"loadBalancer": {}}));
}

fn job(object: &mut Value, name: &str) {
    let uid = object["metadata"]["uid"].clone();
    let Some(spec) = child(object, "spec") else { return };
    default(spec, "backoffLimit", json!(6));
    default(spec, "completions", json!(1));
    default(spec, "parallelism", json!(1));
    default(spec, "completionMode", json!("NonIndexed"));
    default(spec, "suspend", json!(false));
    default(spec, "manualSelector", json!(false));
    default(spec, "podReplacementPolicy", json!("TerminatingOrFailed"));
    if uid.is_string() {
        default(spec, "selector", json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}));
        if let Some(template) = child(spec, "template") {
            default(template, "metadata", json!({}));
            default(&mut template["metadata"], "labels", json!({}));
            let labels = &mut template["metadata"]["labels"];
            for (key, value) in [
                ("batch.kubernetes.io/controller-uid", uid.clone()),
                ("controller-uid", uid),
                ("batch.kubernetes.io/job-name", json!(name)),
                ("job-name", json!(name)),
            ] {
                default(labels, key, value);
            }
        }
    }
    template(object, "Always");
}

fn template(object: &mut Value, restart: &str) {
    let Some(template) = child(object, "spec").and_then(|spec| spec.get_mut("template")) else { return };
    default(template, "metadata", json!({}));
    default(&mut template["metadata"], "creationTimestamp", Value::Null);
    if let Some(spec) = child(template, "spec") {
        pod_spec(spec, restart);
    }
}

fn pod_spec(spec: &mut Value, restart: &str) {
    default(spec, "restartPolicy", json!(restart));
    default(spec, "dnsPolicy", json!("ClusterFirst"));
    default(spec, "schedulerName", json!("default-scheduler"));
    default(spec, "securityContext", json!({}));
    default(spec, "terminationGracePeriodSeconds", json!(30));
    if let Some(account) = spec.get("serviceAccountName").cloned() {
        default(spec, "serviceAccount", account);
    }
    for list in ["containers", "initContainers"] {
        for container in items(spec, list) {
            default(container, "terminationMessagePath", json!("/dev/termination-log"));
            default(container, "terminationMessagePolicy", json!("File"));
            default(container, "resources", json!({}));
            let image = container["image"].as_str().unwrap_or_default();
            let moving = image.ends_with(":latest")
                || !image.rsplit('/').next().unwrap_or_default().contains([':', '@']);
            default(container, "imagePullPolicy", json!(if moving { "Always" } else { "IfNotPresent" }));
            for port in items(container, "ports") {
                default(port, "protocol", json!("TCP"));
            }
            for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
                if let Some(probe) = child(container, name) {
                    for (field, value) in [
                        ("timeoutSeconds", 1),
                        ("periodSeconds", 10),
                        ("successThreshold", 1),
                        ("failureThreshold", 3),
                    ] {
                        default(probe, field, json!(value));
                    }
                    if let Some(get) = child(probe, "httpGet") {
                        default(get, "scheme", json!("HTTP"));
                        default(get, "path", json!("/"));
                    }
                }
            }
            for variable in items(container, "env") {
                if let Some(reference) = variable.pointer_mut("/valueFrom/fieldRef") {
                    default(reference, "apiVersion", json!("v1"));
                }
            }
        }
    }
    for volume in items(spec, "volumes") {
        for source in ["secret", "configMap", "projected", "downwardAPI"] {
            if let Some(source) = child(volume, source) {
                default(source, "defaultMode", json!(420));
            }
        }
        if let Some(host) = child(volume, "hostPath") {
            default(host, "type", json!(""));
        }
    }
}
