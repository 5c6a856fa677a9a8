//! honey killed right after each record of the journal of a cluster's build, and
//! started again: one cluster comes of it, with nothing made twice.
//!
//! The process that dies has honey's own flow in it and a store that kills it at
//! the very record (`tests/src/mortal.rs`), so no record is passed over. What is
//! left then is resumed by the next such process, up to the record after it.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeSet;

use honey_cluster_tests::{
    Stage,
    cluster::{members, nodes},
};

#[test]
fn a_build_survives_a_kill_after_each_record() {
    let stage = Stage::up(3);
    let operator = &stage.operator;
    let mut kills = 0;
    let mut action = "apply";
    loop {
        let before: BTreeSet<_> = operator.records().into_iter().collect();
        let ran = operator.mortal(action);
        assert_eq!(ran.code, -1, "after {kills} kills: {}", ran.said());
        kills += 1;
        let after: BTreeSet<_> = operator.records().into_iter().collect();
        let fresh: Vec<_> = after.difference(&before).collect();
        assert_eq!(fresh.len(), 1, "one record is new at every kill: {fresh:?}");
        if fresh[0].0 == "sealed" {
            break;
        }
        action = "resume";
    }
    // A kill after the last record leaves nothing to resume.
    assert!(operator.honey(&["apply", "--resume"]).code(1).said().contains("HNY0384"));
    let distinct: BTreeSet<_> = operator.records().into_iter().collect();
    assert_eq!(kills, distinct.len(), "every record of the build was a kill point: {distinct:#?}");
    let of = |kind: &str| distinct.iter().filter(|(record, _)| record == kind).count();
    assert_eq!((of("begun"), of("resumed"), of("sealed"), of("failed")), (1, 1, 1, 0), "{distinct:#?}");
    assert!(of("intent") == of("done") && of("done") >= 14, "{distinct:#?}");

    operator.honey(&["apply", "--yes"]).code(0);
    operator.honey(&["plan", "--detailed-exitcode"]).code(0);
    let nodes = nodes(operator);
    assert!(nodes.len() == 3 && nodes.iter().all(|node| node.ready && node.voter), "{nodes:#?}");
    let members = members(stage.server(2));
    assert!(members.len() == 3 && members.iter().all(|member| !member.learner), "{members:#?}");
    println!("{kills} kills, one after each of {} different records", distinct.len());
}
