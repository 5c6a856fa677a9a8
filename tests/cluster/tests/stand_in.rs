//! The stand-in for k3s itself, without honey: it takes what k3s takes and
//! refuses what k3s refuses, so that what honey's other tests show counts.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{path::Path, process::Command};

use honey_boxes::TestBox;
use honey_cluster_tests::{
    RELEASES, Stage,
    cluster::{etcdctl, members},
    stage::until,
};
use serde_json::Value;

/// What its programs do alone: flags, files, tokens, what must be the same on all servers.
#[test]
fn its_own_parts_hold() {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../k3s");
    let ran = Command::new("go").args(["test", "./internal/..."]).current_dir(module).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(ran.status.success(), "{}{}", text(&ran.stdout), text(&ran.stderr));
}

/// The installer, as an operator would run it.
fn install(server: &TestBox, settings: &str, words: &str) -> honey_boxes::Ended {
    let release = RELEASES[0];
    server
        .shell(&format!(
            "curl -sfL https://get.k3s.io | INSTALL_K3S_VERSION={release} {settings} sh -s - {words}"
        ))
        .unwrap()
}

fn kubectl(server: &TestBox, words: &str) -> String {
    server.must(&format!("k3s kubectl {words}")).unwrap_or_else(|error| panic!("{error}"))
}

fn node(server: &TestBox, name: &str) -> Value {
    let text = kubectl(server, &format!("get node {name} --ignore-not-found -o json"));
    serde_json::from_str(&text).unwrap_or_default()
}

fn ready(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|one| one["type"] == "Ready" && one["status"] == "True")
}

/// A start that ends by itself; gives back what it said.
fn refused(server: &TestBox, words: &str) -> String {
    let ran = server.shell(&format!("timeout 60 k3s {words} 2>&1")).unwrap();
    assert!(!ran.ok() && ran.code != Some(124), "`k3s {words}` was not refused: {}", ran.text());
    ran.text()
}

