//! A cluster's servers over its life: another release, more of them, fewer, the
//! first one gone, one that joined half-way.

use honey_lab::{box_host::BoxFault, kube::SimulatedCluster, world::Machine};
use honey_tests::scene::Scene;
use serde_json::{Value, json};

fn built() -> Scene {
    let scene = Scene::start();
    scene.honey(&["apply", "--yes"]).done();
    scene
}

fn machine(scene: &Scene, node: &str) -> Machine {
    let mut machines = scene.lab().world().machines().into_iter();
    machines
        .find(|machine| machine.vendor == "hetzner" && machine.name.ends_with(node))
        .unwrap_or_else(|| panic!("{node}"))
}

fn cluster(scene: &Scene) -> SimulatedCluster {
    let second = machine(scene, "node-2");
    scene.block_on(scene.lab().boxes().clusters().of(&second.id)).expect("a cluster")
}

fn nodes(scene: &Scene) -> Value {
    scene.honey(&["node", "list", "--json"]).done().json()
}

/// Ready nodes, voters, and nodes that take no pods.
fn counts(scene: &Scene) -> (usize, u64, usize) {
    let list = nodes(scene);
    let all = list["nodes"].as_array().unwrap();
    let with = |key: &str| all.iter().filter(|line| line[key] == true).count();
    (with("ready"), list["voters"].as_u64().unwrap(), with("closed"))
}

#[test]
fn another_release_comes_to_one_server_after_another() {
    let scene = built();
    scene.edit("v1.34.6+k3s1", "v1.34.7+k3s1");
    let plan = scene.honey(&["plan", "--json"]).done().json();
    let operations = plan["plan"]["operations"].as_array().or(plan["operations"].as_array()).unwrap();
    let updated: Vec<&Value> = operations.iter().map(|one| &one["address"]).collect();
    assert_eq!(
        updated,
        ["hetzner/k3s-server/node-1", "hetzner/k3s-server/node-2", "hetzner/k3s-server/node-3"]
    );
    scene.honey(&["apply", "--yes"]).done();
    assert_eq!(counts(&scene), (3, 3, 0), "{}", nodes(&scene));
    assert!(nodes(&scene)["nodes"].as_array().unwrap().iter().all(|line| line["version"] == "v1.34.7+k3s1"));
    assert_eq!(scene.workers(), ["hetzner"], "the worker moved and never ran twice");
    scene.honey(&["plan", "--detailed-exitcode"]).done();
    scene.books_are_clean();
}

#[test]
fn a_release_that_does_not_start_stops_at_its_server_and_is_gone_on_with() {
    let scene = built();
    scene.edit("v1.34.6+k3s1", "v1.34.7+k3s1");
    let second = machine(&scene, "node-2");
    let message = "level=fatal msg=\"not today\"".to_owned();
    scene.lab().boxes().inject(&second.id, BoxFault::K3sFails { times: 1, message });
    let stopped = scene.honey(&["apply", "--yes"]).ends(4);
    assert!(stopped.stderr.contains("HNY0514") && stopped.stderr.contains("not today"), "{}", stopped.seen());
    let list = nodes(&scene);
    let third = &list["nodes"][2];
    assert_eq!(third["version"], "v1.34.6+k3s1", "nothing goes on behind a server that is away: {list}");
    assert_eq!(list["nodes"][1]["closed"], true, "{list}");
    assert_eq!(scene.workers(), ["hetzner"]);
    scene.honey(&["apply", "--resume"]).done();
    assert_eq!(counts(&scene), (3, 3, 0), "{}", nodes(&scene));
    scene.honey(&["plan", "--detailed-exitcode"]).done();
    scene.books_are_clean();
}

#[test]
fn a_kill_while_the_worker_moves_leaves_one_worker() {
    let scene = built();
    scene.edit("v1.34.6+k3s1", "v1.34.7+k3s1");
    let journals = || {
        let runs = std::fs::read_dir(scene.folder().join(".honey/runs")).unwrap().flatten();
        runs.map(|run| String::from_utf8_lossy(&std::fs::read(run.path()).unwrap_or_default()).into_owned())
            .collect::<String>()
    };
    let apply = scene.begin(&["apply", "--yes"]);
    // What is stopped stands in the journal before it is stopped.
    scene.until("the worker is about to stop", || journals().contains("\"singletons\":[{"));
    apply.signal("KILL");
    apply.end();
    scene.honey(&["apply", "--resume"]).done();
    assert_eq!(counts(&scene), (3, 3, 0), "{}", nodes(&scene));
    assert_eq!(scene.workers(), ["hetzner"]);
    scene.honey(&["plan", "--detailed-exitcode"]).done();
    scene.books_are_clean();
}

