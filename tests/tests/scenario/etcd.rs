//! Snapshots of etcd, and the way back to one when quorum is lost.

use honey_lab::box_host::BoxFault;
use honey_lab::kube::SimulatedCluster;
use honey_lab::world::Machine;
use honey_tests::scene::Scene;
use serde_json::{Value, json};

fn machines(scene: &Scene, vendor: &str) -> Vec<Machine> {
    let mut all: Vec<Machine> =
        scene.lab().world().machines().into_iter().filter(|machine| machine.vendor == vendor).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn cluster(scene: &Scene, vendor: &str) -> SimulatedCluster {
    let first = machines(scene, vendor).remove(0);
    scene.block_on(scene.lab().boxes().clusters().of(&first.id)).expect("a cluster")
}

fn note(cluster: &SimulatedCluster, name: &str) {
    let object =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}});
    cluster.write_as("somebody", &object).unwrap();
}

fn has(cluster: &SimulatedCluster, name: &str) -> bool {
    cluster.objects("", "configmaps").iter().any(|one| one["metadata"]["name"] == name)
}

#[test]
fn what_was_there_before_the_snapshot_is_there_after_quorum_was_lost() {
    let scene = Scene::start();
    scene.honey(&["apply", "--yes"]).done();
    let cluster = cluster(&scene, "hetzner");
    note(&cluster, "before");
    let taken = scene.honey(&["etcd", "snapshot", "--name", "kept", "--json"]).done().json();
    let snapshot = taken["name"].as_str().unwrap().to_owned();
    assert!(snapshot.starts_with("kept-") && taken["server"] == "node-1", "{taken}");
    note(&cluster, "after");
    for bad in ["../x", "a/b", ""] {
        scene.honey(&["etcd", "snapshot", "--name", bad]).ends(2);
    }

    // Two of three are dead.
    let all = machines(&scene, "hetzner");
    for machine in &all[1..] {
        scene.block_on(scene.lab().world().power_machine(&machine.id, false)).unwrap();
    }
    let listed = scene.honey(&["node", "list"]).done();
    assert!(listed.stdout.contains("no majority"), "{}", listed.seen());
    let snapshots = scene.honey(&["etcd", "list"]).done();
    assert!(
        snapshots.stdout.contains(&snapshot) && snapshots.stderr.contains("HNY0596"),
        "{}",
        snapshots.seen()
    );

    let confirm = ["--confirm", "honeydue-hetzner"];
    let silent = scene.honey(&[&["etcd", "restore", &snapshot][..], &confirm].concat()).ends(1);
    assert!(
        silent.stderr.contains("HNY0856") && silent.stderr.contains("--without node-2"),
        "{}",
        silent.seen()
    );
    let without = ["--without", "node-2", "--without", "node-3"];
    let unknown = scene.honey(&[&["etcd", "restore", "nothing"][..], &without, &confirm].concat()).ends(2);
    assert!(unknown.stderr.contains("HNY0915") && unknown.stderr.contains(&snapshot), "{}", unknown.seen());
    let shown = scene.honey(&[&["etcd", "restore", &snapshot, "--plan-only"][..], &without].concat()).done();
    assert!(
        shown.stdout.contains("is lost") && shown.stdout.contains("node-2 is given up"),
        "{}",
        shown.seen()
    );
    let unconfirmed = scene.honey(&[&["etcd", "restore", &snapshot][..], &without].concat()).ends(2);
    assert!(unconfirmed.stderr.contains("HNY0902"), "{}", unconfirmed.seen());

    let done = scene
        .honey(&[&["etcd", "restore", &snapshot, "--json"][..], &without, &confirm].concat())
        .done()
        .json();
    assert_eq!((&done["voters"], &done["held"]), (&json!(1), &json!([])), "{done}");
    assert!(has(&cluster, "before") && !has(&cluster, "after"));
    scene.until("the worker runs again", || scene.workers() == ["hetzner"]);
    scene.books_are_clean();
    // The two that were given up come back as new members.
    let both = ["node", "replace", "node-2", "node-3", "--confirm", "node-2,node-3"];
    let replaced = scene.honey(&both);
    assert!(matches!(replaced.code, 0 | 5), "{}", replaced.seen());
    scene.honey(&["apply", "--yes"]).done();
    let lines = scene.honey(&["node", "list", "--json"]).done().json();
    assert_eq!(lines["voters"], 3, "{lines}");
    scene.books_are_clean();
}

