//! A cutover that cannot be finished leaves the service where it was.

use honey_lab::{Effect, FaultRule};
use honey_tests::scene::Scene;

#[test]
fn a_failed_move_of_the_names_goes_back_by_itself() {
    let scene = Scene::start();
    scene.honey(&["apply", "--yes"]).done();
    scene.honey(&["apply", "--provider", "ovh", "--yes"]).done();
    let names = scene.records();

    scene.lab().inject(FaultRule::new("cloudflare", Effect::status(403)).path("/batch").times(0));
    let back = scene.honey(&["cutover", "--to", "ovh", "--yes"]).ends(1);
    scene.settings().bind(|| insta::assert_snapshot!("cutover-goes-back", back.outcome()));
    let text =
        "cutover hetzner → ovh: went back, hetzner is active\nbecause swap failed (cloudflare-dns::10000)\n";
    assert!(back.stdout.contains(text), "{}", back.seen());
    assert_eq!(scene.workers(), ["hetzner"], "the worker runs at the source again");
    assert_eq!(scene.records(), names);
    let status = scene.honey(&["status", "--json"]).done().json();
    assert_eq!(status["instances"][0]["role"], "active", "{status}");
    assert_eq!(status["unfinished"], serde_json::Value::Null, "{status}");

    scene.lab().clear_faults();
    let document = scene.honey(&["cutover", "--to", "ovh", "--yes", "--json"]).done().json();
    assert_eq!(document["result"], "done");
    assert_eq!(scene.workers(), ["ovh"]);
    let same = scene.honey(&["cutover", "--to", "ovh", "--yes"]);
    scene.settings().bind(|| insta::assert_snapshot!("cutover-to-the-active", same.outcome()));
    scene.books_are_clean();
}

#[test]
fn a_standby_is_taken_down_and_its_machines_are_kept() {
    let scene = Scene::start();
    let missing = scene.honey(&["cutover", "--to", "ovh", "--yes"]);
    assert_ne!(missing.code, 0);
    scene.settings().bind(|| insta::assert_snapshot!("cutover-without-clusters", missing.outcome()));
    scene.honey(&["apply", "--provider", "ovh", "--yes"]).done();
    assert_eq!(scene.workers(), [""; 0], "the default instance is not built yet: nobody is active");
    let machines = scene.addresses("ovh");
    scene.honey(&["destroy", "--provider", "ovh", "--confirm", "honeydue-ovh"]).done();
    assert_eq!(scene.addresses("ovh"), machines, "what was paid for stays");
    assert_eq!(scene.lab().books().created("ovh", "ssh-key"), scene.lab().books().deleted("ovh", "ssh-key"));
    assert_eq!(scene.lab().books().deleted("neon", "project"), 0);
    let status = scene.honey(&["status", "--json"]).done().json();
    assert!(!status.to_string().contains("ready\":true"), "{status}");
    scene.books_are_clean();
}
