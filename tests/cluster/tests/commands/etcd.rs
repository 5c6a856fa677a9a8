//! `honey etcd`: snapshots, and the way back to one (runbook 8).

use honey_cluster_tests::{Operator, Stage, WorkerLog, cluster::members, stage::until};
use serde_json::json;

use crate::{empty_disk, whole};

const CONFIRM: [&str; 2] = ["--confirm", "honeydue-home"];

fn note(operator: &Operator, name: &str) {
    operator.kubectl(&["create", "configmap", name, "--from-literal=at=snapshot"]).code(0);
}

fn has(operator: &Operator, name: &str) -> bool {
    operator
        .kubectl(&["get", "configmap", name, "--ignore-not-found", "-o", "name"])
        .code(0)
        .stdout
        .contains(name)
}

/// Taken, listed, and nothing else is.
pub(crate) fn kept_and_found(stage: &Stage) {
    let operator = &stage.operator;
    note(operator, "before");
    let taken = operator.document(&["etcd", "snapshot", "--name", "drill"]);
    assert!(
        taken["name"].as_str().unwrap().starts_with("drill-box-1-") && taken["server"] == "node-1",
        "{taken}"
    );
    assert!(taken["bytes"].as_u64().unwrap() > 100_000, "{taken}");
    note(operator, "after");
    let listed = operator.document(&["etcd", "list"]);
    assert_eq!(listed["snapshots"].as_array().unwrap().len(), 1, "{listed}");
}

/// Two of three machines are dead for good. One command brings the API back,
/// another puts machines in their place.
pub(crate) fn quorum_lost_with_two_machines(stage: &Stage, log: &WorkerLog) {
    let operator = &stage.operator;
    for number in [2, 3] {
        stage.server(number).power_off().unwrap();
    }
    until("writes are refused", || {
        let ran = operator.kubectl(&["create", "configmap", "never", "--request-timeout=5s"]);
        if ran.code == 0 { Err("still written".to_owned()) } else { Ok(()) }
    });
    operator.honey(&["node", "list"]).code(0);
    let silent = operator.honey(&[&["etcd", "restore", "latest"][..], &CONFIRM].concat()).code(1);
    assert!(
        silent.said().contains("HNY0856") && silent.said().contains("--without node-2"),
        "{}",
        silent.said()
    );

    let without = ["--without", "node-2", "--without", "node-3"];
    let done = operator.document(&[&["etcd", "restore", "latest"][..], &without, &CONFIRM].concat());
    assert_eq!((&done["voters"], &done["held"]), (&json!(1), &json!([])), "{done}");
    assert!(has(operator, "before") && !has(operator, "after"));
    assert_eq!(members(stage.server(1)).len(), 1);
    until("the worker runs again", || if log.grows() { Ok(()) } else { Err(format!("{:?}", log.lives())) });
    log.never_two();

    for number in [2, 3] {
        empty_disk(stage, number);
        stage.server(number).power_on().unwrap();
    }
    operator.honey(&["node", "replace", "node-2", "node-3", "--confirm", "node-2,node-3"]).code(0);
    whole(stage);
    log.never_two();
    operator.honey(&["plan", "--detailed-exitcode"]).code(0);
}

/// Two of three have lost their data and answer over ssh: nothing has to be
/// done by hand, all three are back after the one command.
pub(crate) fn data_lost_on_two_servers(stage: &Stage, log: &WorkerLog) {
    let operator = &stage.operator;
    let taken = operator.document(&["etcd", "snapshot", "--name", "second"]);
    note(operator, "late");
    for number in [2, 3] {
        stage
            .server(number)
            .must("systemctl stop k3s && rm -rf /var/lib/rancher/k3s/server/db/etcd")
            .unwrap();
    }
    until("writes are refused", || {
        let ran = operator.kubectl(&["create", "configmap", "never", "--request-timeout=5s"]);
        if ran.code == 0 { Err("still written".to_owned()) } else { Ok(()) }
    });
    let name = taken["name"].as_str().unwrap();
    let done = operator.document(&[&["etcd", "restore", name][..], &CONFIRM].concat());
    assert_eq!(done["voters"], 3, "{done}");
    assert!(has(operator, "before") && !has(operator, "late"));
    whole(stage);
    log.never_two();
    until("the worker runs again", || if log.grows() { Ok(()) } else { Err(format!("{:?}", log.lives())) });
    operator.honey(&["apply", "--yes"]).code(0);
}
