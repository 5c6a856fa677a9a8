//! The life of a cluster after its build: a new release of k3s on one server
//! after another. What breaks in the meantime is in `commands.rs`.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use honey_cluster_tests::{Operator, RELEASES, Stage, cluster::nodes, stage::until};

#[test]
fn a_cluster_is_upgraded() {
    let stage = Stage::up(3);
    let operator = &stage.operator;
    operator.honey(&["apply", "--yes"]).code(0);
    upgrade(operator);
    operator.honey(&["plan", "--detailed-exitcode"]).code(0);
}

fn whole(operator: &Operator) {
    until("three Ready nodes that vote", || {
        let list = nodes(operator);
        let ready = list.iter().filter(|node| node.ready && node.voter).count();
        if ready == 3 && list.len() == 3 { Ok(()) } else { Err(format!("{list:?}")) }
    });
}

/// One server at a time: whenever one is not Ready, the other two are.
fn upgrade(operator: &Operator) {
    operator.edit(RELEASES[0], RELEASES[1]);
    let mut running = operator.begin(&["apply", "--yes"]);
    let mut looks = 0;
    while running.try_wait().unwrap().is_none() {
        // The server that kubectl asks may be the one that restarts.
        let ran = operator.kubectl(&["get", "nodes", "--no-headers", "--request-timeout=5s"]);
        if ran.code == 0 {
            looks += 1;
            let away = ran.stdout.lines().filter(|line| line.contains("NotReady")).count();
            assert!(away <= 1, "{}", ran.stdout);
        }
    }
    Operator::end(running).code(0);
    assert!(looks > 0);
    whole(operator);
    let nodes = nodes(operator);
    assert!(nodes.iter().all(|node| node.version == RELEASES[1]), "{nodes:#?}");
}
