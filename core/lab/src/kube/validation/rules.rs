//! Rules of single kinds.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{super::resource::ResourceType, super::selector, Causes, names};

/// Fields with few values, by the end of their place.
const VALUES: &[(&str, &[&str])] = &[
    ("imagePullPolicy", &["Always", "IfNotPresent", "Never"]),
    ("concurrencyPolicy", &["Allow", "Forbid", "Replace"]),
    ("completionMode", &["Indexed", "NonIndexed"]),
    ("dnsPolicy", &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
    ("pathType", &["Exact", "ImplementationSpecific", "Prefix"]),
    ("podManagementPolicy", &["OrderedReady", "Parallel"]),
    ("protocol", &["SCTP", "TCP", "UDP"]),
    ("sessionAffinity", &["ClientIP", "None"]),
];

/// Checks an object of a built-in kind.
pub(super) fn check(kind: &ResourceType, object: &Value, causes: &mut Causes) {
    let spec = &object["spec"];
    match kind.kind.as_str() {
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => workload(kind, spec, causes),
        "Job" => job(spec, "spec", causes),
        "CronJob" => {
            let schedule = spec["schedule"].as_str().unwrap_or_default();
            let fields: Vec<&str> = schedule.split_whitespace().collect();
            if !schedule.is_empty() && !schedule.starts_with('@') && fields.len() != 5 {
                let why =
                    format!("expected exactly 5 fields, found {}: [{}]", fields.len(), fields.join(" "));
                causes.push(("spec.schedule".into(), format!("Invalid value: {schedule:?}: {why}")));
            }
            job(&spec["jobTemplate"]["spec"], "spec.jobTemplate.spec", causes);
        }
        "Pod" => pod(spec, "spec", causes),
        "ConfigMap" => keys(object, &["data", "binaryData"], causes),
        "Secret" => secret(object, causes),
        "Service" => service(spec, causes),
        "PersistentVolumeClaim" => {
            if spec["accessModes"].as_array().is_none_or(Vec::is_empty) {
                causes.push((
                    "spec.accessModes".into(),
                    "Required value: at least 1 access mode is required".into(),
                ));
            }
            if spec["resources"]["requests"].get("storage").is_none() {
                causes.push(("spec.resources[storage]".into(), "Required value".into()));
            }
        }
        "HorizontalPodAutoscaler" => {
            let (least, most) = (spec["minReplicas"].as_i64().unwrap_or(1), spec["maxReplicas"].as_i64());
            if let Some(most) = most
                && most < least.max(1)
            {
                let why = if most < 1 {
                    "must be greater than 0"
                } else {
                    "must be greater than or equal to `minReplicas`"
                };
                causes.push(("spec.maxReplicas".into(), format!("Invalid value: {most}: {why}")));
            }
        }
        "PodDisruptionBudget"
            if spec.get("minAvailable").is_some() && spec.get("maxUnavailable").is_some() =>
        {
            let why = "minAvailable and maxUnavailable cannot be both set";
            causes.push(("spec".into(), format!("Invalid value: {spec}: {why}")));
        }
        "CustomResourceDefinition" => {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let wanted = format!("{}.{}", text(&spec["names"]["plural"]), text(&spec["group"]));
            let name = text(&object["metadata"]["name"]);
            if name != wanted {
                let why = "must be spec.names.plural+\".\"+spec.group";
                causes.push(("metadata.name".into(), format!("Invalid value: {name:?}: {why}")));
            }
        }
        _ => {}
    }
    if kind.kind != "CustomResourceDefinition" {
        few_values(spec, "spec", causes);
    }
}

fn few_values(value: &Value, path: &str, causes: &mut Causes) {
    match value {
        Value::Object(map) => {
            for (field, value) in map {
                let place = format!("{path}.{field}");
                if let (Some((_, known)), Some(text)) =
                    (VALUES.iter().find(|(name, _)| name == field), value.as_str())
                    && !known.contains(&text)
                {
                    let list: Vec<String> = known.iter().map(|value| format!("{value:?}")).collect();
                    let why = format!("Unsupported value: {text:?}: supported values: {}", list.join(", "));
                    causes.push((place.clone(), why));
                }
                few_values(value, &place, causes);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                few_values(item, &format!("{path}[{index}]"), causes);
            }
        }
        _ => {}
    }
}

fn not_negative(spec: &Value, field: &str, path: &str, causes: &mut Causes) {
    if let Some(number) = spec[field].as_i64().filter(|number| *number < 0) {
        let why = format!("Invalid value: {number}: must be greater than or equal to 0");
        causes.push((format!("{path}.{field}"), why));
    }
}

fn workload(kind: &ResourceType, spec: &Value, causes: &mut Causes) {
    for field in ["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        not_negative(spec, field, "spec", causes);
    }
    let (selector, template) = (&spec["selector"], &spec["template"]);
    if selector.is_object() {
        let empty = |field: &str| match &selector[field] {
            Value::Object(map) => map.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => true,
        };
        if empty("matchLabels") && empty("matchExpressions") {
            let why = format!("empty selector is invalid for {}", kind.kind.to_lowercase());
            causes.push(("spec.selector".into(), format!("Invalid value: {selector}: {why}")));
        }
    }
    if !selector::spec_matches(template, selector) {
        let labels = &template["metadata"]["labels"];
        causes.push((
            "spec.template.metadata.labels".into(),
            format!("Invalid value: {labels}: `selector` does not match template `labels`"),
        ));
    }
    if kind.kind == "Deployment"
        && spec["strategy"]["type"] == "Recreate"
        && spec["strategy"].get("rollingUpdate").is_some()
    {
        causes.push((
            "spec.strategy.rollingUpdate".into(),
            "Forbidden: may not be specified when strategy `type` is 'Recreate'".into(),
        ));
    }
    let restart = &template["spec"]["restartPolicy"];
    if restart.is_string() && restart != "Always" {
        causes.push((
            "spec.template.spec.restartPolicy".into(),
            format!("Unsupported value: {restart}: supported values: \"Always\""),
        ));
    }
    templated(template, "spec.template", causes);
}

fn job(spec: &Value, path: &str, causes: &mut Causes) {
    let numbers =
        ["backoffLimit", "completions", "parallelism", "ttlSecondsAfterFinished", "activeDeadlineSeconds"];
    for field in numbers {
        not_negative(spec, field, path, causes);
    }
    if spec["template"]["spec"]["restartPolicy"] == "Always" {
        causes.push((
            format!("{path}.template.spec.restartPolicy"),
            "Required value: valid values: \"OnFailure\", \"Never\"".into(),
        ));
    }
    templated(&spec["template"], &format!("{path}.template"), causes);
}

fn templated(template: &Value, path: &str, causes: &mut Causes) {
    names::labels(&template["metadata"]["labels"], &format!("{path}.labels"), causes);
    if template.is_object() && !template["spec"].is_object() {
        causes.push((format!("{path}.spec.containers"), "Required value".into()));
    }
    pod(&template["spec"], &format!("{path}.spec"), causes);
}

fn pod(spec: &Value, path: &str, causes: &mut Causes) {
    let list = |field: &str| spec[field].as_array().cloned().unwrap_or_default();
    let volumes = list("volumes");
    let known: BTreeSet<&str> = volumes.iter().filter_map(|volume| volume["name"].as_str()).collect();
    unique(&volumes, &format!("{path}.volumes"), causes);
    for field in ["initContainers", "containers"] {
        let containers = list(field);
        unique(&containers, &format!("{path}.{field}"), causes);
        for (index, container) in containers.iter().enumerate() {
            let place = format!("{path}.{field}[{index}]");
            if container["image"].as_str().is_none_or(str::is_empty) {
                causes.push((format!("{place}.image"), "Required value".into()));
            }
            for (number, mount) in container["volumeMounts"].as_array().into_iter().flatten().enumerate() {
                let name = mount["name"].as_str().unwrap_or_default();
                if !name.is_empty() && !known.contains(name) {
                    causes.push((
                        format!("{place}.volumeMounts[{number}].name"),
                        format!("Not found: {name:?}"),
                    ));
                }
            }
            for (number, port) in container["ports"].as_array().into_iter().flatten().enumerate() {
                port_number(
                    &port["containerPort"],
                    &format!("{place}.ports[{number}].containerPort"),
                    causes,
                );
            }
        }
    }
}

fn port_number(port: &Value, place: &str, causes: &mut Causes) {
    if let Some(number) = port.as_i64().filter(|number| !(1..=65535).contains(number)) {
        let why = format!("Invalid value: {number}: must be between 1 and 65535, inclusive");
        causes.push((place.to_owned(), why));
    }
}

/// Names of containers and volumes: labels, and no two the same.
fn unique(items: &[Value], path: &str, causes: &mut Causes) {
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let name = item["name"].as_str().unwrap_or_default();
        let place = format!("{path}[{index}].name");
        if let Some(why) = names::label_fault(name) {
            causes.push((place, why));
        } else if !name.is_empty() && !seen.insert(name) {
            causes.push((place, format!("Duplicate value: {name:?}")));
        }
    }
}

