//! Writes as clients make them, and what the API answers: beside each the code,
//! the message or what is stored.

use std::{cell::RefCell, collections::BTreeMap};

use serde_json::{Value, json};

use crate::kube::{
    handle::{self, Answer, Call},
    stock,
    store::State,
};

const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const JSON: &str = "application/json";

/// An API without a network.
struct Api {
    state: State,
    warnings: Vec<String>,
}

impl Api {
    fn new() -> Self {
        let mut state = State::new("test", "v1.34.6+k3s1", 1, 1.0);
        stock::install(&mut state, "authority");
        Self { state, warnings: Vec::new() }
    }

    fn send(&mut self, method: &str, path: &str, content_type: &str, body: &str) -> (u16, Value) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let call = Call {
            method: method.into(),
            path: path.into(),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect::<BTreeMap<_, _>>(),
            content_type: content_type.into(),
            user_agent: "kubectl/v1.34.0 (linux/amd64)".into(),
            body: body.as_bytes().to_vec(),
            warnings: RefCell::default(),
        };
        let answer = handle::handle(&mut self.state, &call);
        self.warnings = call.warnings.take();
        match answer {
            Answer::Json(code, value) => (code, value),
            _ => panic!("no JSON from {method} {path}"),
        }
    }

    /// Server-side apply, with further options.
    fn apply(&mut self, path: &str, options: &str, object: &Value) -> (u16, Value) {
        let path = format!("{path}?fieldManager=honey{options}");
        self.send("PATCH", &path, APPLY, &object.to_string())
    }

    fn applied(&mut self, path: &str, object: &Value) -> Value {
        let (code, answer) = self.apply(path, "", object);
        assert!(code < 300, "{path}: {answer}");
        answer
    }

    fn get(&mut self, path: &str) -> Value {
        let (code, answer) = self.send("GET", path, "", "");
        assert_eq!(code, 200, "{path}: {answer}");
        answer
    }
}

const WEB: &str = "/apis/apps/v1/namespaces/default/deployments/web";

fn deployment(replicas: Option<u32>, container: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
        },
    });
    if let Some(replicas) = replicas {
        object["spec"]["replicas"] = json!(replicas);
    }
    object
}

fn web(replicas: u32) -> Value {
    deployment(Some(replicas), &json!({"name": "web", "image": "web:1"}))
}

fn message(answer: &Value) -> &str {
    answer["message"].as_str().unwrap_or_default()
}

fn managers(object: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    object["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| {
            format!(
                "{} {} {}",
                text(&entry["manager"]),
                text(&entry["operation"]),
                text(&entry["subresource"])
            )
        })
        .map(|line| line.trim_end().to_owned())
        .collect()
}

#[test]
fn an_undeclared_field_or_a_wrong_type_fails_a_server_side_apply() {
    let mut api = Api::new();
    let path = "/apis/batch/v1/namespaces/default/cronjobs/tidy";
    let mut object = json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tidy", "namespace": "default"},
        "spec": {"schedule": "0 3 * * *", "replicas": 1, "jobTemplate": {"spec": {"template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "tidy", "image": "tidy:1"}],
        }}}}},
    });
    let (code, answer) = api.apply(path, "", &object);
    assert_eq!(code, 500, "{answer}");
    assert_eq!(
        message(&answer),
        "failed to create typed patch object (default/tidy; batch/v1, Kind=CronJob): .spec.replicas: field not declared in schema"
    );
    assert_eq!(answer.get("reason"), None, "the real API knows no reason either");
    object["spec"].as_object_mut().unwrap().remove("replicas");
    object["spec"]["suspend"] = json!("true");
    let (code, answer) = api.apply(path, "&dryRun=All", &object);
    assert_eq!(code, 500);
    assert!(message(&answer).ends_with(".spec.suspend: expected boolean, got &{true}"), "{answer}");
    object["spec"]["suspend"] = json!(true);
    let stored = api.applied(path, &object);
    assert_eq!(
        (&stored["spec"]["suspend"], &stored["spec"]["concurrencyPolicy"]),
        (&json!(true), &json!("Allow"))
    );
    let map = "/api/v1/namespaces/default/configmaps/c";
    let numbers =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"port": 80}});
    let (code, answer) = api.apply(map, "", &numbers);
    assert_eq!(
        (code, message(&answer)),
        (
            500,
            "failed to create typed patch object (/c; /v1, Kind=ConfigMap): .data.port: expected string, got &value.valueUnstructured{Value:80}"
        )
    );
}

