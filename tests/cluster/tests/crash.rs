//! honey killed after each record of the journal of a cluster's build, and
//! started again: one cluster comes of it, with nothing made twice.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{collections::BTreeSet, time::Duration};

use honey_cluster_tests::{
    Operator, Stage,
    cluster::{members, nodes},
};
use serde_json::Value;

/// What a run wrote down so far: record and address, in order.
fn records(operator: &Operator) -> Vec<(String, String)> {
    let runs = std::fs::read_dir(operator.project().join(".honey/runs")).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for run in runs.filter(|run| run.path().extension().is_some_and(|end| end == "journal")) {
        let text = std::fs::read(run.path()).unwrap_or_default();
        for line in String::from_utf8_lossy(&text).lines() {
            // Length and checksum stand before the record; a torn one is no record.
            let Some(json) = line.splitn(3, ' ').nth(2) else { continue };
            let Ok(record) = serde_json::from_str::<Value>(json) else { continue };
            let word = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
            found.push((word("record"), word("address")));
        }
    }
    found
}

#[test]
fn a_build_survives_a_kill_after_each_record() {
    let stage = Stage::up(3);
    let operator = &stage.operator;
    let mut seen = BTreeSet::new();
    let mut kills = 0;
    let mut arguments: &[&str] = &["apply", "--yes"];
    // The first time that a record is the newest one, honey dies. An intent that
    // is written again on the way back is let through, else nothing would move.
    let last = loop {
        let mut child = operator.begin(arguments);
        let killed = loop {
            if child.try_wait().unwrap().is_some() {
                break false;
            }
            let fresh: Vec<_> = records(operator).into_iter().filter(|one| !seen.contains(one)).collect();
            if !fresh.is_empty() {
                child.kill().unwrap();
                seen.extend(fresh);
                // What was written between the look and the kill has died with it too.
                seen.extend(records(operator));
                break true;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let ended = Operator::end(child);
        if !killed {
            break ended;
        }
        kills += 1;
        arguments = &["apply", "--resume"];
    };
    // A kill after the last record leaves nothing to resume.
    assert!(last.code == 0 || last.said().contains("HNY0384"), "after {kills} kills: {}", last.said());
    operator.honey(&["apply", "--yes"]).code(0);
    operator.honey(&["plan", "--detailed-exitcode"]).code(0);
    assert!(kills >= 14, "{kills} kills, {} kinds of records", seen.len());

    let nodes = nodes(operator);
    assert!(nodes.len() == 3 && nodes.iter().all(|node| node.ready && node.voter), "{nodes:#?}");
    let members = members(stage.server(2));
    assert!(members.len() == 3 && members.iter().all(|member| !member.learner), "{members:#?}");
    eprintln!("{kills} kills, {} different records", seen.len());
}
