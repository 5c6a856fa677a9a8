//! `honey node list`: every server with its machine, its node and its etcd member.

use honey_model::{Address, Fault};
use serde::Serialize;
use serde_json::Value;

use super::{Nodes, condition, denies};
use crate::{FlowError, Session, phase::servers::servers};

/// One server.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Line {
    /// `node-1`; empty for a node that belongs to no machine of ours.
    pub name: String,
    /// Its name in Kubernetes; empty where it has no node.
    pub node: String,
    /// Where it is reached.
    pub address: String,
    /// Whether it is Ready; none where nobody could ask.
    pub ready: Option<bool>,
    /// Whether it takes no new pods.
    pub closed: bool,
    /// Whether its etcd member votes; none where it has none or nobody could ask.
    pub voter: Option<bool>,
    /// Its k3s release.
    pub version: String,
    /// Pods on it.
    pub pods: usize,
}

/// All servers, and why the cluster could not be asked.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// In order.
    pub nodes: Vec<Line>,
    /// Etcd members that work.
    pub voters: usize,
    /// Etcd members that have to work.
    pub needed: usize,
    /// The cluster did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<Fault>,
}

/// Looks.
pub async fn list(session: &Session, instance: &str) -> Result<Listed, FlowError> {
    let nodes = match Nodes::look(session, instance).await {
        Ok(nodes) => nodes,
        Err(FlowError::Fault(fault)) => return unreachable(session, instance, fault).await,
        Err(other) => return Err(other),
    };
    let context = session.reading(&Address::of(&[instance, "node", "all"]));
    let pods = nodes.cluster.list(&context, "v1", "Pod", None, "").await?;
    let mut lines: Vec<Line> = Vec::new();
    let mut seen = Vec::new();
    for server in &nodes.servers {
        let node = nodes.of(server);
        seen.extend(node.kubernetes.clone());
        let mut line = line(&node.object, &pods);
        line.name.clone_from(&server.name);
        line.address = server.machine.ipv4.clone().unwrap_or_else(|| server.target.address.clone());
        lines.push(line);
    }
    for object in &nodes.all {
        if object["metadata"]["name"].as_str().is_some_and(|name| !seen.iter().any(|known| known == name)) {
            lines.push(line(object, &pods));
        }
    }
    let members = lines.iter().filter(|line| line.voter.is_some()).count();
    let voters = lines.iter().filter(|line| line.voter == Some(true) && line.ready == Some(true)).count();
    Ok(Listed { nodes: lines, voters, needed: members / 2 + 1, unreachable: None })
}

async fn unreachable(session: &Session, instance: &str, fault: Fault) -> Result<Listed, FlowError> {
    let servers = servers(session, instance).await?;
    let line = |server: &crate::phase::servers::Server| Line {
        name: server.name.clone(),
        address: server.machine.ipv4.clone().unwrap_or_else(|| server.target.address.clone()),
        ..Line::default()
    };
    let nodes: Vec<Line> = servers.iter().map(line).collect();
    let needed = nodes.len() / 2 + 1;
    Ok(Listed { nodes, voters: 0, needed, unreachable: Some(fault) })
}

fn line(object: &Value, pods: &[Value]) -> Line {
    let text = |value: &Value| honey_model::text::visible(value.as_str().unwrap_or_default(), 253);
    let node = text(&object["metadata"]["name"]);
    if node.is_empty() {
        return Line::default();
    }
    let etcd = object["metadata"]["labels"]["node-role.kubernetes.io/etcd"] == "true";
    let here = pods.iter().filter(|pod| {
        pod["spec"]["nodeName"] == object["metadata"]["name"]
            && !matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
    });
    Line {
        name: String::new(),
        address: text(&object["status"]["addresses"][0]["address"]),
        ready: Some(condition(object, "Ready")),
        closed: object["spec"]["unschedulable"] == true,
        voter: etcd.then(|| !denies(object, "EtcdIsVoter")),
        version: text(&object["status"]["nodeInfo"]["kubeletVersion"]),
        pods: here.count(),
        node,
    }
}