#[test]
fn no_server_is_restarted_while_another_one_is_away() {
    let scene = built();
    let third = machine(&scene, "node-3");
    scene.block_on(scene.lab().world().power_machine(&third.id, false)).unwrap();
    scene.edit("v1.34.6+k3s1", "v1.34.7+k3s1");
    let refused = scene.honey(&["apply", "--yes"]);
    assert_ne!(refused.code, 0);
    let list = nodes(&scene);
    assert!(list["nodes"].as_array().unwrap().iter().all(|line| line["version"] == "v1.34.6+k3s1"), "{list}");
    assert_eq!(scene.workers(), ["hetzner"]);
    scene.books_are_clean();
}

#[test]
fn servers_are_added_and_taken_away() {
    let scene = built();
    scene.edit("servers = 3", "servers = 5");
    scene.honey(&["apply", "--yes"]).done();
    assert_eq!(counts(&scene), (5, 5, 0), "{}", nodes(&scene));
    scene.honey(&["plan", "--detailed-exitcode"]).done();
    let worker = |scene: &Scene| {
        let pods = cluster(scene).objects("", "pods");
        let of = |pod: &&Value| pod["metadata"]["labels"]["app.kubernetes.io/name"] == "worker";
        pods.iter().find(of).and_then(|pod| pod["spec"]["nodeName"].as_str().map(str::to_owned))
    };
    assert!(worker(&scene).is_some());

    scene.edit("servers = 5", "servers = 3");
    let asked = scene.honey(&["apply", "--yes"]).ends(1);
    assert!(asked.stderr.contains("HNY0207"), "{}", asked.seen());
    let named =
        ["--allow-destroy", "hetzner/k3s-server/node-4", "--allow-destroy", "hetzner/k3s-server/node-5"];
    let gone = scene.honey(&[&["apply", "--yes"][..], &named].concat()).done();
    assert_eq!(cluster(&scene).nodes().len(), 3, "no node is left behind: {}", gone.seen());
    assert_eq!(counts(&scene), (3, 3, 0), "{}", nodes(&scene));
    assert_eq!(scene.lab().books().deleted("hetzner", "server"), 2);
    assert_eq!(scene.workers(), ["hetzner"]);
    scene.honey(&["plan", "--detailed-exitcode"]).done();
    scene.books_are_clean();
}

#[test]
fn the_first_server_is_replaced_and_joins_what_it_once_made() {
    let scene = built();
    let old = machine(&scene, "node-1");
    scene.block_on(scene.lab().world().power_machine(&old.id, false)).unwrap();
    scene.until("the node is seen to be gone", || nodes(&scene)["nodes"][0]["ready"] == false);
    let replaced = scene.honey(&["node", "replace", "node-1", "--confirm", "node-1"]);
    assert!(matches!(replaced.code, 0 | 5), "{}", replaced.seen());
    if replaced.code == 5 {
        scene.honey(&["apply", "--yes"]).done();
    }
    assert_ne!(machine(&scene, "node-1").id, old.id);
    assert_eq!(counts(&scene), (3, 3, 0), "{}", nodes(&scene));
    assert_eq!(cluster(&scene).nodes().len(), 3);
    scene.honey(&["plan", "--detailed-exitcode"]).done();
    scene.books_are_clean();
}

#[test]
fn a_server_that_the_cluster_does_not_know_joins_anew() {
    let scene = built();
    let third = machine(&scene, "node-3");
    let world = scene.lab().world();
    scene.block_on(world.power_machine(&third.id, false)).unwrap();
    // Somebody takes it out of the cluster meanwhile: its member goes with its node.
    let name = nodes(&scene)["nodes"][2]["node"].as_str().unwrap().to_owned();
    cluster(&scene).delete("", "nodes", "", &name, &json!({}));
    scene.block_on(world.power_machine(&third.id, true)).unwrap();
    let mended = scene.honey(&["apply", "--yes"]).done();
    assert!(mended.stderr.contains("joins anew"), "{}", mended.seen());
    assert_eq!(counts(&scene), (3, 3, 0), "{}", nodes(&scene));
    scene.honey(&["plan", "--detailed-exitcode"]).done();
    scene.books_are_clean();
}

#[test]
fn a_clock_from_another_time_is_refused_before_anything_is_built_on_it() {
    let scene = built();
    let second = scene.lab().world().machines().into_iter().filter(|one| one.vendor == "ovh").nth(1).unwrap();
    scene.lab().boxes().inject(&second.id, BoxFault::ClockAhead { seconds: -3600 });
    let refused = scene.honey(&["apply", "--provider", "ovh", "--yes"]).ends(4);
    assert!(refused.stderr.contains("HNY0593") && refused.stderr.contains("behind"), "{}", refused.seen());
    scene.lab().boxes().inject(&second.id, BoxFault::ClockAhead { seconds: 0 });
    scene.honey(&["apply", "--resume"]).done();
    scene.honey(&["plan", "--provider", "ovh", "--detailed-exitcode"]).done();
    scene.books_are_clean();
}
