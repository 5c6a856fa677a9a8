//! One server as it is wanted. Pure.

use honey_model::{Address, Digest, Secret};
use honey_ports::{
    CallContext,
    host::{Facts, HostTarget, K3sBinary},
};
use serde::Deserialize;

use super::{
    super::connect::{MARK_PATH, Machine, SshSettings},
    config::{Entry, Settings, inner_address, render},
};

#[derive(Deserialize)]
pub(super) struct Desired {
    pub(super) machine: Option<Machine>,
    #[serde(default)]
    pub(super) ssh: SshSettings,
    /// Outputs of all servers' machines, this one's included, in order.
    pub(super) servers: Vec<Option<Machine>>,
    /// This server's place among them.
    pub(super) index: usize,
    pub(super) version: String,
    pub(super) source: K3sBinary,
    pub(super) settings: Settings,
    /// The secret that holds the join token.
    pub(super) token: String,
    /// The secret that holds the kubeconfig, once there is one.
    pub(super) kubeconfig: Option<String>,
    /// The machine stays when the cluster goes.
    #[serde(default)]
    pub(super) machine_stays: bool,
    /// Hosts get names of their own before k3s comes.
    #[serde(default)]
    pub(super) hosts_named: bool,
}

/// Another server of the cluster.
pub(super) struct Peer<'a> {
    pub(super) index: usize,
    pub(super) machine: &'a Machine,
    pub(super) target: HostTarget,
}

impl Desired {
    pub(super) fn target(&self) -> Option<HostTarget> {
        self.machine.as_ref().and_then(|machine| machine.target(&self.ssh))
    }

    /// The other servers whose machines are known, in order.
    pub(super) fn peers(&self) -> Vec<Peer<'_>> {
        let own = self.target();
        let known = self.servers.iter().enumerate().filter(|(index, _)| *index != self.index);
        known
            .filter_map(|(index, machine)| {
                let machine = machine.as_ref()?;
                Some(Peer { index, machine, target: machine.target(&self.ssh)? })
            })
            .filter(|peer| own.as_ref() != Some(&peer.target))
            .collect()
    }

    /// Every server's public and inner address; none while one is not known.
    fn sans(&self) -> Option<Vec<String>> {
        let mut all = Vec::new();
        for server in &self.servers {
            let server = server.as_ref()?;
            all.push(server.ipv4.clone()?);
            all.extend(server.private_ipv4.clone());
        }
        all.dedup();
        Some(all)
    }

    /// The configuration file of a way in; none while it cannot be known.
    pub(super) fn config(&self, entry: &Entry<'_>) -> Option<Secret> {
        Some(render(&self.settings, self.machine.as_ref()?, entry, &self.sans()?))
    }

    /// Every configuration file that is as wanted: through which server it once
    /// came in makes no difference. Empty while none can be known.
    pub(super) fn acceptable(&self, token: Option<&Secret>) -> Vec<Secret> {
        let mut all = Vec::new();
        if self.index == 0 {
            all.extend(self.config(&Entry::Initialise));
        }
        if let Some(token) = token {
            for peer in self.peers() {
                let join = inner_address(peer.machine).map(|address| Entry::Join { address, token });
                all.extend(join.and_then(|join| self.config(&join)));
            }
        }
        all
    }
}

/// What a host is marked with: whose cluster, which server.
pub(super) fn mark(context: &CallContext, index: usize) -> String {
    format!("{} node-{}\n", context.owner, index + 1)
}

/// What honey calls a server, from its address.
pub(super) fn shown(address: &Address) -> &str {
    address.as_str().rsplit('/').next().unwrap_or_default()
}

/// More servers than any cluster of these ever had.
const LARGEST: usize = 16;

/// Whose a host's mark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    /// The server at this place of this cluster.
    Server(usize),
    Other,
}

pub(super) fn mark_of(context: &CallContext, facts: &Facts, servers: usize) -> Mark {
    let Some(found) = facts.files.get(MARK_PATH) else { return Mark::None };
    let is = |index: &usize| Digest::of_bytes(mark(context, *index).as_bytes()).as_str() == found;
    // A cluster may have been larger than it is.
    (0..servers.max(LARGEST)).find(is).map_or(Mark::Other, Mark::Server)
}
