//! `honey node reboot`: drained, restarted, waited for, opened again (runbook 8
//! "A node is unresponsive"). Over ssh where the machine answers, else by the
//! vendor's power control.

use std::time::Duration;

use honey_model::{Fault, FaultClass};
use honey_ports::{
    CallContext,
    host::{Facts, Step},
    store::Lock,
};
use serde::Serialize;
use serde_json::json;

use super::{
    About, Nodes,
    drain::{self, Work, ready_to_drain},
};
use crate::{
    FlowError, Session,
    action::chore::{self, Chore},
    phase::{
        servers::{Server, called, servers},
        wait::wait,
    },
};

/// A machine that answers does so within this.
const LOOK: Duration = Duration::from_secs(20);

/// What the operator wants.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// How its pods go first.
    pub drain: drain::Wish,
    /// How long it may take to come back.
    pub back_within: Duration,
    /// By the vendor's power control, also where ssh answers.
    pub hard: bool,
}

/// How it ended.
#[derive(Clone, Debug, Serialize)]
pub struct Rebooted {
    /// `node-2`.
    pub node: String,
    /// `ssh` or `vendor`.
    pub by: String,
    /// Singletons that were moved.
    pub singletons: Vec<String>,
}

/// Restarts.
pub async fn reboot(
    session: &Session,
    instance: &str,
    given: &str,
    wish: Wish,
) -> Result<Rebooted, FlowError> {
    let lock = session.ports.store.lock("node reboot").await?;
    let result = locked(session, lock.as_ref(), instance, given, wish).await;
    lock.release().await?;
    result
}

async fn locked(
    session: &Session,
    lock: &dyn Lock,
    instance: &str,
    given: &str,
    wish: Wish,
) -> Result<Rebooted, FlowError> {
    let nodes = match Nodes::look(session, instance).await {
        Ok(nodes) => nodes,
        // Without an API there is nothing to drain and nothing to lose.
        Err(FlowError::Fault(fault)) if fault.class.retriable() && wish.drain.allow_quorum_loss => {
            return without_cluster(session, lock, instance, given, wish).await;
        }
        Err(other) => return Err(other),
    };
    let node = nodes.called(given)?;
    node.known()?;
    let about = About { instance: instance.to_owned(), node: node.server.name.clone() };
    if session.ports.store.unsealed().await?.is_none() {
        if node.ready() {
            ready_to_drain(&nodes, &node, wish.drain).await?;
        } else {
            nodes.keep_quorum(&node, wish.drain.allow_quorum_loss)?;
        }
    }
    let mut work = Work::open(session, lock, nodes, node, about, "reboot").await?;
    match perform(&mut work, wish).await {
        Ok(by) => {
            let singletons = work.frozen().iter().map(super::singleton::Frozen::shown).collect();
            let node = work.about.node.clone();
            work.chore.seal().await?;
            Ok(Rebooted { node, by, singletons })
        }
        Err(fault) => Err(work.halted(fault, "reboot")),
    }
}

async fn perform(work: &mut Work<'_>, wish: Wish) -> Result<String, Fault> {
    if work.node.ready() && work.chore.note("restart").is_none() {
        work.drain(wish.drain).await?;
    } else {
        work.close().await?;
        work.stop_singletons().await?;
    }
    let server = work.node.server.clone();
    let session = work.session;
    let context = session.reading(&server.machine_address(&work.about.instance));
    let by = restart(session, &context, work.lock, &mut work.chore, &server, wish).await?;
    let before = boot_before(&work.chore);
    let waited = async {
        let back = wait_back(session, &context, &server, before.as_deref(), Back::Ready, wish.back_within);
        back.await.map(|()| json!(null))
    };
    work.chore.step(session, work.lock, "wait until it is back", waited).await?;
    let Work { nodes, node, .. } = &mut *work;
    wait_ready(nodes, node, wish.back_within).await?;
    if !work.was_closed()
        && let Some(name) = work.node.kubernetes.clone()
    {
        work.nodes.cluster.cordon(&work.nodes.context, &name, false).await?;
        work.nodes.again().await?;
    }
    work.start_singletons().await?;
    Ok(by)
}

/// Restarts, once for a run: over ssh, or by the vendor.
async fn restart(
    session: &Session,
    context: &CallContext,
    lock: &dyn Lock,
    chore: &mut Chore,
    server: &Server,
    wish: Wish,
) -> Result<String, Fault> {
    let before = chore
        .step(session, lock, "look before", async {
            Ok(json!(look(session, context, server).await.ok().map(|facts| facts.boot)))
        })
        .await?;
    let work = async {
        let now = look(session, context, server).await;
        match (&now, before.as_str()) {
            // A process before this one had asked for it already.
            (Ok(facts), Some(boot)) if !boot.is_empty() && facts.boot != boot => return Ok(json!("ssh")),
            (Ok(_), _) if !wish.hard => {
                session.own.connections.run(context, &server.target, &[Step::Reboot]).await?;
                return Ok(json!("ssh"));
            }
            _ => {}
        }
        by_vendor(session, context, server).await.map(|()| json!("vendor"))
    };
    let by = chore.step(session, lock, "restart", work).await?;
    Ok(by.as_str().unwrap_or_default().to_owned())
}

