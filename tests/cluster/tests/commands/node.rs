//! `honey node`: listed, drained, restarted, replaced.

use honey_cluster_tests::{
    Stage, WorkerLog,
    cluster::{members, nodes},
    stage::until,
};
use serde_json::{Value, json};

use crate::{empty_disk, home_of_the_worker, whole};

/// One pod that a budget never lets go.
const STAY: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: stay, namespace: default}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: stay}}\n  template:\n    metadata: {labels: {app: stay}}\n    spec:\n      nodeSelector: {kubernetes.io/hostname: NODE}\n      terminationGracePeriodSeconds: 1\n      containers:\n      - {name: stay, image: 'docker.io/library/answer:1', imagePullPolicy: Never}\n---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: stay, namespace: default}\nspec:\n  minAvailable: 1\n  selector: {matchLabels: {app: stay}}\n";

/// The same nodes, labels and versions as kubectl sees.
pub(crate) fn listed(stage: &Stage) {
    let told = stage.operator.document(&["node", "list"]);
    assert_eq!((&told["voters"], &told["needed"]), (&json!(3), &json!(2)), "{told}");
    let lines = told["nodes"].as_array().unwrap();
    let seen = nodes(&stage.operator);
    assert_eq!(lines.len(), seen.len());
    for (number, node) in seen.iter().enumerate() {
        let line = lines.iter().find(|line| line["node"] == node.name.as_str()).unwrap();
        assert_eq!(line["name"], format!("node-{}", number + 1), "{told}");
        assert_eq!(line["address"], stage.server(number + 1).ipv4(), "{told}");
        assert!(line["ready"] == true && line["voter"] == true && line["closed"] == false, "{told}");
        assert_eq!(line["version"], node.version.as_str(), "{told}");
    }
    let pods = stage.operator.kubectl(&["get", "pods", "-A", "-o", "name"]).code(0).stdout.lines().count();
    let counted: u64 = lines.iter().filter_map(|line| line["pods"].as_u64()).sum();
    assert_eq!(usize::try_from(counted).unwrap(), pods, "{told}");
}

fn pods_on(stage: &Stage, number: usize) -> Vec<String> {
    let field = format!("spec.nodeName=box-{number}");
    let ran =
        stage.operator.kubectl(&["get", "pods", "-A", "-o", "json", "--field-selector", &field]).code(0);
    let list: Value = serde_json::from_str(&ran.stdout).unwrap();
    let name = |pod: &Value| pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    list["items"].as_array().unwrap().iter().map(name).collect()
}

/// What stands in the way is named; then everything goes, the worker too.
pub(crate) fn drained(stage: &Stage, log: &WorkerLog) {
    let operator = &stage.operator;
    let home = home_of_the_worker(operator);
    let (node, server) = (format!("box-{home}"), format!("node-{home}"));
    operator.apply(&STAY.replace("NODE", &node));
    until("the pod of the budget runs", || {
        let ran = operator.kubectl(&["wait", "deployment/stay", "--for=condition=Available", "--timeout=1s"]);
        if ran.code == 0 { Ok(()) } else { Err(ran.said()) }
    });
    let blocked = operator.honey(&["node", "drain", &server, "--timeout", "5s"]).code(1);
    assert!(blocked.said().contains("HNY0844") && blocked.said().contains("stay"), "{}", blocked.said());
    operator.kubectl(&["delete", "deployment/stay", "pdb/stay"]).code(0);

    let lives = log.never_two();
    let drained = operator.document(&["node", "drain", &server]);
    assert_eq!(drained["node"], server.as_str(), "{drained}");
    let left = pods_on(stage, home);
    assert!(left.is_empty(), "{left:?}");
    assert_ne!(home_of_the_worker(operator), home);
    until("the worker writes again", || if log.grows() { Ok(()) } else { Err("silence".to_owned()) });
    // The drain that a budget stopped had moved it already.
    assert_eq!((log.never_two(), lives), (2, 2));
    assert!(operator.honey(&["node", "uncordon", &server]).code(0).said().contains("takes pods again"));
    operator.honey(&["plan", "--detailed-exitcode"]).code(0);
}