#[test]
fn servers_and_agents_join_as_with_k3s_or_not_at_all() {
    let stage = Stage::up(3);
    let (first, second, third) = (stage.server(1), stage.server(2), stage.server(3));
    let common = "--flannel-backend wireguard-native --secrets-encryption";
    let started = install(first, "", &format!("server --cluster-init {common}"));
    assert!(started.ok(), "{}", started.text());
    until("the first server is Ready", || {
        if ready(&node(first, "box-1")) { Ok(()) } else { Err("not yet".into()) }
    });
    let token = first.must("cat /var/lib/rancher/k3s/server/node-token").unwrap().trim().to_owned();
    let url = format!("https://{}:6443", first.ipv4());
    assert!(install(second, "INSTALL_K3S_SKIP_START=true INSTALL_K3S_SKIP_ENABLE=true", "server").ok());

    // Unknown flags, wrong tokens, what differs: nothing of it gets in, or leaves a member behind.
    let unknown = refused(second, "server --no-such-flag");
    assert!(unknown.contains("flag provided but not defined: -no-such-flag"), "{unknown}");
    let joining = format!("server --server {url}");
    let wrong = refused(second, &format!("{joining} {common} --token wrong"));
    assert!(wrong.contains("401 Unauthorized"), "{wrong}");
    let (authority, rest) = token.split_at(10);
    let digit = if authority.ends_with('0') { "1" } else { "0" };
    let stranger = format!("{}{digit}{rest}", &authority[..9]);
    let mistaken = refused(second, &format!("{joining} {common} --token {stranger}"));
    assert!(mistaken.contains("does not match the Cluster CA certificate hash"), "{mistaken}");
    let none = refused(second, &joining);
    assert!(none.contains("--token is required"), "{none}");
    for other in [
        "--flannel-backend wireguard-native",
        "--secrets-encryption",
        "--flannel-backend wireguard-native --secrets-encryption --disable servicelb",
        "--flannel-backend wireguard-native --secrets-encryption --cluster-cidr 10.52.0.0/16",
    ] {
        let differs = refused(second, &format!("{joining} --token {token} {other}"));
        assert!(differs.contains("critical configuration value mismatch"), "{other}: {differs}");
    }
    assert_eq!(members(first).len(), 1, "nobody came in");

    // A learner until it has the log: it does not get it while etcd's port is closed.
    second.must("iptables -I INPUT -p tcp --dport 2380 -j DROP").unwrap();
    let settings = format!("K3S_TOKEN={token} INSTALL_K3S_SKIP_START=true");
    assert!(install(second, &settings, &format!("{joining} {common}")).ok());
    second.must("systemctl start --no-block k3s").unwrap();
    until("the second server is a learner", || {
        let list = members(first);
        if list.len() == 2 && list.iter().any(|member| member.learner) {
            Ok(())
        } else {
            Err(format!("{list:?}"))
        }
    });
    let status = first.must(&etcdctl("endpoint status --cluster -w json")).unwrap_or_default();
    assert!(node(first, "box-2").is_null(), "no node before its member votes: {status}");
    second.must("iptables -D INPUT -p tcp --dport 2380 -j DROP").unwrap();
    until("the second server votes", || {
        let list = members(first);
        if list.len() == 2 && list.iter().all(|member| !member.learner) {
            Ok(())
        } else {
            Err(format!("{list:?}"))
        }
    });
    until("its node is Ready", || if ready(&node(first, "box-2")) { Ok(()) } else { Err("not yet".into()) });

    // An agent: no member, a node that runs pods. Its token is checked like a server's.
    let bad = install(third, "INSTALL_K3S_SKIP_START=true INSTALL_K3S_SKIP_ENABLE=true", "agent");
    assert!(bad.ok(), "{}", bad.text());
    // Like k3s's, an agent goes on asking; it is never let in.
    let wrong = third.shell(&format!("timeout 8 k3s agent --server {url} --token wrong 2>&1")).unwrap();
    assert!(wrong.code == Some(124) && wrong.text().contains("401 Unauthorized"), "{}", wrong.text());
    assert!(node(first, "box-3").is_null());
    let flag = refused(third, "agent --cluster-init");
    assert!(flag.contains("flag provided but not defined: -cluster-init"), "{flag}");
    let agent = install(third, &format!("K3S_URL={url} K3S_TOKEN={token}"), "");
    assert!(agent.ok(), "{}", agent.text());
    third.must("systemctl is-active k3s-agent").unwrap();
    until("the agent is Ready", || if ready(&node(first, "box-3")) { Ok(()) } else { Err("not yet".into()) });
    let labels = node(first, "box-3")["metadata"]["labels"].clone();
    assert!(labels["node-role.kubernetes.io/etcd"].is_null(), "{labels}");
    assert_eq!(members(first).len(), 2);
    let run = "run probe --image=docker.io/library/answer:1 --image-pull-policy=Never --overrides='{\"spec\":{\"nodeName\":\"box-3\"}}'";
    kubectl(first, run);
    until("a pod answers on the agent", || {
        let address = kubectl(first, "get pod probe -o jsonpath={.status.podIP}");
        match third.must(&format!("curl -sS --max-time 5 http://{}:8080/", address.trim())) {
            Ok(said) if said.trim() == "probe" => Ok(()),
            other => Err(format!("{address}: {other:?}")),
        }
    });
    // Another machine under a name that is taken is refused: it lacks that node's password.
    third.must("systemctl stop k3s-agent && rm -rf /etc/rancher/node").unwrap();
    third.must("systemctl start k3s-agent").unwrap();
    until("the other machine is told off", || {
        let log = third.must("journalctl -u k3s-agent -o cat").map_err(|error| error.to_string())?;
        if log.contains("Node password rejected, duplicate hostname") { Ok(()) } else { Err(log) }
    });
}
