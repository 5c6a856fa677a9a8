//! What the books say about singletons when nodes and operators misbehave.

use std::{net::Ipv4Addr, time::Duration};

use serde_json::{Value, json};

use super::{ClusterOptions, SimulatedCluster};

const LIMIT: Duration = Duration::from_secs(20);

async fn with_worker() -> SimulatedCluster {
    let cluster =
        SimulatedCluster::create(&ClusterOptions { pace: 100.0, ..ClusterOptions::default() }).unwrap();
    cluster.add_node("node-1", &[Ipv4Addr::LOCALHOST.into()], &[]);
    let worker = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "worker", "namespace": "default", "annotations": {"honey.dev/singleton": "true"}},
        "spec": {
            "replicas": 1, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": {"app": "worker"}},
            "template": {"metadata": {"labels": {"app": "worker"}}, "spec": {"containers": [{"name": "worker", "image": "worker:1"}]}},
        },
    });
    // The default account appears with the first step of the controllers.
    assert!(
        cluster
            .wait_until("", "serviceaccounts", LIMIT, |all| all
                .iter()
                .any(|found| found["metadata"]["name"] == "default"))
            .await
    );
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
