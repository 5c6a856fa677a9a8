//! Every fault at every request of every plugin, and every bad answer: the
//! outcome is by the rule, and no cell is empty.

use honey_contract::{
    contract::{self, Wanted},
    faults::COLUMNS,
    subject,
};

mod support;

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_request_is_met_by_the_rule() {
    let specs = support::specifications();
    let wanted = Wanted { plugins: support::plugins(), specs, faults: true, ..Wanted::default() };
    let entries = contract::run(&wanted).await.expect("a rehearsal");
    assert_eq!(entries.len(), subject::ALL.len());
    let mut wrong = Vec::new();
    for entry in &entries {
        let matrix = entry.faults.as_ref().expect("a matrix");
        assert!(!matrix.rows.is_empty(), "{}", entry.plugin);
        for row in &matrix.rows {
            assert_eq!(row.cells.len(), COLUMNS.len(), "{}: {}", entry.plugin, row.request);
            assert!(row.cells.iter().all(|cell| !cell.is_empty()), "{}: {}", entry.plugin, row.request);
        }
        let hostile = entry.hostile.as_ref().expect("bad answers");
        wrong.extend(
            matrix.wrong.iter().chain(&hostile.wrong).map(|words| format!("{}: {words}", entry.plugin)),
        );
        wrong.extend(entry.problems.iter().cloned());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
