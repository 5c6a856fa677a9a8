//! Plugins that break one law each are caught by its name; the same plugin
//! without the mistake keeps them all.

mod support;

use honey_conformance::{Law, Setup, Verdict};
use honey_plugin_host::componentize;
use support::{broken, guest, look, run, setup};

const NATIVE: &str = "wasm32-unknown-unknown";
const WASI: &str = "wasm32-wasip2";

fn told_to_break(law: &str) -> Setup {
    let mut setup = setup("tests/broken");
    setup.settings["break"] = serde_json::json!(law);
    setup
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_broken_plugin_is_caught_by_the_name_of_the_law() {
    let artifact = componentize(&guest("honey-broken-guest", NATIVE)).expect("an artifact");
    let laws = Law::ALL.iter().filter(|law| **law != Law::NoAmbientAuthority);
    let runs: Vec<_> = laws
        .map(|law| (*law, tokio::spawn(look(artifact.clone(), told_to_break(law.name()), vec![*law]))))
        .collect();
    let mut escaped = Vec::new();
    let mut caught = 0;
    for (law, report) in runs {
        let report = report.await.expect("the kit does not panic");
        let found = report.broken();
        if found == [law.name()] {
            println!("{:<34} {}", law.name(), report.laws[0].failures[0].what);
            caught += 1;
        } else {
            escaped.push(format!("{} was not caught; found: {}", law.name(), broken(&report)));
        }
    }
    assert!(escaped.is_empty(), "{escaped:#?}");
    assert!(caught >= 10, "{caught} broken plugins");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plugin_without_a_mistake_keeps_every_law() {
    let artifact = componentize(&guest("honey-broken-guest", NATIVE)).expect("an artifact");
    let report = run(artifact, told_to_break("")).await;
    assert!(report.holds(), "{}", broken(&report));
    let open: Vec<&str> =
        report.laws.iter().filter(|row| row.verdict == Verdict::NotChecked).map(|row| row.law).collect();
    assert_eq!(open, Vec::<&str>::new(), "laws that nobody looked at");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wasi_guest_keeps_every_law_until_it_asks_wasi_for_the_time() {
    let artifact = componentize(&guest("honey-broken-guest", WASI)).expect("an artifact");
    let laws =
        vec![Law::Loads, Law::NoAmbientAuthority, Law::CreateTwiceMakesOne, Law::InterruptionMakesNoSecond];
    let report = look(artifact.clone(), told_to_break(""), laws.clone()).await;
    assert!(report.holds(), "{}", broken(&report));
    let report = look(artifact, told_to_break("no-ambient-authority"), laws).await;
    assert_eq!(report.broken(), ["no-ambient-authority"], "{}", broken(&report));
}
