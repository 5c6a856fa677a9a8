//! The machines of a cluster as Kubernetes and etcd see them.

use std::fmt::Write as _;

use honey_model::text::visible;
use serde::Serialize;

use crate::{Role, Theme, table};

/// One server.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Node {
    /// `node-1`; empty for a node that belongs to no machine of ours.
    pub name: String,
    /// Its name in Kubernetes.
    pub node: String,
    /// Where it is reached.
    pub address: String,
    /// Whether it is Ready; none where nobody could ask.
    pub ready: Option<bool>,
    /// Whether it takes no new pods.
    pub closed: bool,
    /// Whether its etcd member votes.
    pub voter: Option<bool>,
    /// Its k3s release.
    pub version: String,
    /// Pods on it.
    pub pods: usize,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Nodes {
    /// The instance.
    pub instance: String,
    /// In order.
    pub nodes: Vec<Node>,
    /// Etcd members that work.
    pub voters: usize,
    /// Etcd members that have to work.
    pub needed: usize,
    /// Why nobody could be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<String>,
}

impl Nodes {
    /// For people.
    pub fn human(&self, theme: &Theme) -> String {
        let rows = self.nodes.iter().map(|node| {
            let state = match (node.ready, node.node.is_empty()) {
                (None, _) => "unknown".to_owned(),
                (_, true) => "no node".to_owned(),
                (Some(ready), _) => {
                    let ready = if ready { "ready" } else { "NOT READY" };
                    if node.closed { format!("{ready}, closed") } else { ready.to_owned() }
                }
            };
            let etcd = match node.voter {
                Some(true) => "etcd voter",
                Some(false) => "etcd learner",
                None => "",
            };
            vec![
                visible(if node.name.is_empty() { "(not ours)" } else { &node.name }, 60),
                visible(&node.node, 60),
                visible(&node.address, 60),
                state,
                etcd.to_owned(),
                visible(&node.version, 40),
                format!("{} pods", node.pods),
            ]
        });
        let mut text = table::columns(&rows.collect::<Vec<_>>(), 0, theme);
        let role = match self.voters.cmp(&self.needed) {
            std::cmp::Ordering::Greater => Role::Good,
            std::cmp::Ordering::Equal => Role::Warning,
            std::cmp::Ordering::Less => Role::Bad,
        };
        let spare = match self.voters.checked_sub(self.needed) {
            None => "etcd has no majority: the API takes no changes".to_owned(),
            Some(0) => format!("etcd has {} voters and needs {}: no server may go", self.voters, self.needed),
            Some(spare) => {
                format!("etcd has {} voters and needs {}: {spare} may go", self.voters, self.needed)
            }
        };
        let _ = writeln!(text, "{}", theme.paint(role, &spare));
        if let Some(why) = &self.unreachable {
            let _ = writeln!(text, "{} {}", theme.paint(Role::Bad, "✗"), visible(why, 300));
        }
        text
    }
}
