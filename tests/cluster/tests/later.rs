//! The life of a cluster after its build: a new release of k3s on one server
//! after another, quorum lost and a snapshot restored, a dead machine replaced.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fs;

use honey_cluster_tests::{
    Operator, RELEASES, Stage,
    cluster::{members, nodes},
    stage::until,
};

#[test]
fn a_cluster_is_upgraded_restored_and_mended() {
    let stage = Stage::up(3);
    let operator = &stage.operator;
    operator.honey(&["apply", "--yes"]).code(0);
    upgrade(operator);
    restore(&stage);
    replace(&stage);
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

/// Runbook 8 with k3s's own commands: what was written before the snapshot is
/// there afterwards, what came later is not.
fn restore(stage: &Stage) {
    let (operator, first) = (&stage.operator, stage.server(1));
    operator.kubectl(&["create", "configmap", "before", "--from-literal=at=snapshot"]).code(0);
    first.must("k3s etcd-snapshot save --name drill").unwrap();
    operator.kubectl(&["create", "configmap", "after", "--from-literal=at=snapshot"]).code(0);

    // Two of three machines without power: nothing can be written.
    for number in [2, 3] {
        stage.server(number).power_off().unwrap();
    }
    until("writes are refused", || {
        let ran = operator.kubectl(&["create", "configmap", "never", "--request-timeout=5s"]);
        if ran.code == 0 { Err("still written".to_owned()) } else { Ok(()) }
    });

    first.must("systemctl stop k3s").unwrap();
    let said = first
        .must(
            "k3s server --cluster-reset \
             --cluster-reset-restore-path=$(ls /var/lib/rancher/k3s/server/db/snapshots/drill-*) 2>&1",
        )
        .unwrap();
    assert!(said.contains("Managed etcd cluster membership has been reset"), "{said}");
    first.must("systemctl start k3s").unwrap();
    assert_eq!(members(first).len(), 1);
    operator.kubectl(&["get", "configmap", "before"]).code(0);
    operator.kubectl(&["get", "configmap", "after"]).code(1);

    // The others come back with empty databases, their old node objects deleted
    // by hand, and join again by themselves.
    for number in [2, 3] {
        let server = stage.server(number);
        fs::remove_dir_all(server.root().join("var/lib/rancher/k3s/server/db")).unwrap();
        operator.kubectl(&["delete", "node", &format!("box-{number}")]).code(0);
        server.power_on().unwrap();
        until("the server votes again", || {
            let list = members(first);
            let voters = list.iter().filter(|member| !member.learner).count();
            if voters == number { Ok(()) } else { Err(format!("{list:?}")) }
        });
    }
    whole(operator);
}

/// A machine that comes back with an empty disk joins as another member; the
/// old one goes with its node.
fn replace(stage: &Stage) {
    let (operator, third) = (&stage.operator, stage.server(3));
    let before = members(stage.server(1));
    third.power_off().unwrap();
    for path in ["var/lib/rancher", "etc/rancher", "usr/local/bin/k3s", "etc/systemd/system/k3s.service"] {
        let path = third.root().join(path);
        let gone = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        gone.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    operator.kubectl(&["delete", "node", "box-3"]).code(0);
    third.power_on().unwrap();
    operator.honey(&["apply", "--yes"]).code(0);
    whole(operator);
    let after = members(stage.server(1));
    let kept = after.iter().filter(|member| before.contains(member)).count();
    assert!(after.len() == 3 && kept == 2, "{before:?} {after:?}");
}
