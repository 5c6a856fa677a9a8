//! One machine of a cluster: drained, restarted, replaced, and what stands in the way.

use honey_lab::box_host::BoxFault;
use honey_lab::kube::SimulatedCluster;
use honey_lab::world::Machine;
use honey_tests::scene::Scene;
use serde_json::{Value, json};

pub(crate) fn machine(scene: &Scene, vendor: &str, node: &str) -> Machine {
    let machines = scene.lab().world().machines().into_iter();
    let mut found = machines.filter(|machine| machine.vendor == vendor);
    found.find(|machine| machine.name.ends_with(node)).unwrap_or_else(|| panic!("{vendor} {node}"))
}

pub(crate) fn cluster(scene: &Scene, vendor: &str) -> SimulatedCluster {
    let first = machine(scene, vendor, "node-1");
    let found = scene.block_on(scene.lab().boxes().clusters().of(&first.id));
    found.unwrap_or_else(|| {
        let second = machine(scene, vendor, "node-2");
        scene.block_on(scene.lab().boxes().clusters().of(&second.id)).expect("a cluster")
    })
}

/// Pods on a node, by the name of their workload.
fn pods_on(cluster: &SimulatedCluster, node: &str) -> Vec<String> {
    let here =
        |pod: &Value| pod["spec"]["nodeName"] == node && pod["metadata"].get("deletionTimestamp").is_none();
    let mut names: Vec<String> = cluster
        .objects("", "pods")
        .iter()
        .filter(|pod| here(pod))
        .map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// The server whose node has the worker.
fn home_of_the_worker(scene: &Scene, cluster: &SimulatedCluster) -> (String, String) {
    let worker = |pod: &&Value| pod["metadata"]["labels"]["app.kubernetes.io/name"] == "worker";
    let pods = cluster.objects("", "pods");
    let node = pods.iter().find(worker).unwrap()["spec"]["nodeName"].as_str().unwrap().to_owned();
    let listed = scene.honey(&["node", "list", "--json"]).done().json();
    let line = listed["nodes"].as_array().unwrap().iter().find(|line| line["node"] == node.as_str()).unwrap();
    (line["name"].as_str().unwrap().to_owned(), node)
}

#[test]
fn a_drain_moves_everything_and_never_two_workers() {
    let scene = Scene::start();
    scene.honey(&["apply", "--yes"]).done();
    let cluster = cluster(&scene, "hetzner");
    let listed = scene.honey(&["node", "list"]).done();
    assert!(listed.stdout.contains("etcd has 3 voters and needs 2: 1 may go"), "{}", listed.seen());
    let (server, node) = home_of_the_worker(&scene, &cluster);

    let drained = scene.honey(&["node", "drain", &server, "--delete-emptydir-data", "--json"]).done().json();
    assert_eq!(drained["singletons"], json!(["Deployment/worker"]), "{drained}");
    let left = pods_on(&cluster, &node);
    assert!(left.iter().all(|name| name.starts_with("svclb") || name.starts_with("alloy")), "{left:?}");
    assert_eq!(scene.workers(), ["hetzner"], "the worker runs elsewhere");
    scene.books_are_clean();
    // The same again finds nothing to do; a plan finds nothing to mend.
    let again = scene.honey(&["node", "drain", &node, "--delete-emptydir-data", "--json"]).done().json();
    assert_eq!(again["evicted"], json!([]), "{again}");
    scene.honey(&["plan", "--detailed-exitcode"]).done();

    let opened = scene.honey(&["node", "uncordon", &server]).done();
    assert!(opened.stdout.contains("takes pods again"), "{}", opened.seen());
    let again = scene.honey(&["node", "uncordon", &server]).done();
    assert!(again.stdout.contains("took pods already"), "{}", again.seen());
    scene.books_are_clean();
}

#[test]
fn what_stands_in_the_way_of_a_drain_is_named_and_nothing_is_half_done() {
    let scene = Scene::start();
    scene.honey(&["apply", "--yes"]).done();
    let cluster = cluster(&scene, "hetzner");
    let unknown = scene.honey(&["node", "drain", "node-7"]).ends(2);
    assert!(unknown.stderr.contains("HNY0913") && unknown.stderr.contains("node-3"), "{}", unknown.seen());

    // A pod of nobody, with scratch data.
    let lines = scene.honey(&["node", "list", "--json"]).done().json();
    let node = lines["nodes"][1]["node"].as_str().unwrap().to_owned();
    cluster
        .write_as(
            "somebody",
            &json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "scratch", "namespace": "default"},
                "spec": {"nodeName": node, "containers": [{"name": "a", "image": "a"}], "volumes": [{"name": "s", "emptyDir": {}}]},
            }),
        )
        .unwrap();
    let lossy = scene.honey(&["node", "drain", "node-2"]).ends(1);
    assert!(lossy.stderr.contains("HNY0845") && lossy.stderr.contains("default/scratch"), "{}", lossy.seen());
    let lines = scene.honey(&["node", "list", "--json"]).done().json();
    assert_eq!(lines["nodes"][1]["closed"], false, "nothing was done: {lines}");

    // A budget that never lets go.
    cluster
        .write_as(
            "somebody",
            &json!({
                "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "stay", "namespace": "kube-system"},
                "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app.kubernetes.io/name": "coredns"}}},
            }),
        )
        .unwrap();
    let pods = cluster.objects("", "pods");
    let dns =
        pods.iter().find(|pod| pod["metadata"]["labels"]["app.kubernetes.io/name"] == "coredns").unwrap();
    let home = dns["spec"]["nodeName"].as_str().unwrap().to_owned();
    let all = ["--delete-emptydir-data", "--delete-unmanaged"];
    let blocked = scene.honey(&[&["node", "drain", &home, "--timeout", "1s"][..], &all].concat()).ends(1);
    assert!(
        blocked.stderr.contains("HNY0844") && blocked.outcome().contains("disruption budget stay"),
        "{}",
        blocked.seen()
    );
    let status = scene.honey(&["status", "--json"]).ends(1).json();
    assert_eq!(status["alarms"][0]["alarm"], "node-cordoned", "{status}");
    assert!(status.get("unfinished").is_none(), "{status}");

    // Ctrl-C while it waits for the budget.
    scene.honey(&["node", "uncordon", &home]).done();
    let waiting = scene.begin(&[&["node", "drain", &home][..], &all].concat());
    let asked = || {
        cluster
            .objects("", "nodes")
            .iter()
            .any(|one| one["metadata"]["name"] == home.as_str() && one["spec"]["unschedulable"] == true)
    };
    scene.until("the node is closed", asked);
    waiting.signal("INT");
    let stopped = waiting.end().ends(4);
    assert!(stopped.stderr.contains("honey node drain"), "{}", stopped.seen());
    assert_eq!(scene.workers(), ["hetzner"]);
    cluster.delete("policy", "poddisruptionbudgets", "kube-system", "stay", &json!({}));
    scene.honey(&[&["node", "drain", &home][..], &all].concat()).done();
    scene.honey(&["node", "uncordon", &home]).done();
    scene.books_are_clean();
}