#[test]
fn a_restore_that_is_killed_is_finished_by_the_same_command() {
    let scene = Scene::start();
    scene.honey(&["apply", "--yes"]).done();
    let cluster = cluster(&scene, "hetzner");
    note(&cluster, "before");
    let taken = scene.honey(&["etcd", "snapshot", "--json"]).done().json();
    let snapshot = taken["name"].as_str().unwrap().to_owned();
    note(&cluster, "after");
    let arguments = ["etcd", "restore", &snapshot, "--confirm", "honeydue-hetzner"];
    let second = machines(&scene, "hetzner").remove(1);
    // It fails in the middle, and is killed the next time.
    assert!(scene.lab().boxes().inject(
        &second.id,
        BoxFault::K3sFails { times: 1, message: "level=fatal msg=\"no space left on device\"".into() }
    ));
    let failed = scene.honey(&arguments).ends(4);
    assert!(failed.stderr.contains("honey etcd restore"), "{}", failed.seen());
    let refused = scene.honey(&["apply", "--yes"]).ends(1);
    assert!(
        refused.stderr.contains("HNY0383") && refused.stderr.contains("honey etcd restore"),
        "{}",
        refused.seen()
    );
    let given_up = scene.honey(&["apply", "--abandon"]).ends(1);
    assert!(given_up.stderr.contains("HNY0384"), "{}", given_up.seen());
    let killed = scene.begin(&arguments);
    scene.until("the second server joins", || {
        let found = scene.block_on(scene.lab().boxes().clusters().members());
        found.values().any(|members| members.len() == 2)
    });
    killed.signal("KILL");
    killed.end();
    let done = scene.honey(&[&arguments[..], &["--json"]].concat()).done().json();
    assert_eq!(done["voters"], 3, "{done}");
    assert!(has(&cluster, "before") && !has(&cluster, "after"));
    scene.honey(&["apply", "--yes"]).done();
    scene.honey(&["plan", "--detailed-exitcode"]).done();
    scene.books_are_clean();
}

#[test]
fn a_standby_restored_from_its_active_days_starts_no_worker() {
    let scene = Scene::start();
    scene.honey(&["apply", "--yes"]).done();
    scene.honey(&["apply", "--provider", "ovh", "--yes"]).done();
    let taken = scene.honey(&["etcd", "snapshot", "--json"]).done().json();
    let snapshot = taken["name"].as_str().unwrap().to_owned();
    scene.honey(&["cutover", "--to", "ovh", "--yes"]).done();
    assert_eq!(scene.workers(), ["ovh"]);

    let shown = scene.honey(&["etcd", "restore", &snapshot, "--provider", "hetzner", "--plan-only"]).done();
    assert!(shown.stdout.contains("singletons go to 0"), "{}", shown.seen());
    let done = scene
        .honey(&[
            "etcd",
            "restore",
            &snapshot,
            "--provider",
            "hetzner",
            "--confirm",
            "honeydue-hetzner",
            "--json",
        ])
        .done()
        .json();
    assert_eq!(done["held"], json!(["Deployment/worker"]), "{done}");
    let cluster = cluster(&scene, "hetzner");
    let worker = |object: &&Value| object["metadata"]["name"] == "worker";
    let deployments = cluster.objects("apps", "deployments");
    assert_eq!(deployments.iter().find(worker).unwrap()["spec"]["replicas"], 0);
    assert_eq!(scene.workers(), ["ovh"]);
    scene.honey(&["apply", "--provider", "hetzner", "--yes"]).done();
    scene.honey(&["cutover", "--to", "hetzner", "--yes"]).done();
    scene.books_are_clean();
}
