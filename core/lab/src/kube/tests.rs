//! What controllers and nodes do over time: the books about singletons, Jobs that fail, rollouts, autoscalers.

use std::{net::Ipv4Addr, time::Duration};

use serde_json::{Value, json};

use super::{ClusterOptions, JobFault, SimulatedCluster};

const LIMIT: Duration = Duration::from_secs(20);

/// One node, and the default account that every pod needs.
async fn with_node() -> SimulatedCluster {
    let cluster =
        SimulatedCluster::create(&ClusterOptions { pace: 100.0, ..ClusterOptions::default() }).unwrap();
    cluster.add_node("node-1", &[Ipv4Addr::LOCALHOST.into()], &[]);
    // It appears with the first step of the controllers.
    assert!(
        cluster
            .wait_until("", "serviceaccounts", LIMIT, |all| all
                .iter()
                .any(|found| found["metadata"]["name"] == "default"))
            .await
    );
    cluster
}

async fn with_worker() -> SimulatedCluster {
    let cluster = with_node().await;
    let worker = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "worker", "namespace": "default", "annotations": {"honey.dev/singleton": "true"}},
        "spec": {
            "replicas": 1, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": {"app": "worker"}},
            "template": {"metadata": {"labels": {"app": "worker"}}, "spec": {"containers": [{"name": "worker", "image": "worker:1"}]}},
        },
    });
    cluster.write_as("test", &worker).unwrap();
    assert!(running(&cluster, 1).await, "{:?}", cluster.singleton_runs());
    cluster
}

fn workers(pods: &[Value]) -> Vec<&Value> {
    pods.iter().filter(|pod| pod["metadata"]["labels"]["app"] == "worker").collect()
}

fn open_runs(cluster: &SimulatedCluster) -> usize {
    cluster.singleton_runs().iter().filter(|run| run.to.is_none()).count()
}

async fn running(cluster: &SimulatedCluster, wanted: usize) -> bool {
    let waiting = async {
        while open_runs(cluster) != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.is_ok()
}

#[tokio::test]
async fn a_node_without_power_runs_nothing_though_its_pod_is_listed() {
    let cluster = with_worker().await;
    cluster.node_off("node-1");
    assert_eq!(open_runs(&cluster), 0, "at once");
    assert_eq!(workers(&cluster.objects("", "pods")).len(), 1);
}

#[tokio::test]
async fn a_pod_removed_by_force_from_a_lost_node_runs_on() {
    let cluster = with_worker().await;
    cluster.add_node("node-2", &[Ipv4Addr::new(127, 0, 0, 2).into()], &[]);
    cluster.node_partitioned("node-1");
    let pod = workers(&cluster.objects("", "pods"))[0]["metadata"]["name"].as_str().unwrap().to_owned();
    cluster.delete("", "pods", "default", &pod, &json!({"gracePeriodSeconds": 0}));
    assert!(running(&cluster, 2).await, "the books see both: {:?}", cluster.singleton_runs());
    cluster.node_up("node-1");
    assert!(running(&cluster, 1).await, "the node notices when it is back");
}

#[tokio::test]
async fn a_recreated_worker_never_overlaps_itself() {
    let cluster = with_worker().await;
    for version in 2..5 {
        let change = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "worker", "namespace": "default"},
            "spec": {"template": {"spec": {"containers": [{"name": "worker", "image": format!("worker:{version}")}]}}}});
        cluster.write_as("test", &change).unwrap();
        let image = format!("worker:{version}");
        assert!(
            cluster
                .wait_until("", "pods", LIMIT, |pods| {
                    let pods = workers(pods);
                    pods.len() == 1
                        && pods[0]["spec"]["containers"][0]["image"] == json!(image)
                        && pods[0]["status"]["phase"] == "Running"
                })
                .await
        );
    }
    let runs = cluster.singleton_runs();
    assert_eq!(runs.len(), 4, "{runs:?}");
    assert!(runs.windows(2).all(|pair| pair[0].to.is_some_and(|to| to <= pair[1].from)), "{runs:?}");
}

#[tokio::test]
async fn listeners_hear_of_starts_and_stops() {
    let cluster = with_worker().await;
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = std::sync::Arc::clone(&heard);
    cluster.on_singleton(move |run| sink.lock().unwrap().push((run.workload.clone(), run.to.is_some())));
    cluster.delete("apps", "deployments", "default", "worker", &json!({"propagationPolicy": "Foreground"}));
    assert!(running(&cluster, 0).await);
    assert_eq!(*heard.lock().unwrap(), [("worker".to_owned(), true)]);
}

fn job(name: &str, spec: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "default"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "m", "image": "shop/migrate:1"}]}}},
    });
    super::patch::merge(&mut object["spec"], spec);
    object
}

/// Waits until the Job has a condition, and answers its status.
async fn job_with(cluster: &SimulatedCluster, name: &str, condition: &str) -> Value {
    let find = |jobs: &[Value]| jobs.iter().find(|job| job["metadata"]["name"] == name).cloned();
    let holds = |jobs: &[Value]| {
        find(jobs).is_some_and(|job| {
            let list = job["status"]["conditions"].as_array().cloned().unwrap_or_default();
            list.iter().any(|found| found["type"] == condition && found["status"] == "True")
        })
    };
    let came = cluster.wait_until("batch", "jobs", LIMIT, holds).await;
    let job = find(&cluster.objects("batch", "jobs")).unwrap();
    assert!(came, "{}", job["status"]);
    job["status"].clone()
}

