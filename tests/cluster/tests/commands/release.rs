//! Another release of k3s, by `honey apply` alone.

use honey_cluster_tests::{Operator, RELEASES, Stage, WorkerLog, cluster::nodes, stage::until};

use crate::whole;

/// One server at a time: whenever one is not Ready, the other two are.
pub(crate) fn upgraded(stage: &Stage, log: &WorkerLog) {
    let operator = &stage.operator;
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
    whole(stage);
    let nodes = nodes(operator);
    assert!(nodes.iter().all(|node| node.version == RELEASES[1]), "{nodes:#?}");
    until("the worker writes again", || if log.grows() { Ok(()) } else { Err("silence".to_owned()) });
    log.never_two();
}
