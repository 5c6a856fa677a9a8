//! Golden plans: what honey proposes for the runbook's topology on each
//! provider, over a world where nothing was built yet.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fmt::Write as _;

use honey_lab::world::NewMachine;
use honey_tests::scene::Scene;

/// The plan as people read it, and its bare decisions.
fn keep(scene: &Scene, provider: &str) {
    let human = scene.honey(&["plan", "--provider", provider]).done();
    let document = scene.honey(&["plan", "--provider", provider, "--json"]).done().json();
    let mut decisions = String::new();
    for operation in document["operations"].as_array().unwrap() {
        let paths = operation["changes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|change| change["path"].as_str().unwrap());
        let paths: Vec<&str> = paths.collect();
        let text = |name: &str| operation[name].as_str().unwrap_or_else(|| panic!("{operation}"));
        let _ = writeln!(
            decisions,
            "{} {} {} {}",
            operation["wave"],
            text("action"),
            text("address"),
            paths.join(" ")
        );
    }
    scene.settings().bind(|| {
        insta::assert_snapshot!(format!("plan-{provider}"), human.stdout);
        insta::assert_snapshot!(format!("plan-{provider}-decisions"), decisions);
    });
    let again = scene.honey(&["plan", "--provider", provider, "--json"]).done().json();
    assert_eq!(document["operations"], again["operations"], "the same world, the same plan");
}

#[test]
fn on_each_provider() {
    let scene = Scene::start();
    given_hosts(&scene);
    for provider in ["hetzner", "ovh", "ssh"] {
        keep(&scene, provider);
    }
    let books = scene.lab().books();
    assert!(books.objects().iter().all(|object| object.vendor == "ovh"), "only what was there before");
    scene.books_are_clean();
}

/// Three machines without a vendor's API, and an instance of them.
fn given_hosts(scene: &Scene) {
    let world = scene.lab().world();
    let mut machines = Vec::new();
    for number in 1..=3 {
        let address = world.reserve_address().unwrap();
        let machine = NewMachine {
            vendor: "generic".to_owned(),
            id: number.to_string(),
            name: format!("given-{number}"),
            service: None,
            user: "root".to_owned(),
            authorized_keys: vec![scene.lab().credentials().public_key.clone()],
            image: "ubuntu-24.04".to_owned(),
            power: true,
        };
        scene.block_on(world.create_machine(machine, address)).unwrap();
        machines.push(format!("{{ address = \"{address}\" }}"));
    }
    let text = format!(
        "{}\n[instances.ssh]\nplugin = \"generic-ssh\"\nmachines = [{}]\n\
         ssh = {{ user = \"root\", port = 2222, identity = \"lab_ed25519\" }}\n\n[plugins.generic-ssh]\nssh = true\n",
        scene.read("honey.toml"),
        machines.join(", ")
    );
    scene.write("honey.toml", text);
}
