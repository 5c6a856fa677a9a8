//! Honey is killed at durable writes of a cutover (every one) and of a build (a
//! sample; `cargo xtask crash` takes every one), and goes on as an operator would.

use std::path::PathBuf;

use honey_tests::crash::{self, Choice, Report, Scenario};

/// Every how many kill points of a build.
const SAMPLE: usize = 29;

async fn prove(scenario: Scenario, every: usize, offset: usize) -> Report {
    let victim = PathBuf::from(env!("CARGO_BIN_EXE_crash-victim"));
    let choice = Choice { victim, every, offset, seeds: 1, parallel: 2 };
    let report = crash::run(scenario, &choice).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(report.holds(), "{report:#?}");
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cutover_killed_at_any_write_is_resumed_or_aborted() {
    let report = prove(Scenario::Cutover, 1, 0).await;
    // Two saves of the state and a journal of six steps, each with its beginning and end.
    assert!(report.points > 4 * 12, "{} kill points are not every one", report.points);
}

/// Each run takes other points: the sample begins where the process's number says.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_killed_at_a_write_is_resumed_to_the_same_objects() {
    let offset = usize::try_from(std::process::id()).unwrap_or_default() % SAMPLE;
    let report = prove(Scenario::Build, SAMPLE, offset).await;
    assert!(report.points > 5, "{} kill points are no sample", report.points);
}
