//! From three bare boxes to a cluster, with the guide's own configuration file.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use honey_boxes::Image;
use honey_cluster_tests::{
    RELEASES, Stage,
    cluster::{answering_pods, members, nodes},
};

#[test]
fn three_bare_boxes_become_a_cluster() {
    let stage = Stage::with(3, Image::Bare);
    let operator = &stage.operator;
    operator.honey(&["apply", "--yes"]).code(0);

    // kubectl, not honey, about nodes, labels and versions.
    let nodes = nodes(operator);
    assert_eq!(nodes.len(), 3, "{nodes:#?}");
    for node in &nodes {
        assert!(node.ready && node.voter && node.version == RELEASES[0], "{node:#?}");
    }
    let labelled: Vec<_> = nodes.iter().filter(|node| node.labels["honeydue/redis"] == "true").collect();
    assert_eq!(labelled.len(), 1, "{nodes:#?}");
    assert_eq!(labelled[0].name, stage.server(1).must("uname -n").unwrap().trim());

    // etcdctl about etcd, in every box.
    let first = members(stage.server(1));
    assert!(first.len() == 3 && first.iter().all(|member| !member.learner), "{first:#?}");
    assert_eq!(members(stage.server(3)), first);

    // A pod on each node, answering on each node.
    let pods = answering_pods(operator, 3);
    for server in stage.boxes.iter() {
        for (node, address) in &pods {
            let said = server.must(&format!("curl -sS --max-time 20 http://{address}:8080/"));
            assert!(said.is_ok_and(|name| name.starts_with("answer-")), "{} to {node}", server.name());
        }
    }

    // Secrets lie encrypted in etcd.
    operator.kubectl(&["create", "secret", "generic", "probe", "--from-literal=key=plain-canary"]).code(0);
    let etcd = honey_cluster_tests::cluster::etcdctl("get /registry/secrets/default/probe");
    let stored = stage.server(2).must(&etcd).unwrap();
    assert!(stored.contains("k8s:enc:aescbc") && !stored.contains("plain-canary"), "{stored}");

    // Nothing is left to do.
    operator.honey(&["plan", "--detailed-exitcode"]).code(0);
}
