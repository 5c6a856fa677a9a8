//! What must not be there before honey makes a server of a host: somebody
//! else's k3s, another server's place, another host's name. Changes nothing.

use honey_model::{Fault, FaultClass};
use honey_ports::{CallContext, host::Facts};

use super::desired::{Desired, Mark, mark_of};
use crate::kind::connect::Connections;

/// Whose k3s a host has.
pub(super) enum Holder {
    /// Nobody's, or this server's.
    Free,
    /// Not honey's, or another honey's; what it is and how it goes.
    Foreign(&'static str, &'static str),
}

/// `recorded`: honey's state knows this server at this host.
pub(super) fn holder(
    context: &CallContext,
    desired: &Desired,
    facts: &Facts,
    recorded: bool,
    as_wanted: bool,
) -> Result<Holder, Fault> {
    let mark = mark_of(context, facts, desired.servers.len());
    if let Mark::Server(other) = mark
        && other != desired.index
        && facts.k3s.has_etcd_data
    {
        let (is, called) = (other + 1, desired.index + 1);
        let text = format!(
            "this host is server {is} of the cluster, and the configuration calls it server {called}"
        );
        return Err(Fault::new(FaultClass::Conflict, "HNY0597", text).with_help(
            "keep the order of the machines: new ones go to the end, and one is taken away from the end; \
             `honey node replace` puts another machine into a place in between",
        ));
    }
    if facts.k3s.role == "agent" {
        return Ok(Holder::Foreign(
            "HNY0591",
            "a k3s agent of another cluster; `k3s-agent-uninstall.sh` takes it away",
        ));
    }
    let ours = as_wanted
        || match mark {
            Mark::Server(_) => true,
            Mark::None => recorded,
            Mark::Other => false,
        };
    // A binary alone is nobody's cluster: images bring it.
    let cluster =
        facts.k3s.role == "server" || facts.k3s.has_etcd_data || !facts.k3s.config_digest.is_empty();
    if cluster && !ours {
        return Ok(Holder::Foreign(
            "HNY0592",
            "a k3s that honey did not set up; `k3s-uninstall.sh` takes it and its data away",
        ));
    }
    Ok(Holder::Free)
}

/// The same as an error.
pub(super) fn refuse_foreign(host: &str, holder: &Holder) -> Result<(), Fault> {
    let Holder::Foreign(code, what) = holder else { return Ok(()) };
    let text = format!("{host} has {what}");
    Err(Fault::new(FaultClass::Conflict, *code, text)
        .with_help("apply again once it is gone, or put another machine into the configuration"))
}

/// Two servers of one name would be one node. Without `look`, only hosts that
/// were looked at already are compared.
pub(super) async fn refuse_equal_names(
    connections: &Connections,
    context: &CallContext,
    desired: &Desired,
    own: &Facts,
    look: bool,
) -> Result<(), Fault> {
    for peer in desired.peers() {
        let facts = if look {
            // One that does not answer is told by its own operation.
            connections.facts(context, &peer.target).await.ok()
        } else {
            connections.known_facts(&peer.target).await
        };
        let same = facts.is_some_and(|facts| {
            !own.hostname.is_empty() && facts.hostname.eq_ignore_ascii_case(&own.hostname)
        });
        if same {
            let text = format!(
                "servers {} and {} are both called {}, and a cluster tells its nodes apart by their names",
                peer.index.min(desired.index) + 1,
                peer.index.max(desired.index) + 1,
                honey_model::text::visible(&own.hostname, 80)
            );
            return Err(Fault::new(FaultClass::Conflict, "HNY0590", text).with_help(
                "give one of them another name (`hostnamectl set-hostname`), or let honey name them: \
                 `set-hostname = true` in [cluster.host]",
            ));
        }
    }
    Ok(())
}