/// By ssh: gone, back, counted again; another one may not go meanwhile.
pub(crate) fn restarted(stage: &Stage, log: &WorkerLog) {
    let operator = &stage.operator;
    let home = home_of_the_worker(operator);
    // Not the one that kubectl asks.
    let (other, server) = (if home == 3 { 2 } else { 3 }, format!("node-{home}"));
    let boot = |number: usize| stage.server(number).must("cut -d' ' -f22 /proc/1/stat").unwrap();
    let before = boot(home);
    stage.server(other).power_off().unwrap();
    until("a node is missed", || {
        let list = nodes(operator);
        if list.iter().filter(|node| node.ready).count() == 2 { Ok(()) } else { Err(format!("{list:?}")) }
    });
    let refused = operator.honey(&["node", "reboot", &server, "--yes"]).code(1);
    assert!(refused.said().contains("HNY0843"), "{}", refused.said());
    assert_eq!(boot(home), before, "nothing was done");
    stage.server(other).power_on().unwrap();
    whole(stage);

    let done = operator.document(&["node", "reboot", &server, "--yes"]);
    assert_eq!((&done["by"], &done["singletons"]), (&json!("ssh"), &json!(["Deployment/worker"])), "{done}");
    assert_ne!(boot(home), before, "the machine has restarted");
    whole(stage);
    let told = operator.document(&["node", "list"]);
    assert!(told["nodes"].as_array().unwrap().iter().all(|line| line["closed"] == false), "{told}");
    assert_eq!(log.never_two(), 3);
    until("the worker writes again", || if log.grows() { Ok(()) } else { Err("silence".to_owned()) });
}

/// A server is dead for good; a machine with an empty disk takes its place.
pub(crate) fn replaced(stage: &Stage, log: &WorkerLog, number: usize) {
    let operator = &stage.operator;
    let (witness, server) = (stage.server(number % 3 + 1), format!("node-{number}"));
    stage.server(number).power_off().unwrap();
    let before = members(witness);
    empty_disk(stage, number);
    // Nobody can tell that a machine that does not answer is off.
    let replace = ["node", "replace", &server, "--confirm", &server];
    until("the node is missed", || {
        let ran = operator.honey(&replace);
        if ran.code != 0 && ran.said().contains("HNY0853") { Ok(()) } else { Err(ran.said()) }
    });
    stage.server(number).power_on().unwrap();
    operator.honey(&replace).code(0);
    whole(stage);
    let after = members(witness);
    let kept = after.iter().filter(|member| before.contains(member)).count();
    assert!(after.len() == 3 && kept == 2, "{before:?} {after:?}");
    until("the worker writes again", || if log.grows() { Ok(()) } else { Err("silence".to_owned()) });
    log.never_two();
    let alive = operator.honey(&replace).code(1);
    assert!(alive.said().contains("HNY0852"), "{}", alive.said());
}

/// A machine comes back with an empty disk and its node was deleted by hand:
/// `honey apply` alone makes it another member.
pub(crate) fn built_again(stage: &Stage, log: &WorkerLog) {
    let operator = &stage.operator;
    let before = members(stage.server(1));
    stage.server(3).power_off().unwrap();
    empty_disk(stage, 3);
    operator.kubectl(&["delete", "node", "box-3"]).code(0);
    stage.server(3).power_on().unwrap();
    operator.honey(&["apply", "--yes"]).code(0);
    whole(stage);
    let after = members(stage.server(1));
    let kept = after.iter().filter(|member| before.contains(member)).count();
    assert!(after.len() == 3 && kept == 2, "{before:?} {after:?}");
    until("the worker writes again", || if log.grows() { Ok(()) } else { Err("silence".to_owned()) });
    log.never_two();
}
