//! `honey node`: the machines of a cluster as Kubernetes and etcd see them
//! (runbook 8). One action, one file.

pub mod drain;
mod evict;
pub mod list;
pub mod pods;
pub mod reboot;
pub mod replace;
pub(crate) mod singleton;
pub mod uncordon;

pub(crate) use evict::{Evicting, evict};
pub(crate) use reboot::power_control;
pub(crate) use replace::node_object;

use std::sync::Arc;

use honey_model::{Address, Diagnostic, Fault};
use honey_ports::{CallContext, cluster::Cluster};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    FlowError, Session,
    action::status::connect,
    kind::connect::Machine,
    phase::servers::{Server, called, servers},
};

/// What a run of these is about; stands in its journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    /// The instance.
    pub(crate) instance: String,
    /// The server, `node-2`.
    pub(crate) node: String,
}

impl About {
    /// The command that goes on with a run of this kind.
    fn command(&self, verb: &str) -> String {
        format!("honey node {verb} {} --provider {}", self.node, self.instance)
    }
}

/// A cluster's API, with how it is called.
#[derive(Clone, Copy)]
pub(crate) struct Api<'a> {
    pub(crate) cluster: &'a dyn Cluster,
    pub(crate) context: &'a CallContext,
}

/// A node with what is known of it.
struct Node {
    server: Server,
    /// Its name in Kubernetes; none where it has no node.
    kubernetes: Option<String>,
    /// As the API has it; null where it has no node.
    object: Value,
}

impl Node {
    fn ready(&self) -> bool {
        condition(&self.object, "Ready")
    }

    fn closed(&self) -> bool {
        self.object["spec"]["unschedulable"] == true
    }

    /// The name in Kubernetes, or a refusal that says that there is none.
    fn known(&self) -> Result<&str, FlowError> {
        self.kubernetes.as_deref().ok_or_else(|| {
            let text = format!("the cluster has no node for {}", self.server.name);
            let help = "bring it in: `honey apply`; or replace it: `honey node replace`";
            FlowError::refused(Diagnostic::error("HNY0842", text).with_help(help))
        })
    }
}

/// A cluster with all its nodes.
struct Nodes {
    cluster: Arc<dyn Cluster>,
    context: CallContext,
    all: Vec<Value>,
    servers: Vec<Server>,
}

impl Nodes {
    /// Looks. Fails where the API does not answer.
    async fn look(session: &Session, instance: &str) -> Result<Self, FlowError> {
        let servers = servers(session, instance).await?;
        let cluster = connect(session, instance).await?;
        let context = session.reading(&Address::of(&[instance, "node", "all"]));
        let all = cluster.list(&context, "v1", "Node", None, "").await?;
        Ok(Self { cluster, context, all, servers })
    }

    fn api(&self) -> Api<'_> {
        Api { cluster: self.cluster.as_ref(), context: &self.context }
    }

    /// Looks at the nodes again.
    async fn again(&mut self) -> Result<(), Fault> {
        self.all = self.cluster.list(&self.context, "v1", "Node", None, "").await?;
        Ok(())
    }

    /// The node of a server.
    fn object_of(&self, server: &Server) -> Option<&Value> {
        self.all.iter().find(|node| is_node_of(node, &server.machine))
    }

    fn of(&self, server: &Server) -> Node {
        let object = self.object_of(server).cloned().unwrap_or_default();
        let kubernetes = object["metadata"]["name"].as_str().map(str::to_owned);
        Node { server: server.clone(), kubernetes, object }
    }

    /// The one that an operator means.
    fn called(&self, given: &str) -> Result<Node, FlowError> {
        let server = called(&self.servers, given, |server| self.of(server).kubernetes)?;
        Ok(self.of(server))
    }

    /// Whether any node takes new pods.
    fn any_takes_pods(&self) -> bool {
        self.all.iter().any(takes_pods)
    }

    /// How many etcd members there are, and how many would still work without this node.
    fn quorum_without(&self, node: &Node) -> (usize, usize) {
        quorum_without(&self.all, node.kubernetes.as_deref())
    }

    /// Refuses what would leave etcd without a majority, unless the operator wants that.
    fn keep_quorum(&self, node: &Node, consent: bool) -> Result<(), FlowError> {
        let (members, left) = self.quorum_without(node);
        if members == 0 || left * 2 > members || consent {
            return Ok(());
        }
        let text = format!(
            "without {} {left} of {members} etcd members are left, which is no majority: the API would stop",
            node.server.name
        );
        let help = "mend the other servers first (`honey node list`); `--allow-quorum-loss` does it all the same, \
                    the API is away until the server is back";
        Err(FlowError::refused(Diagnostic::error("HNY0843", text).with_help(help)))
    }
}

/// Whether a node takes new pods.
pub(crate) fn takes_pods(node: &Value) -> bool {
    condition(node, "Ready") && node["spec"]["unschedulable"] != true
}

/// How many etcd members there are, and how many of them work beside the one of this name.
pub(crate) fn quorum_without(nodes: &[Value], name: Option<&str>) -> (usize, usize) {
    let etcd = |one: &&Value| one["metadata"]["labels"]["node-role.kubernetes.io/etcd"] == "true";
    let works = |one: &&Value| condition(one, "Ready") && !denies(one, "EtcdIsVoter");
    let others = |one: &&Value| one["metadata"]["name"].as_str() != name;
    let members = nodes.iter().filter(etcd);
    (members.clone().count(), members.filter(works).filter(others).count())
}

/// Whether a node is a machine's: by any of its addresses.
pub(crate) fn is_node_of(node: &Value, machine: &Machine) -> bool {
    let own = [&machine.ipv4, &machine.ipv6, &machine.private_ipv4];
    let addresses = node["status"]["addresses"].as_array().into_iter().flatten();
    addresses
        .filter_map(|one| one["address"].as_str())
        .any(|address| own.iter().any(|known| known.as_deref() == Some(address)))
}

/// Whether a condition holds.
pub(crate) fn condition(object: &Value, name: &str) -> bool {
    status_of(object, name) == Some("True")
}

/// Whether a condition is there and does not hold.
pub(crate) fn denies(object: &Value, name: &str) -> bool {
    status_of(object, name) == Some("False")
}

fn status_of<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object["status"]["conditions"].as_array()?.iter().find(|one| one["type"] == name)?["status"].as_str()
}
