//! The whole story once: build, standby, move, take the old cluster down.

use honey_tests::scene::Scene;

#[test]
fn one_file_builds_two_clusters_and_moves_between_them() {
    let scene = Scene::start();
    let books = || scene.lab().books();

    scene.honey(&["plan", "--detailed-exitcode"]).ends(3);
    assert_eq!(books().created("hetzner", "server"), 0, "a plan changes nothing");
    let applied = scene.honey(&["apply", "--yes", "--json"]).done().json();
    assert_eq!(applied["result"], "done");
    assert_eq!(books().created("hetzner", "server"), 3);
    assert_eq!(scene.workers(), ["hetzner"]);
    let shared: Vec<usize> = [("neon", "project"), ("b2", "bucket"), ("b2", "key"), ("gitea", "token")]
        .iter()
        .map(|(vendor, kind)| books().created(vendor, kind))
        .collect();
    assert_eq!(shared, [1, 1, 1, 1]);
    let empty = scene.honey(&["plan", "--detailed-exitcode"]).done();
    let text = "Plan for hetzner (active)\n\nNo changes: 88 resources are up to date.\n";
    assert!(empty.stdout.contains(text), "{}", empty.seen());
    let names = scene.records();
    assert_eq!(names.len(), 4);
    assert!(names.values().all(|values| *values == scene.addresses("hetzner")), "{names:?}");

    standby(&scene);
    moved(&scene);
    names_alone(&scene);
    taken_down(&scene);
    scene.books_are_clean();
}

/// The same file on the other provider: machines are adopted, the worker waits.
fn standby(scene: &Scene) {
    scene.honey(&["apply", "--provider", "ovh", "--yes"]).done();
    assert_eq!(scene.addresses("ovh").len(), 3, "adopted, not ordered");
    assert_eq!(scene.workers(), ["hetzner"]);
    assert!(scene.records().values().all(|values| *values == scene.addresses("hetzner")));
    assert_eq!(scene.lab().books().created("neon", "project"), 1, "what is shared is made once");
    let status = scene.honey(&["status", "--json"]).done().json();
    assert_eq!(roles(&status), [("hetzner".into(), "active".into()), ("ovh".into(), "standby".into())]);
    for provider in ["hetzner", "ovh"] {
        scene.honey(&["plan", "--detailed-exitcode", "--provider", provider]).done();
    }
}

fn moved(scene: &Scene) {
    let done = scene.honey(&["cutover", "--to", "ovh", "--yes", "--json"]).done().json();
    assert_eq!(done["result"], "done", "{done}");
    assert_eq!(scene.workers(), ["ovh"]);
    assert!(scene.records().values().all(|values| *values == scene.addresses("ovh")));
    for provider in ["hetzner", "ovh"] {
        scene.honey(&["plan", "--detailed-exitcode", "--provider", provider]).done();
    }
    let status = scene.honey(&["status", "--json"]).done().json();
    assert_eq!(roles(&status), [("hetzner".into(), "standby".into()), ("ovh".into(), "active".into())]);
}

/// The names move, the worker does not, and that is said.
fn names_alone(scene: &Scene) {
    let swapped = scene.honey(&["dns", "swap", "--to", "hetzner", "--yes"]).done();
    assert!(swapped.seen().contains("stay"), "{}", swapped.seen());
    assert_eq!(scene.workers(), ["ovh"]);
    assert!(scene.records().values().all(|values| *values == scene.addresses("hetzner")));
    scene.honey(&["dns", "swap", "--to", "ovh", "--yes"]).done();
    assert!(scene.records().values().all(|values| *values == scene.addresses("ovh")));
}

/// The active cluster is not taken down; a standby is, when it is named.
fn taken_down(scene: &Scene) {
    let books = || scene.lab().books();
    let refused = scene.honey(&["destroy", "--provider", "ovh", "--confirm", "honeydue-ovh"]).ends(1);
    assert!(refused.stderr.contains("HNY0830"), "{}", refused.seen());
    let planned = scene.honey(&["destroy", "--provider", "hetzner", "--plan-only"]).done();
    let seen = planned.seen();
    assert!(planned.stdout.starts_with("Plan to destroy hetzner (standby; ovh is active)\n"), "{seen}");
    assert!(!seen.contains("HNY0216"), "the names moved away, they need nothing here: {seen}");
    assert!(seen.contains("goes with the machine") && !seen.contains("gone already"), "{seen}");
    let claim = "PersistentVolumeClaim/redis-data\n             goes with the machine; data is lost\n";
    assert!(planned.stdout.contains(claim), "what is lost stands by itself: {seen}");
    scene.honey(&["destroy", "--provider", "hetzner"]).ends(2);
    scene.honey(&["destroy", "--provider", "hetzner", "--confirm", "honeydue"]).ends(1);
    assert_eq!(books().deleted("hetzner", "server"), 0, "without its name nothing is deleted");
    scene.honey(&["destroy", "--provider", "hetzner", "--confirm", "honeydue-hetzner"]).done();
    for kind in ["server", "ssh-key", "firewall"] {
        assert!(books().created("hetzner", kind) > 0, "{kind}");
        assert_eq!(books().created("hetzner", kind), books().deleted("hetzner", kind), "{kind}");
    }
    for (vendor, kind) in
        [("neon", "project"), ("b2", "bucket"), ("b2", "key"), ("gitea", "token"), ("ovh", "vps")]
    {
        assert_eq!(books().deleted(vendor, kind), 0, "{vendor} {kind} is not hetzner's");
    }
    assert_eq!(scene.workers(), ["ovh"]);
    scene.honey(&["plan", "--detailed-exitcode", "--provider", "ovh"]).done();
}

fn roles(status: &serde_json::Value) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let instances = status["instances"].as_array().unwrap_or_else(|| panic!("{status}"));
    instances.iter().map(|instance| (text(&instance["name"]), text(&instance["role"]))).collect()
}