fn keys(object: &Value, fields: &[&str], causes: &mut Causes) {
    for field in fields {
        for key in object[*field].as_object().into_iter().flatten().map(|(key, _)| key) {
            let legal = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
            if key.is_empty() || !legal || key.len() > 253 || matches!(key.as_str(), "." | "..") {
                let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
                causes.push((format!("{field}[{key}]"), format!("Invalid value: {key:?}: {why}")));
            }
        }
    }
}

fn secret(object: &Value, causes: &mut Causes) {
    keys(object, &["data"], causes);
    let needs: &[&str] = match object["type"].as_str().unwrap_or_default() {
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        _ => &[],
    };
    for key in needs {
        if object["data"].get(*key).is_none() {
            causes.push((format!("data[{key}]"), "Required value".into()));
        }
    }
}

fn service(spec: &Value, causes: &mut Causes) {
    let of_type = spec["type"].as_str().unwrap_or_default();
    let known = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    if !known.contains(&of_type) {
        let list: Vec<String> = known.iter().map(|value| format!("{value:?}")).collect();
        let why = format!("Unsupported value: {of_type:?}: supported values: {}", list.join(", "));
        causes.push(("spec.type".into(), why));
    }
    let ports = spec["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
    if ports.is_empty() && of_type != "ExternalName" && spec["clusterIP"] != "None" {
        causes.push(("spec.ports".into(), "Required value".into()));
    }
    for (index, port) in ports.iter().enumerate() {
        port_number(&port["port"], &format!("spec.ports[{index}].port"), causes);
        if ports.len() > 1 && port["name"].as_str().is_none_or(str::is_empty) {
            causes.push((format!("spec.ports[{index}].name"), "Required value".into()));
        }
    }
}
