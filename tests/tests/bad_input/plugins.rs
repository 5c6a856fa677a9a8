//! Plugins that are not what they should be.

use honey_tests::{artifacts, scene::Scene};

use crate::told;

/// The real plugin, with one text in it replaced by another of the same length.
fn altered(from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = std::fs::read(artifacts::plugins().join("hetzner.wasm")).unwrap();
    let at =
        bytes.windows(from.len()).position(|window| window == from).expect("the text stands in the plugin");
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

/// The lab's configuration with its hetzner plugin taken from a file.
fn from_file(scene: &Scene, bytes: &[u8]) {
    scene.write("hetzner.wasm", bytes);
    if !scene.read("honey.toml").contains("hetzner.wasm") {
        scene.edit("[plugins.hetzner]\n", "[plugins.hetzner]\nsource = \"hetzner.wasm\"\n");
    }
}

#[test]
fn another_plugin_than_the_locked_one_is_refused() {
    let scene = Scene::start();
    scene.honey(&["plugin", "lock"]).done();
    scene.honey(&["plugin", "lock", "--check"]).done();
    scene.honey(&["plan"]).done();

    from_file(&scene, &altered(b"Hetzner", b"Hetznar"));
    let refused = scene.honey(&["plan"]);
    told(&scene, "plugin-wrong-digest", &refused);
    assert_eq!(refused.code, 2, "{}", refused.seen());
    let refused = scene.honey(&["plugin", "lock", "--check"]);
    told(&scene, "plugin-lock-check", &refused);
    assert_eq!(refused.code, 1, "{}", refused.seen());
    scene.honey(&["plan", "--provider", "ovh"]).done();

    scene.write("honey.lock", "version = 9\n");
    let refused = scene.honey(&["plan"]);
    told(&scene, "plugin-lock-newer", &refused);
    assert_ne!(refused.code, 0, "{}", refused.seen());
}

#[test]
fn what_is_no_plugin_for_this_honey_is_refused() {
    let scene = Scene::start();
    let cases: [(&str, Vec<u8>); 4] = [
        ("plugin-too-new", altered(b"honey:interface0.1", b"honey:interface9.9")),
        ("plugin-not-a-component", b"\0asm\x01\0\0\0".to_vec()),
        ("plugin-not-wasm", b"#!/bin/sh\nexit 0\n".to_vec()),
        ("plugin-empty", Vec::new()),
    ];
    for (name, bytes) in cases {
        from_file(&scene, &bytes);
        let refused = scene.honey(&["plan"]);
        told(&scene, name, &refused);
        assert_eq!(refused.code, 2, "{}", refused.seen());
    }
    std::fs::remove_file(scene.folder().join("hetzner.wasm")).unwrap();
    let refused = scene.honey(&["plan"]);
    told(&scene, "plugin-file-missing", &refused);
    assert_eq!(refused.code, 2, "{}", refused.seen());
    assert_eq!(scene.lab().books().calls_of("hetzner").len(), 0, "nobody was asked");
}

#[test]
fn a_plugin_that_asks_for_more_than_it_is_granted_is_refused() {
    let scene = Scene::start();
    scene.edit("secrets = { token = \"hetzner-token\" }\n", "");
    let refused = scene.honey(&["plan"]);
    told(&scene, "plugin-without-its-secret", &refused);
    assert_eq!(refused.code, 2, "{}", refused.seen());

    scene.edit("[plugins.hetzner]\n", "[plugins.hetzner]\nsecrets = { token = \"hetzner-token\" }\n");
    let egress = format!("egress = [\"{}\"]\n", scene.lab().endpoint("hetzner"));
    scene.edit(&egress, "");
    let refused = scene.honey(&["plan"]);
    told(&scene, "plugin-without-its-host", &refused);
    assert_ne!(refused.code, 0, "{}", refused.seen());
    assert_eq!(scene.lab().books().calls_of("hetzner").len(), 0, "nobody was asked");
}
