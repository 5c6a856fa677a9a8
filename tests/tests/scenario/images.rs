//! Images on their way to clusters: every one by digest, a standby never ahead
//! of the active instance unless that was asked for, migrations once.

use std::collections::BTreeMap;

use honey_lab::kube::SimulatedCluster;
use honey_tests::scene::Scene;
use serde_json::Value;

const API: &str = "gitea.treytartt.com/admin/honeydue-api";

fn cluster(scene: &Scene, vendor: &str) -> SimulatedCluster {
    let machines = scene.lab().world().machines().into_iter();
    let first = machines
        .filter(|machine| machine.vendor == vendor)
        .min_by(|a, b| a.name.cmp(&b.name))
        .expect("a machine");
    scene.block_on(scene.lab().boxes().clusters().of(&first.id)).expect("a cluster")
}

/// The image of each Deployment, by name.
fn images(scene: &Scene, vendor: &str) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    cluster(scene, vendor)
        .objects("apps", "deployments")
        .iter()
        .filter(|object| object["metadata"]["namespace"] == "honeydue")
        .map(|object| {
            let container = &object["spec"]["template"]["spec"]["containers"][0];
            (text(&object["metadata"]["name"]), text(&container["image"]))
        })
        .collect()
}

/// Names of the migration Jobs of a cluster.
fn migrations(scene: &Scene, vendor: &str) -> Vec<String> {
    let jobs = cluster(scene, vendor).objects("batch", "jobs");
    jobs.iter().filter_map(|job| job["metadata"]["name"].as_str().map(str::to_owned)).collect()
}

fn both(scene: &Scene) {
    scene.honey(&["apply", "--yes"]).done();
    scene.honey(&["apply", "--provider", "ovh", "--yes"]).done();
}

fn in_step(scene: &Scene) {
    for provider in ["hetzner", "ovh"] {
        scene.honey(&["plan", "--detailed-exitcode", "--provider", provider]).done();
    }
    assert_eq!(images(scene, "ovh"), images(scene, "hetzner"));
}

