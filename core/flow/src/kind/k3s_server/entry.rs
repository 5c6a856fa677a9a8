//! How a server comes into the cluster: it makes one, it joins, or it is in.

use honey_model::{Fault, FaultClass};
use honey_ports::{
    CallContext,
    host::{Facts, HostTarget},
};

use super::{config::inner_address, desired::Desired};
use crate::kind::{connect::Connections, host::no_address};

/// The way in.
pub(super) enum Way {
    /// No server of this cluster has any data.
    Initialise,
    /// Through this one.
    Join { address: String, through: HostTarget },
}

/// Whether a server is whole: its node Ready, its member voting.
pub(super) fn whole(facts: &Facts) -> bool {
    facts.k3s.running && facts.k3s.ready && facts.k3s.etcd_voter
}

/// Chooses. A cluster is never initialised beside the remains of another, also
/// not where a server that may hold some does not answer.
pub(super) async fn choose(
    connections: &Connections,
    context: &CallContext,
    desired: &Desired,
    own: &Facts,
) -> Result<Way, Fault> {
    let first = desired.index == 0;
    if first && own.k3s.has_etcd_data {
        return Ok(Way::Initialise);
    }
    let (mut holds_data, mut silent, mut fallback) = (None, None, None);
    for peer in desired.peers() {
        let Some(address) = inner_address(peer.machine).map(str::to_owned) else { continue };
        let way = Way::Join { address, through: peer.target.clone() };
        let mut facts = match connections.facts(context, &peer.target).await {
            Ok(facts) => facts,
            Err(fault) => {
                silent.get_or_insert(fault);
                fallback.get_or_insert(way);
                continue;
            }
        };
        // What was seen before may be over by now.
        if !whole(&facts) && facts.k3s.has_etcd_data {
            facts = connections.fresh_facts(context, &peer.target).await.unwrap_or(facts);
        }
        if whole(&facts) {
            refuse_other_authority(own, &facts)?;
            return Ok(way);
        }
        if facts.k3s.has_etcd_data {
            holds_data.get_or_insert(peer.index);
        }
        fallback.get_or_insert(way);
    }
    if !first {
        return fallback.ok_or_else(no_address);
    }
    if let Some(index) = holds_data {
        let text =
            format!("server {} already holds etcd data, so a new cluster would be a second one", index + 1);
        return Err(Fault::new(FaultClass::Conflict, "HNY0582", text).with_help(
            "if it is the cluster, bring that server back (`honey node list`, `honey etcd restore`) and apply again; \
             if that data is worth nothing, remove k3s there (k3s-uninstall.sh)",
        ));
    }
    match silent {
        Some(fault) => Err(fault),
        None => Ok(Way::Initialise),
    }
}

/// Data of a cluster with another authority is another cluster's.
fn refuse_other_authority(own: &Facts, leader: &Facts) -> Result<(), Fault> {
    let (own, leader) = (&own.k3s, &leader.k3s);
    if !own.has_etcd_data || own.cluster_ca.is_empty() || own.cluster_ca == leader.cluster_ca {
        return Ok(());
    }
    let text = "this host holds etcd data of another cluster";
    Err(Fault::new(FaultClass::Conflict, "HNY0582", text)
        .with_help("if that data is worth nothing, remove k3s there (k3s-uninstall.sh) and apply again"))
}
