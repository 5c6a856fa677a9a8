//! The whole crate against the lab's Kubernetes API: the same client, TLS and
//! requests as against a real one.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use honey_kube::{KubeClusters, normalise};
use honey_lab::kube::{ApiFault, ClusterOptions, ContainerFault, JobFault, SimulatedCluster};
use honey_model::{Address, Fault, FaultClass, Secret};
use honey_ports::{
    CallContext, Event, Progress,
    call::{Cancel, NoCheckpoint},
    cluster::{Cluster, Clusters, ObjectName, Readiness},
};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_mins(1);

struct Rehearsal {
    lab: SimulatedCluster,
    cluster: Arc<dyn Cluster>,
    context: CallContext,
    at: SocketAddr,
}

fn context() -> CallContext {
    CallContext {
        operation_id: "test".into(),
        owner: "honeydue-lab".into(),
        address: Address::of(&["lab", "kube", "test"]),
        deadline: LIMIT,
        cancel: Cancel::default(),
        progress: Progress::silent(),
        checkpoint: Arc::new(NoCheckpoint),
    }
}

async fn connect(yaml: String) -> Arc<dyn Cluster> {
    KubeClusters.connect(&Secret::new(yaml)).await.unwrap()
}

async fn rehearse() -> Rehearsal {
    let lab = SimulatedCluster::create(&ClusterOptions { pace: 60.0, ..ClusterOptions::default() }).unwrap();
    for number in 1..=3 {
        lab.add_node(&format!("node-{number}"), &[Ipv4Addr::new(127, 0, 0, number).into()], &[]);
    }
    let at = lab.serve_on((Ipv4Addr::LOCALHOST, 0).into(), &[]).await.unwrap();
    let cluster = connect(lab.kubeconfig_yaml(&format!("https://{at}"))).await;
    let rehearsal = Rehearsal { lab, cluster, context: context(), at };
    rehearsal
        .apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "honeydue"}}))
        .await
        .unwrap();
    rehearsal
}

impl Rehearsal {
    async fn apply(&self, object: &Value) -> Result<Value, Fault> {
        self.cluster.apply(&self.context, object, false).await
    }

    async fn pods(&self, name: &str) -> Vec<Value> {
        self.cluster.pods_of(&self.context, &deployment_name(name)).await.unwrap()
    }

    async fn wait(&self, name: &ObjectName) -> Result<(), Fault> {
        self.cluster.wait_ready(&self.context, name, LIMIT).await
    }

    /// What is compared: the object as it is, and as an apply would leave it.
    async fn difference(&self, object: &Value) -> (Value, Value) {
        let name = object_name(object);
        let live = self.cluster.get(&self.context, &name).await.unwrap().unwrap();
        let next = self.cluster.dry_run(&self.context, object).await.unwrap().unwrap();
        (normalise(&live), normalise(&next))
    }
}

fn object_name(object: &Value) -> ObjectName {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    ObjectName {
        api_version: text("/apiVersion").unwrap(),
        kind: text("/kind").unwrap(),
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name").unwrap(),
    }
}

fn deployment_name(name: &str) -> ObjectName {
    ObjectName {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        namespace: Some("honeydue".into()),
        name: name.into(),
    }
}

fn account(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "honeydue"}})
}

fn deployment(name: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "honeydue", "annotations": {"honey.dev/singleton": "true"}},
        "spec": {
            "replicas": replicas, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"serviceAccountName": name, "containers": [{
                    "name": name, "image": format!("registry.example/{name}:1"),
                    "ports": [{"containerPort": 8000}], "env": [{"name": "A", "value": "1"}],
                    "readinessProbe": {"httpGet": {"port": 8000}},
                }]},
            },
        },
    })
}

fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "honeydue"},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 8000}]},
    })
}

fn job(name: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "honeydue"},
        "spec": {"backoffLimit": 0, "template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "migrate", "image": "registry.example/migrate:1"}],
        }}},
    })
}

#[tokio::test]
async fn a_second_plan_is_empty() {
    let lab = rehearse().await;
    lab.apply(&account("api")).await.unwrap();
    let middleware = json!({
        "apiVersion": "traefik.io/v1alpha1", "kind": "Middleware",
        "metadata": {"name": "edge", "namespace": "honeydue"}, "spec": {"ipAllowList": {"sourceRange": ["192.0.2.0/24"]}},
    });
    for object in [deployment("api", 2), service("api"), job("migrate"), middleware] {
        let before = lab.cluster.dry_run(&lab.context, &object).await.unwrap();
        assert!(before.is_some(), "a new object can be compared");
        assert!(
            lab.cluster.get(&lab.context, &object_name(&object)).await.unwrap().is_none(),
            "a dry run leaves nothing"
        );
        lab.apply(&object).await.unwrap();
        let (live, next) = lab.difference(&object).await;
        assert_eq!(live, next);
    }
    lab.wait(&deployment_name("api")).await.unwrap();
    let (live, next) = lab.difference(&deployment("api", 2)).await;
    assert_eq!(live, next, "nor does running change what was applied");
    let (live, next) = lab.difference(&deployment("api", 3)).await;
    assert_ne!(live, next, "a change is seen");
}