/// How the machine's run was called before, where it said so.
fn boot_before(chore: &Chore) -> Option<String> {
    chore.note("look before")?.as_str().map(str::to_owned)
}

/// The plugin of an instance, where it can switch machines.
pub(crate) fn power_control<'a>(
    session: &'a Session,
    instance: &str,
) -> Option<&'a std::sync::Arc<dyn honey_ports::capability::Capabilities>> {
    let plugin = &session.config.instances.get(instance)?.plugin;
    session.ports.capabilities.get(plugin).filter(|plugin| plugin.supports("power"))
}

async fn by_vendor(session: &Session, context: &CallContext, server: &Server) -> Result<(), Fault> {
    let instance = context.address.scope();
    let Some(plugin) = power_control(session, instance) else {
        let text = format!("{} does not answer over ssh, and its vendor has no power control", server.name);
        return Err(Fault::new(FaultClass::Unsupported, "HNY0850", text)
            .with_help("switch it off and on by hand; the same command goes on from here"));
    };
    plugin.reboot(context, &server.machine_id).await
}

pub(super) async fn look(session: &Session, context: &CallContext, server: &Server) -> Result<Facts, Fault> {
    let quick = CallContext { deadline: LOOK, ..context.clone() };
    session.own.connections.fresh_facts(&quick, &server.target).await
}

/// How far k3s has to be on a machine that is back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Back {
    /// It runs: without a majority there is no API to report to.
    Started,
    /// The node is Ready by its own report since the restart; the API holds
    /// the one before for a while.
    Ready,
}

/// Waits for another run of the machine, and for k3s on it.
async fn wait_back(
    session: &Session,
    context: &CallContext,
    server: &Server,
    before: Option<&str>,
    back: Back,
    limit: Duration,
) -> Result<(), Fault> {
    wait(context, limit, &server.name, async || {
        Ok(match look(session, context, server).await {
            Ok(facts) if before == Some(facts.boot.as_str()) => Some("its restart".to_owned()),
            Ok(facts) if !facts.k3s.running => Some("k3s to start".to_owned()),
            Ok(facts) if back == Back::Ready && !facts.k3s.ready => Some("its node to be Ready".to_owned()),
            Ok(_) => None,
            Err(fault) if fault.class == FaultClass::Canceled => return Err(fault),
            Err(fault) => Some(format!("ssh: {fault}")),
        })
    })
    .await
}

/// Waits until Kubernetes and etcd count it in again.
async fn wait_ready(nodes: &mut Nodes, node: &mut super::Node, limit: Duration) -> Result<(), Fault> {
    let (context, name) = (nodes.context.clone(), node.server.name.clone());
    wait(&context, limit, &name, async || {
        match nodes.again().await {
            Ok(()) => *node = nodes.of(&node.server),
            Err(fault) if fault.class.retriable() => return Ok(Some(fault.to_string())),
            Err(fault) => return Err(fault),
        }
        Ok(match (node.ready(), super::denies(&node.object, "EtcdIsVoter")) {
            (true, false) => None,
            (false, _) => Some("its node to be Ready".to_owned()),
            (true, true) => Some("its etcd member to vote".to_owned()),
        })
    })
    .await
}

/// The API is down: what is left is to restart the machine and see k3s come up.
async fn without_cluster(
    session: &Session,
    lock: &dyn Lock,
    instance: &str,
    given: &str,
    wish: Wish,
) -> Result<Rebooted, FlowError> {
    let all = servers(session, instance).await?;
    let server = called(&all, given, |_| None)?;
    let about = About { instance: instance.to_owned(), node: server.name.clone() };
    let command = about.command("reboot");
    let same = |earlier: &About| *earlier == about;
    let (mut chore, about) = chore::open(session, "node", "reboot", about.clone(), &command, same).await?;
    let context = session.reading(&server.machine_address(instance));
    let outcome = async {
        let by = restart(session, &context, lock, &mut chore, server, wish).await?;
        let before = boot_before(&chore);
        wait_back(session, &context, server, before.as_deref(), Back::Started, wish.back_within).await?;
        Ok::<_, Fault>(by)
    }
    .await;
    match outcome {
        Ok(by) => {
            chore.seal().await?;
            Ok(Rebooted { node: about.node, by, singletons: Vec::new() })
        }
        Err(fault) => Err(chore::suspended(fault, &command)),
    }
}
