//! The built-in stack on a simulated cluster, phase by phase as honey applies it.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc, time::Duration};

use honey_catalogue::Catalogue;
use honey_kube::{KubeClusters, normalise};
use honey_lab::kube::{ClusterOptions, SimulatedCluster};
use honey_model::{Address, Secret};
use honey_ports::{
    CallContext, Progress,
    call::{Cancel, NoCheckpoint},
    cluster::{Clusters, ObjectName},
};
use serde_json::{Value, json};

fn context() -> CallContext {
    CallContext {
        operation_id: "test".into(),
        owner: "honeydue-lab".into(),
        address: Address::of(&["lab", "kube", "test"]),
        deadline: Duration::from_mins(1),
        cancel: Cancel::default(),
        progress: Progress::silent(),
        checkpoint: Arc::new(NoCheckpoint),
    }
}

fn name_of(object: &Value) -> ObjectName {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    ObjectName {
        api_version: text("/apiVersion").unwrap(),
        kind: text("/kind").unwrap(),
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name").unwrap(),
    }
}

#[tokio::test]
async fn the_built_in_stack_comes_up_and_a_second_plan_is_empty() {
    let lab = SimulatedCluster::create(&ClusterOptions { pace: 100.0, ..ClusterOptions::default() }).unwrap();
    for number in 1..=3 {
        lab.add_node(&format!("node-{number}"), &[Ipv4Addr::new(127, 0, 0, number).into()], &[]);
    }
    let at = lab.serve_on((Ipv4Addr::LOCALHOST, 0).into(), &[]).await.unwrap();
    let cluster =
        KubeClusters.connect(&Secret::new(lab.kubeconfig_yaml(&format!("https://{at}")))).await.unwrap();
    let context = context();
    cluster.label_node(&context, "node-1", &[("honeydue/redis".into(), Some("true".into()))]).await.unwrap();

    let catalogue = Catalogue::built_in("honeydue").unwrap();
    let images: BTreeMap<&str, String> = ["api", "web", "admin", "worker"]
        .into_iter()
        .map(|name| (name, format!("registry.example/{name}@sha256:{}", "0".repeat(64))))
        .collect();
    let parameters =
        BTreeMap::from([("cluster_label".to_owned(), json!("lab")), ("images".to_owned(), json!(images))]);
    let objects = catalogue.render(&parameters).unwrap();
    for phase in &catalogue.declaration().phases {
        if phase.secrets {
            for secret in &catalogue.declaration().secrets {
                let data: BTreeMap<&String, &str> = secret.keys.iter().map(|key| (key, "eA==")).collect();
                let object = json!({"apiVersion": "v1", "kind": "Secret", "data": data,
                    "metadata": {"name": secret.name, "namespace": "honeydue"}});
                cluster.apply(&context, &object, false).await.unwrap();
            }
        }
        let of_phase: Vec<_> = objects.iter().filter(|rendered| rendered.phase == phase.name).collect();
        for rendered in &of_phase {
            cluster.apply(&context, &rendered.object, false).await.unwrap();
        }
        for rendered in of_phase.iter().filter(|rendered| rendered.gate) {
            cluster.wait_ready(&context, &name_of(&rendered.object), Duration::from_mins(1)).await.unwrap();
        }
    }
    for rendered in &objects {
        let name = name_of(&rendered.object);
        let live = cluster.get(&context, &name).await.unwrap().unwrap();
        let next = cluster.dry_run(&context, &rendered.object).await.unwrap().unwrap();
        assert_eq!(normalise(&live), normalise(&next), "{name:?}");
    }
    let redis = lab
        .objects("", "pods")
        .into_iter()
        .find(|pod| pod["metadata"]["labels"]["app.kubernetes.io/name"] == "redis");
    assert_eq!(redis.unwrap()["spec"]["nodeName"], "node-1", "redis runs where its label is");
    assert!(
        lab.wait_until("apps", "deployments", Duration::from_secs(30), |all| {
            all.iter()
                .any(|found| found["metadata"]["name"] == "api" && found["status"]["readyReplicas"] == 3)
        })
        .await,
        "the autoscaler brings the api to its least replicas"
    );
    let worker = ObjectName {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        namespace: Some("honeydue".into()),
        name: "worker".into(),
    };
    assert_eq!(cluster.pods_of(&context, &worker).await.unwrap().len(), 1);
    let running = lab.singleton_runs().into_iter().filter(|run| run.to.is_none()).count();
    assert_eq!(running, 1);
}