#[tokio::test]
async fn what_cannot_be_compared_yet_says_so() {
    let lab = rehearse().await;
    let elsewhere =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "later"}});
    assert_eq!(lab.cluster.dry_run(&lab.context, &elsewhere).await.unwrap(), None);
    let custom = json!({"apiVersion": "example.org/v1", "kind": "Thing", "metadata": {"name": "x", "namespace": "honeydue"}});
    assert_eq!(lab.cluster.dry_run(&lab.context, &custom).await.unwrap(), None);
    let fault = lab.apply(&custom).await.unwrap_err();
    assert_eq!(fault.code, "HNY0606");
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.example.org"},
        "spec": {"group": "example.org", "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things", "singular": "thing"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]},
    });
    lab.apply(&definition).await.unwrap();
    lab.wait(&object_name(&definition)).await.unwrap();
    lab.apply(&custom).await.unwrap();
}

#[tokio::test]
async fn a_conflict_names_the_manager_and_the_field() {
    let lab = rehearse().await;
    lab.apply(&account("api")).await.unwrap();
    lab.apply(&deployment("api", 2)).await.unwrap();
    let theirs = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api", "namespace": "honeydue"},
        "spec": {"replicas": 5},
    });
    lab.lab.write_as("kubectl-edit", &theirs).unwrap();
    let fault = lab.apply(&deployment("api", 2)).await.unwrap_err();
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Conflict, "HNY0607"));
    assert!(
        fault.message.contains("kubectl-edit") && fault.message.contains(".spec.replicas"),
        "{}",
        fault.message
    );
    let forced = lab.cluster.apply(&lab.context, &deployment("api", 2), true).await.unwrap();
    assert_eq!(forced["spec"]["replicas"], 2);
}

#[tokio::test]
async fn honeys_own_scaling_is_no_conflict() {
    let lab = rehearse().await;
    lab.apply(&account("worker")).await.unwrap();
    lab.apply(&deployment("worker", 1)).await.unwrap();
    lab.cluster.scale(&lab.context, &deployment_name("worker"), 0).await.unwrap();
    let applied = lab.apply(&deployment("worker", 1)).await.unwrap();
    assert_eq!(applied["spec"]["replicas"], 1);
}

#[tokio::test]
async fn scaling_to_nothing_leaves_no_pod_and_the_books_know() {
    let lab = rehearse().await;
    lab.apply(&account("worker")).await.unwrap();
    lab.apply(&deployment("worker", 1)).await.unwrap();
    lab.wait(&deployment_name("worker")).await.unwrap();
    assert_eq!(lab.pods("worker").await.len(), 1);
    let runs = lab.lab.singleton_runs();
    assert!(runs.len() == 1 && runs[0].to.is_none(), "{runs:?}");
    lab.lab.script_container("worker", ContainerFault::SlowStop(Duration::from_secs(20)));
    lab.cluster.scale(&lab.context, &deployment_name("worker"), 0).await.unwrap();
    assert!(
        lab.lab
            .wait_until("", "pods", LIMIT, |pods| {
                pods.iter().any(|pod| {
                    pod["metadata"]["labels"]["app"] == "worker"
                        && !pod["metadata"]["deletionTimestamp"].is_null()
                })
            })
            .await
    );
    assert_eq!(lab.pods("worker").await.len(), 1, "a terminating pod is still a pod");
    lab.wait(&deployment_name("worker")).await.unwrap();
    assert!(
        lab.lab
            .wait_until("", "pods", LIMIT, |pods| !pods
                .iter()
                .any(|pod| pod["metadata"]["labels"]["app"] == "worker"))
            .await
    );
    assert!(lab.pods("worker").await.is_empty());
    assert!(lab.lab.singleton_runs()[0].to.is_some());
}

