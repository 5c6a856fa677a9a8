//! Plans that were saved: applied as they are, or refused with what is wrong.

use honey_tests::scene::Scene;
use serde_json::json;

#[test]
fn a_saved_plan_is_applied_as_it_is_or_refused() {
    let scene = Scene::start();
    let saved = scene.honey(&["plan", "-o", "first.plan"]).done();
    assert!(saved.seen().contains("honey apply first.plan"), "{}", saved.seen());
    altered(&scene);
    of_another_version(&scene);
    assert_eq!(scene.lab().books().objects().iter().filter(|object| object.vendor == "hetzner").count(), 0);

    let why = scene.honey(&["plan", "--why", "hetzner/k3s-server/node-2"]).done();
    scene.settings().bind(|| insta::assert_snapshot!("why", why.outcome_and_output()));

    scene.honey(&["apply", "first.plan"]).done();
    assert_eq!(scene.lab().books().created("hetzner", "server"), 3);
    let again = scene.honey(&["apply", "first.plan"]).ends(1);
    scene.settings().bind(|| insta::assert_snapshot!("plan-of-an-earlier-state", again.outcome()));
    stale(&scene);
    scene.books_are_clean();
}

fn altered(scene: &Scene) {
    let plan = scene.read("first.plan");
    for (place, name) in
        [(plan.find("cx22").unwrap(), "a value"), (plan.len() - 2, "the end"), (2, "the head")]
    {
        let mut bytes = plan.clone().into_bytes();
        bytes[place] ^= 1;
        scene.write("altered.plan", bytes);
        let refused = scene.honey(&["apply", "altered.plan"]).ends(1);
        assert!(refused.stderr.contains("HNY0210"), "{name}: {}", refused.seen());
        scene.settings().bind(|| insta::assert_snapshot!("plan-altered", refused.outcome()));
    }
}

fn of_another_version(scene: &Scene) {
    let plan = scene.read("first.plan");
    scene.write("other.plan", plan.replacen("\"format\":1", "\"format\":2", 1));
    let refused = scene.honey(&["apply", "other.plan"]).ends(1);
    scene.settings().bind(|| insta::assert_snapshot!("plan-of-another-version", refused.outcome()));
}

/// Somebody changes a record and a server's labels between plan and apply.
fn stale(scene: &Scene) {
    scene.edit(r#"names = ["@", "api", "app", "admin"]"#, r#"names = ["@", "api", "app", "admin", "new"]"#);
    scene.honey(&["plan", "-o", "second.plan"]).done();

    let zone = scene.zone();
    let path = format!("/client/v4/zones/{zone}/dns_records");
    let listed = scene.vendor("cloudflare", "GET", &format!("{path}?name=api.myhoneydue.com"), None);
    let id = listed["result"][0]["id"].as_str().unwrap().to_owned();
    let before = listed["result"][0]["content"].clone();
    let change = |content| {
        scene.vendor("cloudflare", "PATCH", &format!("{path}/{id}"), Some(json!({"content": content})))
    };
    change(json!("192.0.2.7"));
    let refused = scene.honey(&["apply", "second.plan"]).ends(1);
    assert!(refused.stderr.contains("dns/myhoneydue.com/A/api"), "{}", refused.seen());
    scene.settings().bind(|| insta::assert_snapshot!("plan-stale-record", refused.outcome()));
    assert!(!scene.records().contains_key("new.myhoneydue.com A"), "nothing of it was done");
    change(before);

    let cluster = scene.block_on(scene.lab().boxes().clusters().list()).remove(0).1;
    let config = cluster
        .objects("", "configmaps")
        .into_iter()
        .find(|map| map["metadata"]["name"] == "honeydue-config");
    let mut config = config.expect("the stack's settings");
    let key = config["data"].as_object().unwrap().keys().next().unwrap().clone();
    let kept = config["data"][&key].clone();
    config["data"][&key] = json!("by hand");
    cluster.write_as("kubectl-edit", &config).unwrap();
    let refused = scene.honey(&["apply", "second.plan"]).ends(1);
    assert!(refused.stderr.contains("ConfigMap/honeydue-config"), "{}", refused.seen());
    config["data"][&key] = kept;
    cluster.write_as("kubectl-edit", &config).unwrap();
}
