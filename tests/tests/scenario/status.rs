//! The second day of two clusters: which one is meant, and what `status` calls wrong.

use honey_lab::{Effect, FaultRule};
use honey_tests::scene::{Ran, Scene};
use serde_json::{Value, json};

use crate::node::{cluster, machine};

/// Two clusters, hetzner's the active one.
fn both() -> Scene {
    let scene = Scene::start();
    scene.honey(&["apply", "--yes"]).done();
    scene.honey(&["apply", "--provider", "ovh", "--yes"]).done();
    scene
}

/// What a status calls wrong, by its word; its exit code says the same.
fn alarms(scene: &Scene) -> Vec<Value> {
    let ran = scene.honey(&["status", "--json"]);
    let alarms = ran.json()["alarms"].as_array().cloned().unwrap_or_else(|| panic!("{}", ran.seen()));
    assert_eq!(ran.code, i32::from(!alarms.is_empty()), "{}", ran.seen());
    alarms
}

fn words(alarms: &[Value]) -> Vec<&str> {
    alarms.iter().map(|alarm| alarm["alarm"].as_str().unwrap()).collect()
}

fn first_line(ran: &Ran) -> &str {
    ran.stdout.lines().next().unwrap_or_default()
}

/// Somebody writes how often the worker is wanted, past honey.
fn scale_worker(scene: &Scene, vendor: &str, replicas: u64) {
    let cluster = cluster(scene, vendor);
    let mut worker = cluster
        .objects("apps", "deployments")
        .into_iter()
        .find(|one| one["metadata"]["name"] == "worker")
        .expect("a worker");
    worker["spec"]["replicas"] = json!(replicas);
    worker["metadata"].as_object_mut().unwrap().remove("managedFields");
    cluster.write_as("somebody", &worker).unwrap();
}

#[test]
fn without_a_name_the_active_instance_is_meant() {
    let scene = both();
    assert_eq!(alarms(&scene), [] as [Value; 0], "a standby with its worker at 0 is as it should be");
    let status = scene.honey(&["status"]).done();
    assert_eq!(first_line(&status), "honeydue: hetzner is active, ovh is standby", "{}", status.seen());
    assert_eq!(scene.honey(&["plan", "--json"]).done().json()["instance"], "hetzner");
    scene.honey(&["plan", "--provider", "hetzner", "-o", "of-hetzner.plan"]).done();

    scene.honey(&["cutover", "--to", "ovh", "--yes"]).done();
    assert_eq!(alarms(&scene), [] as [Value; 0]);
    let status = scene.honey(&["status"]).done();
    assert_eq!(first_line(&status), "honeydue: hetzner is standby, ovh is active", "{}", status.seen());
    for command in [
        &["plan", "--json"][..],
        &["apply", "--yes", "--json"],
        &["node", "list", "--json"],
        &["etcd", "list", "--json"],
    ] {
        let told = scene.honey(command).done();
        assert_eq!(told.json()["instance"], "ovh", "{}", told.seen());
    }
    let named = scene.honey(&["plan", "--provider", "hetzner", "--json"]).done();
    assert_eq!(named.json()["instance"], "hetzner");
    // A saved plan is of the instance that it was made for.
    let saved = scene.honey(&["apply", "of-hetzner.plan"]);
    assert!(!saved.seen().contains("ovh/"), "{}", saved.seen());

    let access = scene.honey(&["kubeconfig"]).done();
    assert_eq!(first_line(&access), "ovh (active)", "{}", access.seen());
    assert!(access.stdout.contains(".honey/kubeconfig/ovh.yaml"), "{}", access.seen());
    let access = scene.honey(&["kubeconfig", "--provider", "hetzner", "--json"]).done().json();
    assert_eq!((&access["instance"], &access["role"]), (&json!("hetzner"), &json!("standby")));
    let printed = scene.honey(&["kubeconfig", "--output", "-"]).done();
    assert_eq!(printed.stderr.lines().next(), Some("ovh (active)"), "{}", printed.seen());
    assert!(printed.stdout.contains("current-context: honeydue-ovh"), "{}", printed.seen());
    scene.books_are_clean();
}

#[test]
fn settings_of_the_active_instance_count_whatever_the_default_is() {
    let scene = both();
    scene.honey(&["cutover", "--to", "ovh", "--yes"]).done();
    let config = scene.read("honey.toml");
    scene.write(
        "honey.toml",
        format!("{config}\n[instances.ovh.cluster.labels.second]\n\"honeydue/extra\" = \"yes\"\n"),
    );
    let plan = scene.honey(&["plan", "--json"]).done().json();
    assert_eq!(plan["instance"], "ovh");
    let addresses: Vec<&str> = plan["operations"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|operation| operation["address"].as_str())
        .collect();
    assert_eq!(addresses, ["ovh/node-label/second"], "{plan}");
    // And not for the other one.
    scene.honey(&["plan", "--provider", "hetzner", "--detailed-exitcode"]).done();
}