#[test]
fn a_restart_waits_for_the_machine_and_keeps_quorum() {
    let scene = Scene::start();
    scene.honey(&["apply", "--yes"]).done();
    let cluster = cluster(&scene, "hetzner");
    let (server, node) = home_of_the_worker(&scene, &cluster);
    let done =
        scene.honey(&["node", "reboot", &server, "--delete-emptydir-data", "--yes", "--json"]).done().json();
    assert_eq!((&done["by"], &done["singletons"]), (&json!("ssh"), &json!(["Deployment/worker"])), "{done}");
    let lines = scene.honey(&["node", "list", "--json"]).done().json();
    let line = lines["nodes"].as_array().unwrap().iter().find(|line| line["node"] == node.as_str()).unwrap();
    assert!(line["ready"] == true && line["closed"] == false, "{line}");

    // One of three is off: another one may not go.
    let third = machine(&scene, "hetzner", "node-3");
    scene.block_on(scene.lab().world().power_machine(&third.id, false)).unwrap();
    scene.until("the node is seen to be gone", || {
        scene.honey(&["node", "list", "--json"]).done().json()["nodes"][2]["ready"] == false
    });
    let refused = scene.honey(&["node", "reboot", "node-2", "--yes", "--delete-emptydir-data"]).ends(1);
    assert!(refused.stderr.contains("HNY0843"), "{}", refused.seen());
    let refused = scene.honey(&["node", "drain", "node-2", "--delete-emptydir-data"]).ends(1);
    assert!(refused.stderr.contains("HNY0843"), "{}", refused.seen());

    // The dead one is brought back by its vendor's power control.
    let back = scene.honey(&["node", "reboot", "node-3", "--yes", "--json"]).done().json();
    assert_eq!(back["by"], "vendor", "{back}");
    scene.honey(&["plan", "--detailed-exitcode"]).done();
    scene.books_are_clean();
}