#[tokio::test]
async fn deleting_waits_until_everything_is_gone() {
    let lab = rehearse().await;
    lab.apply(&account("api")).await.unwrap();
    lab.apply(&deployment("api", 2)).await.unwrap();
    lab.wait(&deployment_name("api")).await.unwrap();
    lab.cluster.delete(&lab.context, &deployment_name("api")).await.unwrap();
    assert!(lab.pods("api").await.is_empty(), "what it owned went first");
    lab.cluster.delete(&lab.context, &deployment_name("api")).await.unwrap();
}

#[tokio::test]
async fn a_deletion_that_is_held_names_the_finalizer() {
    let mut lab = rehearse().await;
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "held", "namespace": "honeydue", "finalizers": ["example.org/hold"]}});
    lab.apply(&object).await.unwrap();
    lab.context.deadline = Duration::from_millis(600);
    let fault = lab.cluster.delete(&lab.context, &object_name(&object)).await.unwrap_err();
    assert_eq!(fault.code, "HNY0611");
    assert!(fault.message.contains("example.org/hold"), "{}", fault.message);
}

#[tokio::test]
async fn a_failed_job_is_explained_by_its_log() {
    let lab = rehearse().await;
    lab.lab
        .script_job("migrate", JobFault::Fail { log: "ERROR: relation \"tasks\" exists\u{1b}[31m".into() });
    lab.apply(&job("migrate")).await.unwrap();
    let fault = lab.wait(&object_name(&job("migrate"))).await.unwrap_err();
    assert_eq!(fault.code, "HNY0610");
    assert!(fault.message.contains("BackoffLimitExceeded"), "{}", fault.message);
    assert!(fault.message.contains("relation \"tasks\" exists"), "{}", fault.message);
    assert!(!fault.message.contains('\u{1b}'), "escapes of a log never reach a terminal");
    lab.lab.clear_scripts();
    lab.apply(&job("migrate-2")).await.unwrap();
    lab.wait(&object_name(&job("migrate-2"))).await.unwrap();
}

#[tokio::test]
async fn accounts_come_before_workloads_gotcha_9_1() {
    let mut lab = rehearse().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&told);
    lab.context.progress = Progress::new(move |event| {
        if let Event::OperationProgress { message, .. } = event {
            sink.lock().unwrap().push(message);
        }
    });
    lab.apply(&deployment("api", 1)).await.unwrap();
    let fault = lab
        .cluster
        .wait_ready(&lab.context, &deployment_name("api"), Duration::from_millis(700))
        .await
        .unwrap_err();
    assert_eq!(fault.code, "HNY0609");
    assert!(fault.message.contains("serviceaccount \"api\" not found"), "{}", fault.message);
    assert!(!told.lock().unwrap().is_empty(), "waiting is told");
    lab.apply(&account("api")).await.unwrap();
    lab.wait(&deployment_name("api")).await.unwrap();
}

#[tokio::test]
async fn a_crash_loop_ends_the_waiting_with_the_log() {
    let lab = rehearse().await;
    lab.lab.script_container("api", ContainerFault::Crash { exit: 1, log: "panic: no database".into() });
    lab.apply(&account("api")).await.unwrap();
    lab.apply(&deployment("api", 1)).await.unwrap();
    let fault = lab.wait(&deployment_name("api")).await.unwrap_err();
    assert_eq!(fault.code, "HNY0610");
    assert!(
        fault.message.contains("CrashLoopBackOff") && fault.message.contains("panic: no database"),
        "{}",
        fault.message
    );
}

#[tokio::test]
async fn the_next_server_answers_when_the_first_is_down() {
    let lab = rehearse().await;
    let second = lab.lab.serve_on((Ipv4Addr::LOCALHOST, 0).into(), &[]).await.unwrap();
    let yaml = lab.lab.kubeconfig_yaml(&format!("https://{}", lab.at)).replace(
        "  name: default\ncontexts",
        &format!("    extensions:\n    - name: honey.servers\n      extension: [\"https://{}\", \"https://{second}\"]\n  name: default\ncontexts", lab.at),
    );
    let cluster = connect(yaml).await;
    assert_eq!(cluster.version(&lab.context).await.unwrap(), "v1.34.6+k3s1");
    // Four tries of one server would see nothing but these.
    let not_ready =
        ApiFault { method: "GET".into(), path: "version".into(), status: 503, times: 7, after_effect: false };
    lab.lab.script_api(not_ready);
    assert_eq!(cluster.version(&lab.context).await.unwrap(), "v1.34.6+k3s1", "the other server is asked too");
    lab.lab.stop_serving(lab.at);
    assert_eq!(cluster.version(&lab.context).await.unwrap(), "v1.34.6+k3s1");
    lab.lab.stop_serving(second);
    let fault = cluster.version(&lab.context).await.unwrap_err();
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Transient, "HNY0601"));
}

