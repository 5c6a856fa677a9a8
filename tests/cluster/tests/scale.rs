//! honey against a cluster of many nodes and pods, on the real API: nothing is
//! lost between the pages of a list, and neither time nor memory run away.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{fs, sync::Arc, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use honey_cluster_tests::{Loopback, Operator, stage::until};
use honey_kube::KubeClusters;
use honey_model::{Active, Address, Record, State};
use honey_ports::{
    CallContext, Progress,
    call::{Cancel, NoCheckpoint},
    cluster::{Cluster, Clusters as _},
    store::StateStore as _,
};
use serde_json::{Value, json};

const NODES: usize = 200;
const PODS_EACH: usize = 10;
/// Resident, with a margin: what a list of twice as much may take.
const MEMORY_MIB: u64 = 400;
/// No measure of speed: a command that asks for each pod by itself takes longer.
const PATIENCE: Duration = Duration::from_mins(2);

fn context() -> CallContext {
    CallContext {
        operation_id: "test".into(),
        owner: String::new(),
        address: Address::new("test/kube/scale").unwrap(),
        deadline: Duration::from_mins(1),
        cancel: Cancel::default(),
        progress: Progress::silent(),
        checkpoint: Arc::new(NoCheckpoint),
    }
}

fn node(index: usize) -> Value {
    let mut labels = json!({ "kubernetes.io/hostname": format!("node-{index}") });
    if index < 3 {
        labels["node-role.kubernetes.io/etcd"] = json!("true");
    }
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": format!("node-{index}"), "labels": labels },
    })
}

fn pod(index: usize) -> Value {
    let node = index / PODS_EACH;
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": format!("pod-{index}"), "namespace": "default" },
        "spec": { "nodeName": format!("node-{node}"), "containers": [{ "name": "a", "image": "a" }] },
    })
}

async fn fill(cluster: &dyn Cluster) {
    for objects in [(0..NODES).map(node).collect::<Vec<_>>(), (0..NODES * PODS_EACH).map(pod).collect()] {
        let sent = stream::iter(objects)
            .map(|object| async move { cluster.apply(&context(), &object, true).await.map(|_| ()) });
        sent.buffer_unordered(32).try_collect::<()>().await.unwrap();
    }
}

/// A project whose three machines are the first three nodes.
async fn project(operator: &Operator, loopback: &Loopback, addresses: &[String]) {
    let machines: Vec<String> = addresses.iter().map(|at| format!("{{ address = \"{at}\" }}")).collect();
    operator.write(
        "project/honey.toml",
        &format!(
            "version = 1\n[project]\nname = \"many\"\ndefault = \"home\"\n[cluster]\nservers = 3\n[cluster.k3s]\n\
             version = \"v1.34.6+k3s1\"\n[instances.home]\nplugin = \"generic-ssh\"\nmachines = [{}]\n\
             [plugins.generic-ssh]\nssh = true\n",
            machines.join(", ")
        ),
    );
    let mut state = State::empty("scale");
    state.active = Active::Instance { name: "home".to_owned(), epoch: 1 };
    for (index, address) in addresses.iter().enumerate() {
        let record = Record {
            kind: "machine".to_owned(),
            driver: "generic-ssh".to_owned(),
            id: address.clone(),
            schema_version: 1,
            attributes: json!({ "address": address }),
            outputs: json!({ "ipv4": address }),
            dependencies: Vec::new(),
            protect: false,
            keep: true,
        };
        state.resources.insert(Address::of(&["home", "machine", &format!("node-{}", index + 1)]), record);
    }
    let folder = operator.project().join(".honey");
    let store = honey_state::Store::local(&folder, honey_state::Options::new("test@test")).unwrap();
    store.save(&mut state).await.unwrap();
    let secret = operator.kubeconfig("home");
    operator.write(
        secret.strip_prefix(operator.home()).unwrap().to_str().unwrap(),
        loopback.kubeconfig().expose_str().unwrap(),
    );
    for private in [folder, secret.parent().unwrap().to_owned(), secret] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = if private.is_dir() { 0o700 } else { 0o600 };
        fs::set_permissions(&private, fs::Permissions::from_mode(mode)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_thousands_is_whole_and_costs_little() {
    let mut loopback = Loopback::start();
    let cluster = KubeClusters.connect(&loopback.kubeconfig()).await.unwrap();
    fill(cluster.as_ref()).await;
    let addresses: Vec<String> = (0..3).map(|index| format!("127.9.9.{}", index + 1)).collect();
    for (index, address) in addresses.iter().enumerate() {
        let status = json!({ "status": { "addresses": [{ "type": "InternalIP", "address": address }] } });
        let (node, status) = (format!("node-{index}"), status.to_string());
        loopback
            .kubectl(&["patch", "node", &node, "--subresource=status", "--type=merge", "-p", &status])
            .unwrap();
    }
    loopback.simulate();
    until("every pod runs", || {
        let running =
            loopback.kubectl(&["get", "pods", "--field-selector=status.phase!=Running", "-o", "name"])?;
        let late = running.lines().count();
        if late == 0 { Ok(()) } else { Err(format!("{late} do not run yet")) }
    });

    // Every page: none twice, none lost.
    let pods = cluster.list(&context(), "v1", "Pod", None, "").await.unwrap();
    let names: std::collections::BTreeSet<&str> =
        pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str()).collect();
    assert_eq!((pods.len(), names.len()), (NODES * PODS_EACH, NODES * PODS_EACH));
    let some =
        cluster.list(&context(), "v1", "Node", None, "node-role.kubernetes.io/etcd=true").await.unwrap();
    assert_eq!(some.len(), 3);
    assert_eq!(cluster.nodes(&context()).await.unwrap().len(), NODES);

    // The command, with what it takes.
    let operator = Operator::alone();
    project(&operator, &loopback, &addresses).await;
    let (ran, took, memory) = operator.measured(&["node", "list", "--json"]);
    let listed: Value = serde_json::from_str(&ran.code(0).stdout).unwrap();
    let lines = listed["nodes"].as_array().unwrap();
    assert_eq!(lines.len(), NODES, "the machines' and the others");
    assert!(lines.iter().all(|line| line["pods"] == PODS_EACH && line["ready"] == true), "{:#}", lines[0]);
    println!("{} nodes, {} pods: {took:?}, {memory} MiB resident", NODES, pods.len());
    assert!(took < PATIENCE, "{took:?}");
    assert!(memory < MEMORY_MIB, "{memory} MiB");
}