#[tokio::test]
async fn a_job_is_tried_again_until_it_succeeds() {
    let cluster = with_node().await;
    cluster.script_job_image("shop/migrate", JobFault::FailTimes { times: 2, log: "no database".into() });
    cluster.write_as("test", &job("migrate", &json!({"backoffLimit": 3}))).unwrap();
    let status = job_with(&cluster, "migrate", "Complete").await;
    assert_eq!((&status["failed"], &status["succeeded"]), (&json!(2), &json!(1)));
    // The script is used up.
    cluster.write_as("test", &job("again", &json!({"backoffLimit": 0}))).unwrap();
    job_with(&cluster, "again", "Complete").await;
}

#[tokio::test]
async fn a_job_that_fails_more_often_than_it_may_has_failed() {
    let cluster = with_node().await;
    cluster.script_job("mig", JobFault::FailTimes { times: 3, log: "no database".into() });
    cluster.write_as("test", &job("migrate", &json!({"backoffLimit": 1}))).unwrap();
    let status = job_with(&cluster, "migrate", "Failed").await;
    assert_eq!((&status["failed"], &status["active"]), (&json!(2), &json!(0)));
    let conditions = status["conditions"].as_array().unwrap();
    assert!(
        conditions.iter().any(|found| found["type"] == "Failed" && found["reason"] == "BackoffLimitExceeded")
    );
    // Deleted and made again it runs: one failure of the script is left.
    cluster.delete("batch", "jobs", "default", "migrate", &json!({"propagationPolicy": "Foreground"}));
    assert!(cluster.wait_until("batch", "jobs", LIMIT, <[Value]>::is_empty).await);
    cluster.write_as("test", &job("migrate", &json!({"backoffLimit": 1}))).unwrap();
    let status = job_with(&cluster, "migrate", "Complete").await;
    assert_eq!(status["failed"], 1);
}

#[tokio::test]
async fn a_job_that_takes_too_long_has_failed_and_leaves_no_pod_running() {
    let cluster = with_node().await;
    cluster.script_job("migrate", JobFault::Hang);
    cluster.write_as("test", &job("migrate", &json!({"activeDeadlineSeconds": 10}))).unwrap();
    let status = job_with(&cluster, "migrate", "Failed").await;
    let conditions = status["conditions"].as_array().unwrap();
    assert!(
        conditions.iter().any(|found| found["type"] == "Failed" && found["reason"] == "DeadlineExceeded")
    );
    assert!(
        cluster
            .wait_until("", "pods", LIMIT, |pods| pods
                .iter()
                .all(|pod| pod["metadata"]["labels"]["job-name"] != "migrate"))
            .await
    );
}

#[tokio::test]
async fn a_job_goes_some_time_after_its_end() {
    let cluster = with_node().await;
    cluster.write_as("test", &job("migrate", &json!({"ttlSecondsAfterFinished": 20}))).unwrap();
    job_with(&cluster, "migrate", "Complete").await;
    assert!(cluster.wait_until("batch", "jobs", LIMIT, <[Value]>::is_empty).await);
}

#[tokio::test]
async fn a_suspended_job_runs_when_it_is_let_go() {
    let cluster = with_node().await;
    cluster.write_as("test", &job("migrate", &json!({"suspend": true}))).unwrap();
    job_with(&cluster, "migrate", "Suspended").await;
    assert!(cluster.objects("", "pods").iter().all(|pod| pod["metadata"]["labels"]["job-name"] != "migrate"));
    cluster.write_as("test", &job("migrate", &json!({"suspend": false}))).unwrap();
    job_with(&cluster, "migrate", "Complete").await;
}

#[tokio::test]
async fn another_annotation_of_the_template_rolls_new_pods() {
    let cluster = with_worker().await;
    let before = workers(&cluster.objects("", "pods"))[0]["metadata"]["uid"].clone();
    let annotate = |value: &str| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "worker", "namespace": "default"},
        "spec": {"template": {"metadata": {"annotations": {"config": value}}}}})
    };
    cluster.write_as("test", &annotate("1")).unwrap();
    let rolled = |pods: &[Value]| {
        let pods = workers(pods);
        pods.len() == 1
            && pods[0]["metadata"]["uid"] != before
            && pods[0]["metadata"]["annotations"]["config"] == "1"
            && pods[0]["status"]["phase"] == "Running"
    };
    assert!(cluster.wait_until("", "pods", LIMIT, rolled).await);
    let sets = cluster.objects("apps", "replicasets").len();
    // The same again rolls nothing.
    cluster.write_as("test", &annotate("1")).unwrap();
    assert_eq!(cluster.objects("apps", "replicasets").len(), sets);
}

#[tokio::test]
async fn an_autoscaler_owns_the_number_that_it_sets() {
    let cluster = with_worker().await;
    let scaler = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "worker", "namespace": "default"},
        "spec": {"minReplicas": 2, "maxReplicas": 4, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"}},
    });
    cluster.write_as("test", &scaler).unwrap();
    let scaled = |all: &[Value]| {
        all.iter().any(|found| found["metadata"]["name"] == "worker" && found["spec"]["replicas"] == 2)
    };
    assert!(cluster.wait_until("apps", "deployments", LIMIT, scaled).await);
    let all = cluster.objects("apps", "deployments");
    let worker = all.iter().find(|found| found["metadata"]["name"] == "worker").unwrap();
    let owner = worker["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["fieldsV1"]["f:spec"].get("f:replicas").is_some())
        .unwrap();
    assert_eq!(
        (&owner["manager"], &owner["operation"], &owner["subresource"]),
        (&json!("kube-controller-manager"), &json!("Update"), &json!("scale"))
    );
}