#[test]
fn in_the_middle_of_a_cutover_an_instance_has_to_be_named() {
    let scene = both();
    // The vendor of the names takes its time: the cutover is in its middle for as long as we like.
    scene.lab().inject(FaultRule::new("cloudflare", Effect::Slow { ms: 600_000 }).path("/batch").times(0));
    let cutover = scene.begin(&["cutover", "--to", "ovh", "--yes"]);
    scene.until("no instance is active", || scene.read(".honey/state.json").contains("\"moving\""));
    scene.until("the worker is stopped", || scene.workers().is_empty());
    cutover.signal("KILL");
    cutover.end();
    scene.lab().clear_faults();

    for command in [&["plan"][..], &["apply", "--yes"], &["kubeconfig"], &["node", "list"]] {
        let refused = scene.honey(command).ends(2);
        assert!(refused.stderr.contains("HNY0861"), "{}", refused.seen());
        assert!(refused.outcome().contains("honey cutover --abort"), "{}", refused.seen());
    }
    scene.honey(&["node", "list", "--provider", "ovh"]).done();
    let status = scene.honey(&["status"]).ends(1);
    assert_eq!(first_line(&status), "honeydue: hetzner is moving, ovh is moving", "{}", status.seen());
    assert!(status.stdout.contains("honey cutover --resume"), "{}", status.seen());

    scene.honey(&["cutover", "--resume"]).done();
    assert_eq!(scene.honey(&["plan", "--json"]).done().json()["instance"], "ovh");
    assert_eq!(alarms(&scene), [] as [Value; 0]);
    scene.books_are_clean();
}

#[test]
fn a_second_worker_is_an_alarm_and_so_is_none() {
    let scene = both();
    scale_worker(&scene, "ovh", 1);
    let found = alarms(&scene);
    assert_eq!(words(&found), ["singleton-twice"], "{found:?}");
    assert_eq!(found[0]["singleton"], "Deployment/worker");
    assert_eq!(found[0]["instances"], json!(["hetzner", "ovh"]));
    let status = scene.honey(&["status"]).ends(1);
    assert!(status.stdout.contains("✗ the singleton Deployment/worker"), "{}", status.seen());

    scale_worker(&scene, "hetzner", 0);
    scene.until("hetzner's worker is gone", || scene.workers() == ["ovh"]);
    let found = alarms(&scene);
    assert_eq!(words(&found), ["singleton-down", "singleton-elsewhere"], "{found:?}");
    assert_eq!((&found[0]["instance"], &found[1]["instance"]), (&json!("hetzner"), &json!("ovh")));
}

#[test]
fn a_cordoned_node_and_names_that_lead_elsewhere_are_alarms() {
    let scene = both();
    scene.honey(&["node", "drain", "node-2", "--provider", "ovh", "--delete-emptydir-data"]).done();
    let found = alarms(&scene);
    assert_eq!(words(&found), ["node-cordoned"], "{found:?}");
    assert_eq!(found[0]["instance"], "ovh");
    let text = found[0]["text"].as_str().unwrap();
    let advice = text.split('`').nth(1).and_then(|line| line.strip_prefix("honey ")).expect("a command");
    scene.honey(&advice.split(' ').collect::<Vec<_>>()).done();
    assert_eq!(alarms(&scene), [] as [Value; 0], "its own advice helps");

    scene.honey(&["dns", "swap", "--to", "ovh", "--yes"]).done();
    let found = alarms(&scene);
    assert!(!found.is_empty() && words(&found).iter().all(|word| *word == "name-elsewhere"), "{found:?}");
    assert_eq!((&found[0]["leads_to"], &found[0]["expected"]), (&json!("ovh"), &json!(["hetzner"])));
    scene.honey(&["dns", "swap", "--to", "hetzner", "--yes"]).done();
    assert_eq!(alarms(&scene), [] as [Value; 0]);
}

#[test]
fn an_api_that_does_not_answer_is_an_alarm_and_hides_nothing_else() {
    let scene = both();
    for node in ["node-1", "node-2", "node-3"] {
        let machine = machine(&scene, "ovh", node);
        scene.block_on(scene.lab().world().power_machine(&machine.id, false)).unwrap();
    }
    let found = alarms(&scene);
    assert_eq!(words(&found), ["cluster-unreachable"], "{found:?}");
    assert_eq!(found[0]["instance"], "ovh");
    let status = scene.honey(&["status"]).ends(1);
    assert!(status.stdout.contains("Deployment/worker"), "the other one is seen: {}", status.seen());
    let listed = scene.honey(&["node", "list", "--provider", "ovh"]).done();
    assert!(listed.stdout.contains("node-3"), "{}", listed.seen());
}