#[test]
fn an_image_with_a_port_and_no_tag_keeps_its_repository() {
    let scene = Scene::start();
    scene.edit("host = \"gitea.treytartt.com\"\nplugin", "host = \"gitea.treytartt.com:3000\"\nplugin");
    for name in ["api", "web", "admin", "worker"] {
        let image = format!("/admin/honeydue-{name}");
        scene
            .edit(&format!("gitea.treytartt.com{image}:latest"), &format!("gitea.treytartt.com:3000{image}"));
    }
    scene.edit("acknowledge = [\"HNY0681\"]", "acknowledge = []");
    let plan = scene.honey(&["plan", "--json"]).done().json();
    let operations = plan["operations"].as_array().unwrap();
    let api = operations
        .iter()
        .find(|operation| operation["address"] == "hetzner/kube/honeydue/Deployment/api")
        .unwrap_or_else(|| panic!("{plan}"))
        .to_string();
    let start = format!("{}@sha256:", API.replace(".com", ".com:3000"));
    let digest = api.split_once(&start).unwrap_or_else(|| panic!("{api}")).1;
    assert!(digest.chars().take(64).all(|c| c.is_ascii_hexdigit()), "{api}");
    let loose: Vec<&Value> = plan["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["code"] == "HNY0681")
        .collect();
    assert_eq!(loose.len(), 1, "those without a registry are named once: {loose:?}");
    let named = loose[0]["summary"].as_str().unwrap();
    assert!(named.contains("redis:7-alpine (Deployment/redis containers[redis].image)"), "{named}");
    assert!(!named.contains("honeydue-api"), "{named}");
    scene.books_are_clean();
}

#[test]
fn an_image_that_is_not_there_is_named_with_everything_that_wants_it() {
    let scene = Scene::start();
    scene.edit(&format!("{API}:latest"), &format!("{API}:9.9.9"));
    let refused = scene.honey(&["plan", "--json"]).ends(1);
    for word in
        ["HNY0682", "honeydue-api:9.9.9", "Deployment/api containers[api].image", "containers[migrate].image"]
    {
        assert!(refused.seen().contains(word), "{word}: {}", refused.seen());
    }
    assert_eq!(scene.lab().books().created("hetzner", "server"), 0);
}

#[test]
fn a_standby_follows_the_active_instance_and_migrates_nothing() {
    let scene = Scene::start();
    both(&scene);
    let old = images(&scene, "hetzner");
    let migrated = migrations(&scene, "hetzner");
    assert_eq!((migrated.len(), migrations(&scene, "ovh").len()), (1, 0));
    in_step(&scene);

    // The configuration names a newer image: the standby waits for the active instance.
    scene.edit(&format!("{API}:latest"), &format!("{API}:1.5.0"));
    let planned = scene.honey(&["plan", "--provider", "ovh", "--detailed-exitcode"]).done();
    assert!(
        planned.stderr.contains("HNY0683") && planned.stderr.contains("honey apply --provider hetzner"),
        "{}",
        planned.seen()
    );
    scene.honey(&["apply", "--provider", "ovh", "--yes"]).done();
    assert_eq!(images(&scene, "ovh"), old);

    scene.honey(&["apply", "--yes"]).done();
    let new = images(&scene, "hetzner");
    assert_ne!(new["api"], old["api"]);
    assert_ne!(migrations(&scene, "hetzner"), migrated, "the active instance has migrated");
    scene.honey(&["plan", "--provider", "ovh", "--detailed-exitcode"]).ends(3);
    scene.honey(&["apply", "--provider", "ovh", "--yes"]).done();
    assert_eq!(images(&scene, "ovh"), new);
    in_step(&scene);

    // What one has done the other does not do again, also when the first is gone.
    scene.honey(&["cutover", "--to", "ovh", "--yes"]).done();
    in_step(&scene);
    scene.honey(&["destroy", "--provider", "hetzner", "--confirm", "honeydue-hetzner"]).done();
    scene.honey(&["plan", "--detailed-exitcode", "--provider", "ovh"]).done();
    assert_eq!(migrations(&scene, "ovh"), [""; 0]);
    scene.books_are_clean();
}

#[test]
fn a_standby_gets_ahead_only_in_so_many_words() {
    let scene = Scene::start();
    both(&scene);
    let old = images(&scene, "hetzner");
    scene.edit(&format!("{API}:latest"), &format!("{API}:1.5.0"));
    let ahead = ["plan", "--provider", "ovh", "--ahead-of-active", "-o", "ahead.plan"];
    let planned = scene.honey(&ahead).done();
    assert!(planned.stderr.contains("HNY0684"), "{}", planned.seen());
    // The saved plan carries the decision: it is checked and verified by it.
    scene.honey(&["apply", "ahead.plan"]).done();
    assert_ne!(images(&scene, "ovh")["api"], old["api"]);
    assert_eq!(images(&scene, "hetzner"), old);
    assert_eq!(migrations(&scene, "ovh"), [""; 0]);
    scene.honey(&["plan", "--provider", "ovh", "--ahead-of-active", "--detailed-exitcode"]).done();
    let refused = scene.honey(&["cutover", "--to", "ovh", "--yes"]);
    assert_ne!(refused.code, 0, "{}", refused.seen());
    assert!(refused.seen().contains("Deployment/api"), "{}", refused.seen());

    scene.honey(&["apply", "--provider", "ovh", "--yes"]).done();
    assert_eq!(images(&scene, "ovh"), old, "without the flag it follows again");
    scene.honey(&["apply", "--yes"]).done();
    scene.honey(&["apply", "--provider", "ovh", "--ahead-of-active", "--yes"]).done();
    in_step(&scene);
    scene.books_are_clean();
}