#[test]
fn a_dead_server_is_replaced_by_a_new_machine() {
    let scene = Scene::start();
    scene.honey(&["apply", "--yes"]).done();
    let cluster = cluster(&scene, "hetzner");
    let alive = scene.honey(&["node", "replace", "node-3", "--confirm", "node-3"]).ends(1);
    assert!(alive.stderr.contains("HNY0852"), "{}", alive.seen());

    let old = machine(&scene, "hetzner", "node-3");
    scene.block_on(scene.lab().world().power_machine(&old.id, false)).unwrap();
    scene.until("the node is seen to be gone", || {
        scene.honey(&["node", "list", "--json"]).done().json()["nodes"][2]["ready"] == false
    });
    let wrong = scene.honey(&["node", "replace", "node-3", "--confirm", "node-2"]).ends(1);
    assert!(wrong.stderr.contains("HNY0903"), "{}", wrong.seen());
    let replaced = scene.honey(&["node", "replace", "node-3", "--confirm", "node-3"]);
    assert!(matches!(replaced.code, 0 | 5), "{}", replaced.seen());
    if replaced.code == 5 {
        // Names of the new machine reach the certificates of the others with the next apply.
        scene.honey(&["apply", "--yes"]).done();
    }
    let new = machine(&scene, "hetzner", "node-3");
    assert_ne!(new.id, old.id);
    assert_eq!(scene.lab().books().deleted("hetzner", "server"), 1);
    let lines = scene.honey(&["node", "list", "--json"]).done().json();
    let ready = lines["nodes"].as_array().unwrap().iter().filter(|line| line["ready"] == true);
    assert_eq!((ready.count(), lines["voters"].as_u64()), (3, Some(3)), "{lines}");
    assert_eq!(cluster.nodes().len(), 3);
    scene.honey(&["plan", "--detailed-exitcode"]).done();
    scene.books_are_clean();
}

#[test]
fn a_machine_that_stays_is_emptied_and_joins_again() {
    let scene = Scene::start();
    scene.honey(&["apply", "--yes"]).done();
    scene.honey(&["apply", "--provider", "ovh", "--yes"]).done();
    let before = scene.addresses("ovh");
    let second =
        scene.lab().world().machines().into_iter().filter(|machine| machine.vendor == "ovh").nth(1).unwrap();
    assert!(scene.lab().boxes().inject(&second.id, BoxFault::SudoPassword { wanted: false }));
    let told =
        scene.honey(&["node", "replace", "node-2", "--provider", "ovh", "--alive", "--confirm", "node-2"]);
    assert!(matches!(told.code, 0 | 5), "{}", told.seen());
    assert_eq!(scene.addresses("ovh"), before, "what was paid for stays");
    let lines = scene.honey(&["node", "list", "--provider", "ovh", "--json"]).done().json();
    assert_eq!(lines["voters"], 3, "{lines}");
    scene.honey(&["plan", "--provider", "ovh", "--detailed-exitcode"]).done();
    scene.books_are_clean();
}
