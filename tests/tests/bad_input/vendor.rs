//! What vendors answer when they do not do as they are asked.

use honey_lab::{Effect, FaultRule, RetryAfter};
use honey_tests::scene::Scene;

use crate::told;

fn status(status: u16, retry_after: RetryAfter) -> Effect {
    Effect::Status { status, code: None, message: None, retry_after }
}

/// An answer that stays: the run ends and says who said what.
#[test]
fn refusals_are_told_in_the_vendors_words() {
    let scene = Scene::start();
    for (name, effect) in [
        ("vendor-401", Effect::status(401)),
        ("vendor-403", Effect::status(403)),
        ("vendor-404", Effect::status(404)),
        ("vendor-409", Effect::status(409)),
        ("vendor-422", Effect::status(422)),
    ] {
        scene.lab().inject(FaultRule::new("hetzner", effect).times(0));
        let refused = scene.honey(&["plan"]);
        told(&scene, name, &refused);
        assert_eq!(refused.code, 1, "{}", refused.seen());
        scene.lab().clear_faults();
    }
    scene.honey(&["plan"]).done();
}

/// Answers that pass: honey waits as told and asks again; nothing is made twice.
#[test]
fn passing_faults_are_waited_out() {
    let scene = Scene::start();
    let rules = [
        FaultRule::new("hetzner", status(429, RetryAfter::Seconds(1))).method("GET"),
        FaultRule::new("hetzner", status(429, RetryAfter::Absent)).method("POST").path("/ssh_keys"),
        FaultRule::new("hetzner", status(429, RetryAfter::Date(1))).method("POST").path("/firewalls"),
        FaultRule::new("hetzner", Effect::CutBefore).method("POST").path("/servers"),
        FaultRule::new("hetzner", Effect::CutAfter).method("POST").path("/servers").nth(3),
        FaultRule::new("neon", Effect::status(500)).method("GET"),
        FaultRule::new("neon", Effect::CutAfter).method("POST").path("/projects"),
        FaultRule::new("cloudflare", Effect::BadGateway).method("GET"),
        FaultRule::new("cloudflare", Effect::CutAfter).path("/batch"),
        FaultRule::new("b2", status(503, RetryAfter::Seconds(1))).nth(2),
        FaultRule::new("gitea", Effect::CutBefore).nth(2),
        FaultRule::new("gitea", Effect::status(500)).nth(4),
    ];
    for rule in rules {
        scene.lab().inject(rule);
    }
    let applied = scene.honey(&["apply", "--yes"]);
    if applied.code == 4 {
        // What is not safe to repeat by itself is looked up by its marks on resume.
        scene.honey(&["apply", "--resume"]).done();
    } else {
        applied.done();
    }
    let hit: std::collections::BTreeSet<String> =
        scene.lab().books().calls().into_iter().filter_map(|call| call.fault).collect();
    for fault in ["status-429", "cut-before", "cut-after", "status-500", "bad-gateway"] {
        assert!(hit.contains(fault), "{fault} was not met: {hit:?}");
    }
    let books = scene.lab().books();
    assert_eq!(books.created("hetzner", "server"), 3);
    assert_eq!(books.created("neon", "project"), 1);
    scene.honey(&["plan", "--detailed-exitcode"]).done();
    scene.books_are_clean();
}

/// Answers that are none: bounded, named, and the vendor told apart from the plugin.
#[test]
fn answers_that_are_none_are_named() {
    let cases = [
        ("vendor-429", status(429, RetryAfter::Seconds(1))),
        ("vendor-429-without-a-word", status(429, RetryAfter::Absent)),
        ("vendor-500", Effect::status(500)),
        ("vendor-html", Effect::BadGateway),
        ("vendor-cut", Effect::CutBefore),
        ("vendor-endless", Effect::EndlessBody),
        ("vendor-huge", Effect::HugeString),
    ];
    // Most of the time is waited between attempts: all at once, each in a lab of its own.
    std::thread::scope(|threads| {
        for (name, effect) in cases {
            threads.spawn(move || {
                let scene = Scene::start();
                scene.lab().inject(FaultRule::new("hetzner", effect).times(0));
                let refused = scene.honey(&["plan"]);
                told(&scene, name, &refused);
                assert_eq!(refused.code, 1, "{}", refused.seen());
            });
        }
    });
}

/// One provider is down in the middle: what does not need it is done, the rest is resumable.
#[test]
fn a_failure_stops_only_what_needs_it() {
    let scene = Scene::start();
    scene
        .lab()
        .inject(FaultRule::new("hetzner", Effect::status(403)).method("POST").path("/servers").times(0));
    let stopped = scene.honey(&["apply", "--yes"]).ends(4);
    told(&scene, "apply-stopped", &stopped);
    assert_eq!(scene.lab().books().created("neon", "project"), 1, "the database needs no server");
    scene.lab().clear_faults();
    scene.honey(&["apply", "--resume"]).done();
    scene.honey(&["plan", "--detailed-exitcode"]).done();
    scene.books_are_clean();
}
