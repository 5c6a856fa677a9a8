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
        (
            "everything-at-once",
            replace("servers = 3", "server = 3\nfirewal = { web = 1 }")
                .replace("redis-password = { generate = 32 }\n", "redis-password = { generate = \"long\" }\n")
                .replace("secret-key = ", "secret-kee = ")
                .replace("\"admin\"]", "\"admin\", \"api\"]"),
        ),
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

/// Before any vendor is called, all at once, each at its own table.
#[test]
fn secrets_that_cannot_be_used_are_named() {
    let scene = Scene::start();
    let before = scene.lab().books().objects().len();
    let secret = |name: &str| scene.folder().join("secrets").join(name);
    std::fs::remove_file(secret("hetzner-token")).unwrap();
    let missing = scene.honey(&["plan"]).ends(2);
    told(&scene, "secret-file-missing", &missing);

    scene.edit(
        "hetzner-token = { file = \"secrets/hetzner-token\" }",
        "hetzner-token = { env = \"HCLOUD_TOKEN\" }",
    );
    let missing = scene.honey(&["plan"]).ends(2);
    told(&scene, "secret-variable-missing", &missing);

    std::fs::write(secret("cloudflare-token"), b"").unwrap();
    std::fs::write(secret("neon-token"), b"\xef\xbb\xbfcanary").unwrap();
    std::fs::write(secret("secret_key.txt"), b"canary \xff\xfe").unwrap();
    std::fs::remove_file(secret("gitea-password")).unwrap();
    std::fs::create_dir(secret("gitea-password")).unwrap();
    // What only another instance needs is not asked for.
    std::fs::remove_file(secret("ovh-consumer-key")).unwrap();
    for arguments in [&["plan"][..], &["apply", "--yes"]] {
        let wrong = scene.honey(arguments).ends(2);
        assert!(!wrong.seen().contains("canary"), "{}", wrong.seen());
        told(&scene, &format!("secrets-wrong-{}", arguments[0]), &wrong);
    }
    assert_eq!(scene.lab().books().objects().len(), before, "nothing was made");
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
