//! What kubectl and etcdctl, not honey, say about the cluster.

use honey_boxes::TestBox;
use serde_json::Value;

use crate::{PARTS, operator::Operator, stage::until};

/// One node as kubectl shows it.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Version of its kubelet.
    pub version: String,
    /// Whether it is Ready.
    pub ready: bool,
    /// Whether k3s says that its member votes.
    pub voter: bool,
    /// Its labels.
    pub labels: Value,
}

/// All nodes, by name.
///
/// # Panics
/// When kubectl fails for a very long time: a server that has just come back may refuse at first.
pub fn nodes(operator: &Operator) -> Vec<Node> {
    let mut text = String::new();
    until("kubectl lists the nodes", || {
        let ran = operator.kubectl(&["get", "nodes", "-o", "json"]);
        if ran.code != 0 {
            return Err(ran.said());
        }
        text = ran.stdout;
        Ok(())
    });
    let list: Value = serde_json::from_str(&text).expect("JSON");
    let condition = |node: &Value, name: &str| {
        let all = node["status"]["conditions"].as_array().cloned().unwrap_or_default();
        all.iter().any(|one| one["type"] == name && one["status"] == "True")
    };
    let mut found: Vec<Node> = list["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|node| Node {
            name: node["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            version: node["status"]["nodeInfo"]["kubeletVersion"].as_str().unwrap_or_default().to_owned(),
            ready: condition(node, "Ready"),
            voter: condition(node, "EtcdIsVoter"),
            labels: node["metadata"]["labels"].clone(),
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// A member of etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name: the node's, and something random.
    pub name: String,
    /// Whether it does not vote yet.
    pub learner: bool,
}

/// The members, asked in one box.
///
/// # Panics
/// When etcd does not answer there.
pub fn members(server: &TestBox) -> Vec<Member> {
    let text = server.must(&etcdctl("member list -w json")).expect("etcd answers");
    let list: Value = serde_json::from_str(&text).expect("JSON");
    let mut found: Vec<Member> = list["members"]
        .as_array()
        .expect("members")
        .iter()
        .map(|one| Member {
            name: one["name"].as_str().unwrap_or_default().to_owned(),
            learner: one["isLearner"] == true,
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// A call of etcdctl for the shell of a box.
pub fn etcdctl(arguments: &str) -> String {
    let tls = "/var/lib/rancher/k3s/server/tls/etcd";
    format!(
        "{PARTS}/etcdctl --endpoints https://127.0.0.1:2379 --cacert {tls}/server-ca.crt \
         --cert {tls}/client.crt --key {tls}/client.key {arguments}"
    )
}

/// Runs a pod that answers HTTP on every node; gives back node and pod address.
///
/// # Panics
/// When they do not come up.
pub fn answering_pods(operator: &Operator, count: usize) -> Vec<(String, String)> {
    operator.apply(
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: answer, namespace: default}\nspec:\n  \
         selector: {matchLabels: {app: answer}}\n  template:\n    metadata: {labels: {app: answer}}\n    spec:\n      \
         terminationGracePeriodSeconds: 1\n      containers:\n      - {name: answer, image: 'docker.io/library/answer:1', imagePullPolicy: Never}\n",
    );
    let mut found = Vec::new();
    until("a running pod on every node", || {
        let text = operator.kubectl(&["get", "pods", "-l", "app=answer", "-o", "json"]).code(0).stdout;
        let list: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        found = list["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|pod| pod["status"]["phase"] == "Running")
            .map(|pod| {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                (text(&pod["spec"]["nodeName"]), text(&pod["status"]["podIP"]))
            })
            .collect();
        found.sort();
        if found.len() == count { Ok(()) } else { Err(format!("{found:?}")) }
    });
    found
}
