//! `honey node uncordon`: a node takes pods again. Also ends what a drain or a
//! restart of it left unfinished: singletons that were stopped come back.

use honey_ports::store::Lock;
use serde::Serialize;

use super::{About, Nodes, drain::Work};
use crate::{FlowError, Session, action::chore};

/// What was done.
#[derive(Clone, Debug, Serialize)]
pub struct Opened {
    /// `node-2`.
    pub node: String,
    /// Whether it was closed before.
    pub changed: bool,
    /// Singletons that came back.
    pub singletons: Vec<String>,
}

/// Opens.
pub async fn uncordon(session: &Session, instance: &str, given: &str) -> Result<Opened, FlowError> {
    let lock = session.ports.store.lock("node uncordon").await?;
    let result = locked(session, lock.as_ref(), instance, given).await;
    lock.release().await?;
    result
}

async fn locked(
    session: &Session,
    lock: &dyn Lock,
    instance: &str,
    given: &str,
) -> Result<Opened, FlowError> {
    let nodes = Nodes::look(session, instance).await?;
    let node = nodes.called(given)?;
    let name = node.known()?.to_owned();
    let changed = node.closed();
    let mut singletons = Vec::new();
    if session.ports.store.unsealed().await?.is_some_and(|run| chore::is_chore(&run)) {
        let about = About { instance: instance.to_owned(), node: node.server.name.clone() };
        let mut work = Work::open(session, lock, nodes, node, about, "uncordon").await?;
        // The node is opened first: it may be the only one that takes them.
        work.nodes.cluster.cordon(&work.nodes.context, &name, false).await?;
        work.nodes.again().await?;
        if let Err(fault) = work.start_singletons().await {
            return Err(work.halted(fault, "uncordon"));
        }
        singletons = work.frozen().iter().map(super::singleton::Frozen::shown).collect();
        let node = work.about.node.clone();
        work.chore.seal().await?;
        return Ok(Opened { node, changed, singletons });
    }
    if changed {
        nodes.cluster.cordon(&nodes.context, &name, false).await?;
    }
    Ok(Opened { node: node.server.name, changed, singletons })
}