#[test]
fn other_writes_are_strict_only_when_asked() {
    let mut api = Api::new();
    let list = "/apis/apps/v1/namespaces/default/deployments";
    let mut object = web(1);
    object["spec"]["replica"] = json!(2);
    let (code, answer) =
        api.send("POST", &format!("{list}?fieldValidation=Strict"), JSON, &object.to_string());
    assert_eq!(code, 400);
    assert_eq!(
        message(&answer),
        "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: unknown field \"spec.replica\""
    );
    let (code, stored) = api.send("POST", list, JSON, &object.to_string());
    assert_eq!(code, 201, "{stored}");
    assert_eq!(stored["spec"].get("replica"), None, "dropped");
    assert_eq!(api.warnings, ["unknown field \"spec.replica\""]);
    object["metadata"]["name"] = json!("other");
    let (code, _) = api.send("POST", &format!("{list}?fieldValidation=Ignore"), JSON, &object.to_string());
    assert_eq!((code, api.warnings.len()), (201, 0));
    let (code, answer) =
        api.send("POST", list, JSON, &web(1).to_string().replace("\"replicas\":1", "\"replicas\":\"1\""));
    assert_eq!(code, 400, "{answer}");
    assert!(
        message(&answer).contains(
            "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
        )
    );
    for content_type in [MERGE, STRATEGIC] {
        let (code, answer) = api.send("PATCH", WEB, content_type, r#"{"spec": {"replicas": "2"}}"#);
        assert_eq!(code, 422, "{answer}");
        assert!(message(&answer).starts_with(" \"\" is invalid: patch: Invalid value: "), "{answer}");
        let strict = format!("{WEB}?fieldValidation=Strict");
        let (code, answer) = api.send("PATCH", &strict, content_type, r#"{"spec": {"replica": 2}}"#);
        assert_eq!(code, 422);
        assert!(
            message(&answer).ends_with("strict decoding error: unknown field \"spec.replica\""),
            "{answer}"
        );
        let (code, _) =
            api.send("PATCH", &strict, content_type, r#"{"spec": {"replicas": 1, "replicas": 2}}"#);
        assert_eq!(code, 422, "a field that stands twice");
    }
    let (code, _) = api.send("POST", &format!("{list}?fieldValidation=Maybe"), JSON, "{}");
    assert_eq!(code, 422);
}

#[test]
fn who_scaled_is_named_and_gives_way_to_force() {
    let mut api = Api::new();
    let first = api.applied(WEB, &web(1));
    let (code, _) = api.send("PATCH", &format!("{WEB}/scale"), MERGE, r#"{"spec": {"replicas": 3}}"#);
    assert_eq!(code, 200);
    let scaled = api.get(WEB);
    assert_eq!(managers(&scaled), ["honey Apply", "kubectl Update scale"]);
    assert_eq!(
        scaled["metadata"]["managedFields"][1]["fieldsV1"],
        json!({"f:spec": {"f:replicas": {}}}),
        "and nothing else"
    );
    let (code, answer) = api.apply(WEB, "", &web(1));
    assert_eq!(code, 409);
    assert_eq!(
        message(&answer),
        "Apply failed with 1 conflict: conflict with \"kubectl\" with subresource \"scale\" using apps/v1: .spec.replicas"
    );
    assert_eq!(
        answer["details"]["causes"],
        json!([{"reason": "FieldManagerConflict", "message": "conflict with \"kubectl\" with subresource \"scale\" using apps/v1", "field": ".spec.replicas"}])
    );
    // The same value is no conflict: both own it.
    let shared = api.applied(WEB, &web(3));
    assert_eq!(managers(&shared), ["honey Apply", "kubectl Update scale"]);
    let (code, dry) = api.apply(WEB, "&force=true&dryRun=All", &web(2));
    assert_eq!((code, &dry["spec"]["replicas"]), (200, &json!(2)));
    assert_eq!(managers(&dry), ["honey Apply"]);
    assert_eq!(api.get(WEB), shared, "a dry run writes nothing");
    let (_, forced) = api.apply(WEB, "&force=true", &web(2));
    assert_eq!(managers(&forced), ["honey Apply"], "it owns nothing any more");
    assert_eq!(forced["spec"], dry["spec"]);
    assert_eq!(forced["metadata"]["generation"], dry["metadata"]["generation"]);
    assert_eq!(first["metadata"]["uid"], forced["metadata"]["uid"]);
}

#[test]
fn several_conflicts_are_listed_by_manager() {
    let mut api = Api::new();
    api.applied(WEB, &web(1));
    let patch = r#"{"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:9"}]}}}}"#;
    api.send("PATCH", &format!("{WEB}?fieldManager=kubectl-set"), STRATEGIC, patch);
    api.send("PATCH", &format!("{WEB}?fieldManager=kubectl-patch"), MERGE, r#"{"spec": {"replicas": 4}}"#);
    let edited = api.get(WEB);
    assert_eq!(managers(&edited), ["honey Apply", "kubectl-set Update", "kubectl-patch Update"]);
    let (code, answer) = api.apply(WEB, "", &web(1));
    assert_eq!(code, 409);
    assert_eq!(
        message(&answer),
        "Apply failed with 2 conflicts: conflicts with \"kubectl-patch\" using apps/v1:\n- .spec.replicas\nconflicts with \"kubectl-set\" using apps/v1:\n- .spec.template.spec.containers[name=\"web\"].image"
    );
}

#[test]
fn what_an_applier_sends_no_more_goes_with_what_was_filled_in_beside_it() {
    let mut api = Api::new();
    let probe = json!({"httpGet": {"path": "/", "port": 80}});
    let full = deployment(
        Some(1),
        &json!({
            "name": "web", "image": "web:1", "livenessProbe": probe, "args": ["--x"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "ports": [{"containerPort": 80}], "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        }),
    );
    let mut full = full;
    full["spec"]["template"]["spec"]["volumes"] = json!([{"name": "v", "emptyDir": {}}]);
    full["spec"]["template"]["spec"]["nodeSelector"] = json!({"role": "web"});
    full["metadata"]["annotations"] = json!({"a": "1", "b": "2"});
    full["metadata"]["finalizers"] = json!(["honey.dev/x"]);
    api.applied(WEB, &full);
    // Somebody adds a variable, a label and an annotation of their own.
    let patch = json!({"metadata": {"labels": {"theirs": "1"}, "annotations": {"c": "3"}},
        "spec": {"template": {"spec": {"containers": [{"name": "web", "env": [{"name": "C", "value": "3"}]}]}}}});
    let (code, _) =
        api.send("PATCH", &format!("{WEB}?fieldManager=kubectl-edit"), STRATEGIC, &patch.to_string());
    assert_eq!(code, 200);
    let mut less =
        deployment(Some(1), &json!({"name": "web", "image": "web:1", "env": [{"name": "B", "value": "2"}]}));
    less["metadata"]["annotations"] = json!({"b": "2"});
    let stored = api.applied(WEB, &less);
    let container = &stored["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["env"], json!([{"name": "B", "value": "2"}, {"name": "C", "value": "3"}]));
    for field in ["livenessProbe", "args", "ports", "volumeMounts"] {
        assert_eq!(container.get(field), None, "{field}");
    }
    for field in ["volumes", "nodeSelector"] {
        assert_eq!(stored["spec"]["template"]["spec"].get(field), None, "{field}");
    }
    assert_eq!(stored["metadata"]["annotations"], json!({"b": "2", "c": "3"}));
    assert_eq!(stored["metadata"]["labels"], json!({"theirs": "1"}));
    assert_eq!(stored["metadata"].get("finalizers"), None);
    // And the last of its kind takes the map along.
    let bare = deployment(None, &json!({"name": "web", "image": "web:1"}));
    let stored = api.applied(WEB, &bare);
    assert_eq!(stored["metadata"]["annotations"], json!({"c": "3"}));
    assert_eq!(stored["spec"]["replicas"], 1, "removed, and filled in again");
}

#[test]
fn a_value_that_two_appliers_sent_stays_until_both_let_it_go() {
    let mut api = Api::new();
    let map = "/api/v1/namespaces/default/configmaps/c";
    let with = |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"}, "data": data});
    api.applied(map, &with(json!({"a": "1", "b": "1"})));
    let (code, _) =
        api.send("PATCH", &format!("{map}?fieldManager=other"), APPLY, &with(json!({"a": "1"})).to_string());
    assert_eq!(code, 200);
    let stored = api.applied(map, &with(json!({})));
    assert_eq!(stored["data"], json!({"a": "1"}));
    let (_, stored) =
        api.send("PATCH", &format!("{map}?fieldManager=other"), APPLY, &with(json!({})).to_string());
    assert_eq!(stored.get("data"), None);
}

#[test]
fn a_generation_counts_specifications_and_nothing_else() {
    let mut api = Api::new();
    let generation = |object: &Value| object["metadata"]["generation"].as_u64();
    let first = api.applied(WEB, &web(1));
    assert_eq!(generation(&first), Some(1));
    assert_eq!(api.applied(WEB, &web(1)), first, "nothing to do: not even another version");
    let mut labelled = web(1);
    labelled["metadata"]["labels"] = json!({"a": "b"});
    assert_eq!(generation(&api.applied(WEB, &labelled)), Some(1));
    api.send("PATCH", &format!("{WEB}/status"), MERGE, r#"{"status": {"replicas": 1}}"#);
    assert_eq!(generation(&api.get(WEB)), Some(1));
    let (_, patched) =
        api.send("PATCH", WEB, MERGE, r#"{"status": {"replicas": 7}, "spec": {"replicas": 2}}"#);
    assert_eq!((generation(&patched), &patched["status"]["replicas"]), (Some(2), &json!(1)));
}

/// Path of a list, object, patch, and the refusal's field and words.
type Change = (&'static str, Value, Value, &'static str, &'static str);

#[test]
fn what_cannot_change_is_refused_by_name() {
    let pod = json!({"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "x", "image": "x:1"}]}});
    let mut once = pod.clone();
    once["spec"]["restartPolicy"] = json!("Never");
    let selector = json!({"matchLabels": {"app": "x"}});
    let other = json!({"spec": {"selector": {"matchLabels": {"app": "y"}}, "template": {"metadata": {"labels": {"app": "y"}}}}});
    let namespaced = |group: &str, plural: &str| match group {
        "" => format!("/api/v1/namespaces/default/{plural}"),
        _ => format!("/apis/{group}/namespaces/default/{plural}"),
    };
    let workload = json!({"selector": selector, "template": pod});
    let rows: Vec<Change> = vec![
        (
            "apps/v1 deployments",
            json!({"kind": "Deployment", "spec": workload}),
            other.clone(),
            "spec.selector",
            "field is immutable",
        ),
        (
            "apps/v1 daemonsets",
            json!({"kind": "DaemonSet", "spec": workload}),
            other.clone(),
            "spec.selector",
            "field is immutable",
        ),
        (
            "apps/v1 statefulsets",
            json!({"kind": "StatefulSet", "spec": workload}),
            json!({"spec": {"serviceName": "z"}}),
            "spec",
            "updates to statefulset spec for fields other than",
        ),
        (
            "batch/v1 jobs",
            json!({"kind": "Job", "spec": {"template": once}}),
            json!({"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}}),
            "spec.template",
            "field is immutable",
        ),
        (
            "batch/v1 jobs",
            json!({"kind": "Job", "spec": {"template": once}}),
            json!({"spec": {"completions": 3}}),
            "spec.completions",
            "field is immutable",
        ),
        (
            " configmaps",
            json!({"kind": "ConfigMap", "data": {"a": "b"}, "immutable": true}),
            json!({"data": {"a": "c"}}),
            "data",
            "field is immutable when `immutable` is set",
        ),
        (
            " configmaps",
            json!({"kind": "ConfigMap", "data": {"a": "b"}, "immutable": true}),
            json!({"immutable": null}),
            "immutable",
            "field is immutable when `immutable` is set",
        ),
        (
            " secrets",
            json!({"kind": "Secret", "data": {"a": "YQ=="}, "immutable": true}),
            json!({"data": {"b": "YQ=="}}),
            "data",
            "field is immutable when `immutable` is set",
        ),
        (" secrets", json!({"kind": "Secret"}), json!({"type": "other"}), "type", "field is immutable"),
        (
            " services",
            json!({"kind": "Service", "spec": {"ports": [{"port": 80}]}}),
            json!({"spec": {"clusterIP": "10.43.9.9"}}),
            "spec.clusterIPs[0]",
            "may not change once set",
        ),
        (
            " persistentvolumeclaims",
            json!({"kind": "PersistentVolumeClaim", "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}}),
            json!({"spec": {"accessModes": ["ReadWriteMany"]}}),
            "spec",
            "spec is immutable after creation",
        ),
        (
            "rbac.authorization.k8s.io/v1 rolebindings",
            json!({"kind": "RoleBinding", "roleRef": {"kind": "Role", "name": "a"}}),
            json!({"roleRef": {"name": "b"}}),
            "roleRef",
            "cannot change roleRef",
        ),
    ];
    for (place, object, patch, field, why) in rows {
        let mut api = Api::new();
        let (group, plural) = place.split_once(' ').unwrap();
        let list = namespaced(group, plural);
        let mut object = object;
        object["metadata"] = json!({"name": "x"});
        let (code, stored) = api.send("POST", &list, JSON, &object.to_string());
        assert_eq!(code, 201, "{place}: {stored}");
        let (code, answer) = api.send("PATCH", &format!("{list}/x"), MERGE, &patch.to_string());
        assert_eq!((code, &answer["reason"]), (422, &json!("Invalid")), "{place}: {answer}");
        let cause = &answer["details"]["causes"][0];
        assert_eq!(cause["field"], field, "{place}: {answer}");
        assert!(cause["message"].as_str().unwrap().contains(why), "{place}: {answer}");
        assert_eq!(api.get(&format!("{list}/x")), stored, "{place}");
    }
}

#[test]
fn what_may_change_does() {
    let mut api = Api::new();
    let list = "/apis/apps/v1/namespaces/default/statefulsets";
    let set = json!({"kind": "StatefulSet", "metadata": {"name": "x"}, "spec": {"serviceName": "x", "selector": {"matchLabels": {"app": "x"}},
        "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "x", "image": "x:1"}]}}}});
    api.send("POST", list, JSON, &set.to_string());
    let change = json!({"spec": {"replicas": 3, "minReadySeconds": 5, "revisionHistoryLimit": 2, "updateStrategy": {"type": "OnDelete", "rollingUpdate": null},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"}, "template": {"metadata": {"annotations": {"a": "b"}}}}});
    let (code, answer) = api.send("PATCH", &format!("{list}/x"), MERGE, &change.to_string());
    assert_eq!(code, 200, "{answer}");
    // A Service that is sent without its address keeps it.
    let services = "/api/v1/namespaces/default/services";
    let service = json!({"kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}});
    let (_, first) = api.send("POST", services, JSON, &service.to_string());
    let (code, second) = api.send("PUT", &format!("{services}/s"), JSON, &service.to_string());
    assert_eq!((code, &second["spec"]["clusterIP"]), (200, &first["spec"]["clusterIP"]));
    // Growth of a bound claim, where the class allows it and only there.
    let claims = "/api/v1/namespaces/default/persistentvolumeclaims";
    let claim = json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "c"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    api.send("POST", claims, JSON, &claim.to_string());
    api.send("PATCH", &format!("{claims}/c/status"), MERGE, r#"{"status": {"phase": "Bound"}}"#);
    let size =
        |text: &str| format!(r#"{{"spec": {{"resources": {{"requests": {{"storage": "{text}"}}}}}}}}"#);
    let path = format!("{claims}/c");
    let (code, answer) = api.send("PATCH", &path, MERGE, &size("2Gi"));
    assert_eq!(code, 403, "{answer}");
    assert!(message(&answer).contains("must support resize"), "{answer}");
    let class = "/apis/storage.k8s.io/v1/storageclasses/local-path";
    assert_eq!(api.send("PATCH", class, MERGE, r#"{"allowVolumeExpansion": true}"#).0, 200);
    assert_eq!(api.send("PATCH", &path, MERGE, &size("1024Mi")).0, 200, "the same size");
    assert_eq!(api.send("PATCH", &path, MERGE, &size("2Gi")).0, 200);
    // Back as far as what is there, and no further.
    api.send("PATCH", &format!("{path}/status"), MERGE, r#"{"status": {"capacity": {"storage": "1Gi"}}}"#);
    assert_eq!(api.send("PATCH", &path, MERGE, &size("1536Mi")).0, 200);
    let (code, answer) = api.send("PATCH", &path, MERGE, &size("1Gi"));
    assert_eq!(code, 422);
    assert!(message(&answer).contains("field can not be less than status.capacity"), "{answer}");
    let (code, answer) = api.send("PATCH", class, MERGE, r#"{"reclaimPolicy": "Retain"}"#);
    assert_eq!(
        (code, message(&answer)),
        (
            422,
            "StorageClass.storage.k8s.io \"local-path\" is invalid: reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden."
        )
    );
}

#[test]
fn secrets_are_base64_and_plain_text_becomes_it() {
    let mut api = Api::new();
    let list = "/api/v1/namespaces/default/secrets";
    let secret = json!({"kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "YQ=="}, "stringData": {"b": "text"}});
    let (code, stored) = api.send("POST", list, JSON, &secret.to_string());
    assert_eq!((code, &stored["type"]), (201, &json!("Opaque")));
    assert_eq!(stored["data"], json!({"a": "YQ==", "b": "dGV4dA=="}));
    assert_eq!(stored.get("stringData"), None);
    for (value, byte) in [("no base64", 2), ("YQ", 0), ("YWJjZ", 4)] {
        let wrong = json!({"kind": "Secret", "metadata": {"name": "t"}, "data": {"a": value}});
        let (code, answer) = api.send("POST", list, JSON, &wrong.to_string());
        assert_eq!((code, message(&answer)), (400, format!("Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte {byte}").as_str()));
    }
    let wrong = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "t"}, "data": {"a": "?"}});
    let (code, answer) = api.apply(&format!("{list}/t"), "", &wrong);
    assert!(code >= 400 && message(&answer).contains("illegal base64"), "{answer}");
    let registry =
        json!({"kind": "Secret", "metadata": {"name": "r"}, "type": "kubernetes.io/dockerconfigjson"});
    let (code, answer) = api.send("POST", list, JSON, &registry.to_string());
    assert_eq!((code, &answer["details"]["causes"][0]["field"]), (422, &json!("data[.dockerconfigjson]")));
}

#[test]
fn names_and_namespaces_follow_the_rules() {
    let mut api = Api::new();
    let map =
        |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}).to_string();
    let list = "/api/v1/namespaces/default/configmaps";
    for (name, code) in [("a.b-c", 201), ("Big", 422), ("under_score", 422), ("-x", 422), ("a..b", 422)] {
        assert_eq!(api.send("POST", list, JSON, &map(name)).0, code, "{name}");
    }
    let (code, answer) = api.send("POST", "/api/v1/namespaces/nowhere/configmaps", JSON, &map("x"));
    assert_eq!((code, message(&answer)), (404, "namespaces \"nowhere\" not found"));
    let elsewhere = json!({"kind": "ConfigMap", "metadata": {"name": "x", "namespace": "kube-system"}});
    let (code, answer) = api.send("POST", list, JSON, &elsewhere.to_string());
    assert_eq!(code, 400);
    assert!(message(&answer).contains("does not match the namespace sent on the request"), "{answer}");
    let mut applied = elsewhere;
    applied["apiVersion"] = json!("v1");
    assert_eq!(api.apply(&format!("{list}/x"), "", &applied).0, 400);
    applied["metadata"] = json!({"name": "y", "namespace": "default"});
    assert_eq!(api.apply(&format!("{list}/x"), "", &applied).0, 400, "another name than the path's");
    // A stray namespace of a cluster-scoped object is cleared, by create and by apply.
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "reader", "namespace": "default"}, "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]});
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let (code, stored) = api.send("POST", roles, JSON, &role.to_string());
    assert_eq!((code, stored["metadata"].get("namespace")), (201, None));
    let (code, stored) = api.apply(&format!("{roles}/reader"), "", &role);
    assert_eq!((code, stored["metadata"].get("namespace")), (200, None), "{stored}");
    // A namespace on its way out takes nothing new.
    api.send("POST", "/api/v1/namespaces", JSON, r#"{"kind": "Namespace", "metadata": {"name": "leaving"}}"#);
    api.send("DELETE", "/api/v1/namespaces/leaving", JSON, "");
    let (code, answer) = api.send("POST", "/api/v1/namespaces/leaving/configmaps", JSON, &map("x"));
    assert_eq!((code, &answer["details"]["causes"][0]["reason"]), (403, &json!("NamespaceTerminating")));
}

#[test]
fn what_misses_is_named() {
    let mut api = Api::new();
    let fields = |answer: &Value| -> Vec<String> {
        let causes = answer["details"]["causes"].as_array().cloned().unwrap_or_default();
        causes.iter().map(|cause| cause["field"].as_str().unwrap_or_default().to_owned()).collect()
    };
    for (path, object, wanted) in [
        (
            "/apis/apps/v1/namespaces/default/deployments",
            json!({"kind": "Deployment", "spec": {}}),
            &["spec.selector", "spec.template"][..],
        ),
        (
            "/apis/apps/v1/namespaces/default/deployments",
            json!({"kind": "Deployment", "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "x", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]}}}}),
            &[
                "spec.template.spec.containers[0].image",
                "spec.template.spec.containers[0].volumeMounts[0].name",
            ],
        ),
        (
            "/apis/batch/v1/namespaces/default/jobs",
            json!({"kind": "Job", "spec": {"template": {"spec": {"containers": [{"name": "x", "image": "x"}]}}}}),
            &["spec.template.spec.restartPolicy"],
        ),
        (
            "/apis/batch/v1/namespaces/default/cronjobs",
            json!({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": []}}}}}}),
            &["spec.schedule", "spec.jobTemplate.spec.template.spec.containers"],
        ),
        ("/api/v1/namespaces/default/services", json!({"kind": "Service", "spec": {}}), &["spec.ports"]),
        (
            "/api/v1/namespaces/default/persistentvolumeclaims",
            json!({"kind": "PersistentVolumeClaim", "spec": {}}),
            &["spec.accessModes", "spec.resources[storage]"],
        ),
        (
            "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
            json!({"kind": "HorizontalPodAutoscaler", "spec": {"scaleTargetRef": {"kind": "Deployment"}}}),
            &["spec.maxReplicas", "spec.scaleTargetRef.name"],
        ),
    ] {
        let mut object = object;
        object["metadata"] = json!({"name": "x"});
        let (code, answer) = api.send("POST", path, JSON, &object.to_string());
        assert_eq!(code, 422, "{path}: {answer}");
        for field in wanted {
            assert!(fields(&answer).iter().any(|found| found == field), "{path}: {field}: {answer}");
        }
    }
    let recreate = json!({"spec": {"strategy": {"type": "Recreate"}}});
    api.applied(WEB, &web(1));
    let (code, answer) = api.send("PATCH", WEB, MERGE, &recreate.to_string());
    assert_eq!(
        (code, fields(&answer)),
        (422, vec!["spec.strategy.rollingUpdate".to_owned()]),
        "the default stands in the way, as it does in the real API"
    );
    let (code, _) = api.send(
        "PATCH",
        WEB,
        MERGE,
        r#"{"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}}"#,
    );
    assert_eq!(code, 200);
}

#[test]
fn objects_of_a_definition_have_its_fields() {
    let mut api = Api::new();
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "toys.example.org"},
        "spec": {"group": "example.org", "scope": "Namespaced", "names": {"kind": "Toy", "plural": "toys", "singular": "toy", "listKind": "ToyList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}}, "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": {"size": {"type": "integer"}, "colour": {"type": "string", "default": "red"}}},
                "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            }}}}]},
    });
    api.applied("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/toys.example.org", &definition);
    let list = "/apis/example.org/v1/namespaces/default/toys";
    let toy = |spec: Value| json!({"apiVersion": "example.org/v1", "kind": "Toy", "metadata": {"name": "t", "namespace": "default"}, "spec": spec});
    let (code, answer) = api.apply(&format!("{list}/t"), "", &toy(json!({"size": "big"})));
    assert_eq!(
        (code, message(&answer)),
        (
            500,
            "failed to create typed patch object (default/t; example.org/v1, Kind=Toy): .spec.size: expected numeric (int or float), got string"
        )
    );
    let (code, answer) = api.apply(&format!("{list}/t"), "", &toy(json!({"sise": 1})));
    assert_eq!(code, 500);
    assert!(message(&answer).ends_with(".spec.sise: field not declared in schema"), "{answer}");
    let (code, answer) = api.send("POST", list, JSON, &toy(json!({"size": "big"})).to_string());
    assert_eq!((code, &answer["details"]["causes"][0]["field"]), (422, &json!("spec.size")), "{answer}");
    let (code, stored) = api.send("POST", list, JSON, &toy(json!({"size": 2, "sise": 1})).to_string());
    assert_eq!((code, &stored["spec"]), (201, &json!({"size": 2, "colour": "red"})));
    assert_eq!(api.warnings, ["unknown field \"spec.sise\""]);
    let (code, _) = api.send("PATCH", &format!("{list}/t"), STRATEGIC, "{}");
    assert_eq!(code, 415, "custom kinds know no strategic patches");
    assert_eq!(api.get(list)["items"].as_array().map(Vec::len), Some(1));
    // What k3s defines takes everything.
    let route = json!({"apiVersion": "traefik.io/v1alpha1", "kind": "Middleware", "metadata": {"name": "m", "namespace": "default"}, "spec": {"any": {"thing": [1]}}});
    let stored = api.applied("/apis/traefik.io/v1alpha1/namespaces/default/middlewares/m", &route);
    assert_eq!(stored["spec"], route["spec"]);
}
