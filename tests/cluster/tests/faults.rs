//! What can be in the way of a build: it is said, nothing is broken, and the
//! same run goes on once the cause is gone.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use honey_cluster_tests::{
    Operator, RELEASES, Stage,
    cluster::{members, nodes},
    stage::until,
};

/// One server instead of the guide's three.
fn alone(operator: &Operator) {
    operator.edit("servers = 3", "servers = 1");
    operator.edit("    { address = \"server-2\", user = \"ubuntu\" },\n", "");
    operator.edit("    { address = \"server-3\", user = \"ubuntu\" },\n", "");
}

#[test]
fn a_taken_port_is_told_and_a_resume_finishes() {
    let stage = Stage::up(1);
    let (operator, server) = (&stage.operator, stage.server(1));
    alone(operator);
    server.must("systemd-run --quiet --unit=squatter python3 -m http.server 6443").unwrap();
    let ran = operator.honey(&["apply", "--yes"]);
    assert!(ran.code != 0 && ran.said().contains("HNY05"), "{}", ran.said());
    assert!(ran.said().contains("6443"), "{}", ran.said());
    server.must("systemctl stop squatter").unwrap();
    // Refused while it was planned, there is no run to resume.
    let resumed = operator.honey(&["apply", "--resume"]);
    assert!(resumed.code == 0 || resumed.said().contains("HNY0384"), "{}", resumed.said());
    operator.honey(&["apply", "--yes"]).code(0);
    assert!(nodes(operator).iter().all(|node| node.ready));

    // The serving certificate names what it must and nothing else.
    let (inside, _) = stage.boxes.operator();
    let names = server.must("openssl s_client -connect 127.0.0.1:6443 </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName").unwrap();
    let has =
        |address: &str| names.split([',', '\n']).any(|name| name.trim() == format!("IP Address:{address}"));
    assert!(has(server.ipv4()) && !has(&inside), "{names}");
}

#[test]
fn a_link_cut_between_two_joins_ends_in_a_whole_cluster() {
    let stage = Stage::up(3);
    let operator = &stage.operator;
    let running = operator.begin(&["apply", "--yes"]);
    // The second server has just been added, as one that does not vote.
    until("the second member is there", || {
        let text = stage.server(1).must(&honey_cluster_tests::cluster::etcdctl("member list -w json"));
        let text = text.map_err(|error| error.to_string())?;
        if text.matches("\"ID\"").count() >= 2 { Ok(()) } else { Err(text) }
    });
    stage.server(2).cut().unwrap();
    let ended = Operator::end(running);
    assert_ne!(ended.code, 0, "{}", ended.said());
    stage.server(2).heal().unwrap();
    operator.honey(&["apply", "--resume"]).code(0);
    let nodes = nodes(operator);
    assert!(
        nodes.len() == 3 && nodes.iter().all(|node| node.ready && node.version == RELEASES[0]),
        "{nodes:#?}"
    );
    let members = members(stage.server(3));
    assert!(members.len() == 3 && members.iter().all(|member| !member.learner), "{members:#?}");
}
