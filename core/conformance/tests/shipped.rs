//! The plugins that come with honey keep every law.

mod support;

use honey_conformance::Verdict;
use support::{broken, plugins, root, run, setup};

/// Every folder below providers/ and plugins/ but the SDK.
fn shipped() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for parent in ["providers", "plugins"] {
        for entry in std::fs::read_dir(root().join(parent)).expect("a folder").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "sdk" && entry.path().join("plugin.toml").is_file() {
                found.push((name.clone(), format!("{parent}/{name}")));
            }
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plugins_that_come_with_honey_keep_every_law() {
    let began = std::time::Instant::now();
    let folder = plugins();
    let runs = shipped().into_iter().map(|(id, source)| {
        let artifact =
            std::fs::read(folder.join(format!("{id}.wasm"))).unwrap_or_else(|error| panic!("{id}: {error}"));
        tokio::spawn(run(artifact, setup(&source)))
    });
    let runs: Vec<_> = runs.collect();
    assert!(runs.len() >= 7, "{} plugins", runs.len());
    let mut wrong = String::new();
    for report in runs {
        let report = report.await.expect("the kit does not panic");
        let looked = report.laws.iter().filter(|row| row.verdict == Verdict::Holds).count();
        println!(
            "{:<16} {:>7} bytes  {:>2} kinds  {looked:>2} laws hold  {:>6} requests  {:>5.1} s",
            report.plugin,
            report.bytes,
            report.kinds.len(),
            report.requests,
            report.seconds
        );
        assert!(looked >= 15, "{}: {:?}", report.plugin, report.laws);
        if !report.holds() {
            wrong.push_str(&broken(&report));
        }
    }
    println!("conformance of all: {:.1} s", began.elapsed().as_secs_f64());
    assert!(wrong.is_empty(), "{wrong}");
}