#[tokio::test]
async fn strangers_are_told_apart() {
    let lab = rehearse().await;
    let server = format!("https://{}", lab.at);
    let by_token = connect(lab.lab.token_kubeconfig_yaml(&server)).await;
    by_token.version(&lab.context).await.unwrap();
    let (start, _) = lab
        .lab
        .token_kubeconfig_yaml(&server)
        .rsplit_once("token: ")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let wrong = connect(format!("{start}token: wrong\n")).await;
    assert_eq!(wrong.version(&lab.context).await.unwrap_err().code, "HNY0602");
    let other = SimulatedCluster::create(&ClusterOptions::default()).unwrap();
    let impostor = connect(other.kubeconfig_yaml(&server)).await;
    assert_eq!(impostor.version(&lab.context).await.unwrap_err().code, "HNY0604");
}

#[tokio::test]
async fn passing_failures_of_the_api_are_tried_again() {
    let lab = rehearse().await;
    let fail = |status, times, after_effect| ApiFault {
        method: "PATCH".into(),
        path: "configmaps".into(),
        status,
        times,
        after_effect,
    };
    lab.lab.script_api(fail(500, 2, true));
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "honeydue"}, "data": {"a": "1"}});
    lab.apply(&object).await.unwrap();
    lab.lab.script_api(fail(0, 1, true));
    lab.apply(&object).await.unwrap();
    lab.lab.script_api(fail(503, 50, false));
    let fault = lab.apply(&object).await.unwrap_err();
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Transient, "HNY0612"));
}

#[tokio::test]
async fn an_immutable_field_asks_for_a_replacement() {
    let lab = rehearse().await;
    lab.apply(&job("migrate")).await.unwrap();
    let mut changed = job("migrate");
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.example/migrate:2");
    let fault = lab.apply(&changed).await.unwrap_err();
    assert_eq!(fault.code, "HNY0615");
    assert!(fault.message.contains("spec.template"), "{}", fault.message);
}

#[tokio::test]
async fn nodes_and_their_labels() {
    let lab = rehearse().await;
    let nodes = lab.cluster.nodes(&lab.context).await.unwrap();
    assert_eq!(nodes.len(), 3);
    assert!(nodes.iter().all(|node| node.ready && node.version == "v1.34.6+k3s1"));
    let label = |value: Option<&str>| vec![("honeydue/redis".to_owned(), value.map(str::to_owned))];
    lab.cluster.label_node(&lab.context, "node-1", &label(Some("true"))).await.unwrap();
    let nodes = lab.cluster.nodes(&lab.context).await.unwrap();
    assert_eq!(nodes[0].labels["honeydue/redis"], "true");
    lab.cluster.label_node(&lab.context, "node-1", &label(None)).await.unwrap();
    assert!(!lab.cluster.nodes(&lab.context).await.unwrap()[0].labels.contains_key("honeydue/redis"));
    assert_eq!(
        lab.cluster.label_node(&lab.context, "node-9", &label(None)).await.unwrap_err().class,
        FaultClass::NotFound
    );
}

#[tokio::test]
async fn a_claim_that_waits_for_its_pod_does_not_block() {
    let lab = rehearse().await;
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "redis-data", "namespace": "honeydue"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}});
    lab.apply(&claim).await.unwrap();
    assert_eq!(lab.cluster.readiness(&lab.context, &object_name(&claim)).await.unwrap(), Readiness::Ready);
}

#[tokio::test]
async fn lists_come_page_by_page_with_their_types() {
    let lab = rehearse().await;
    for number in 0..3 {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("map-{number}"), "namespace": "honeydue", "labels": {"kept": (number < 2).to_string()}}});
        lab.apply(&object).await.unwrap();
    }
    let found =
        lab.cluster.list(&lab.context, "v1", "ConfigMap", Some("honeydue"), "kept=true").await.unwrap();
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|object| object["kind"] == "ConfigMap" && object["apiVersion"] == "v1"));
    assert!(lab.cluster.list(&lab.context, "example.org/v1", "Thing", None, "").await.unwrap().is_empty());
}

#[tokio::test]
async fn cancelling_ends_a_wait() {
    let lab = rehearse().await;
    lab.apply(&deployment("api", 1)).await.unwrap();
    let cancel = lab.context.cancel.clone();
    let api = deployment_name("api");
    let (waited, ()) = tokio::join!(lab.wait(&api), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        cancel.cancel();
    });
    assert_eq!(waited.unwrap_err().class, FaultClass::Canceled);
}
