//! honey.toml and the secrets that it names.

use std::os::unix::fs::PermissionsExt;

use honey_tests::scene::Scene;

use crate::told;

#[test]
fn a_wrong_configuration_is_refused_with_its_place() {
    let scene = Scene::start();
    let good = scene.read("honey.toml");
    let add = |text: &str| format!("{good}\n{text}\n");
    let replace = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replace(from, to)
    };
    let cases = [
        ("unknown-key", replace("servers = 3", "server = 3")),
        ("wrong-type", replace("servers = 3", "servers = \"three\"")),
        ("secret-not-named", replace("redis-password = { generate = 32 }\n", "")),
        ("duplicate-table", add("[instances.ovh]\nplugin = \"ovh\"")),
        ("duplicate-address", replace("\"app\", \"admin\"]", "\"app\", \"admin\", \"api\"]")),
        (
            "not-a-network",
            replace(
                "[cluster.firewall]\n",
                "[cluster.firewall]\nssh-from = [\"192.0.2.7\", \"office\"]\napi-from = [\"192.0.2.7/24\"]\n",
            ),
        ),
        (
            "provider-without-plugin",
            replace("[instances.ovh]\nplugin = \"ovh\"", "[instances.ovh]\nplugin = \"hetzer\""),
        ),
    ];
    for (name, text) in cases {
        scene.write("honey.toml", text);
        let refused = scene.honey(&["plan", "--provider", "ovh"]);
        told(&scene, name, &refused);
        assert_eq!(refused.code, 2, "{}", refused.seen());
    }
    assert_eq!(scene.lab().books().objects().iter().filter(|object| object.vendor != "ovh").count(), 0);
}

#[test]
fn what_waits_for_itself_is_named() {
    let scene = Scene::start();
    let good = scene.read("honey.toml");
    scene.write("honey.toml", format!("{good}\n[values.a]\nafter = [\"b\"]\n[values.b]\nafter = [\"a\"]\n"));
    let refused = scene.honey(&["plan"]).ends(2);
    told(&scene, "cycle", &refused);
}

#[test]
fn two_machines_that_are_one_are_found_out() {
    let scene = Scene::start();
    scene.edit("service = \"vps-c0f51be2.vps.ovh.us\"", "service = \"vps-1624d691.vps.ovh.us\"");
    let refused = scene.honey(&["plan", "--provider", "ovh"]).ends(2);
    told(&scene, "same-vps-twice", &refused);
}

#[test]
fn a_secret_that_is_not_there_is_named() {
    let scene = Scene::start();
    std::fs::remove_file(scene.folder().join("secrets/hetzner-token")).unwrap();
    let missing = scene.honey(&["plan"]);
    told(&scene, "secret-file-missing", &missing);
    assert_ne!(missing.code, 0, "{}", missing.seen());

    scene.edit(
        "hetzner-token = { file = \"secrets/hetzner-token\" }",
        "hetzner-token = { env = \"HCLOUD_TOKEN\" }",
    );
    let missing = scene.honey(&["plan"]);
    told(&scene, "secret-variable-missing", &missing);
    assert_ne!(missing.code, 0, "{}", missing.seen());
}

#[test]
fn a_secret_that_others_can_read_is_a_warning() {
    let scene = Scene::start();
    let path = scene.folder().join("secrets/hetzner-token");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let warned = scene.honey(&["plan"]).done();
    told(&scene, "secret-readable", &warned);
    assert!(warned.stderr.contains("hetzner-token"), "{}", warned.seen());
}
