//! `honey node drain`: a node gives its pods away (runbook 8).
//!
//! Closed first, then singletons by their own rule, then everything else by
//! eviction, which disruption budgets may hold up. What cannot be moved is
//! named; the node stays closed then, and the same command goes on.

use std::time::Duration;

use honey_model::{Diagnostic, Fault, FaultClass};
use honey_ports::store::Lock;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    About, Evicting, Node, Nodes, evict,
    pods::{Consent, is_singleton, shown, sort},
    singleton::{self, Frozen},
};
use crate::{
    FlowError, Session,
    action::chore::{self, Chore},
};

/// What the operator wants.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Which losses are accepted.
    pub consent: Consent,
    /// How long pods may take to go.
    pub limit: Duration,
    /// Also where etcd would have no majority without this node.
    pub allow_quorum_loss: bool,
}

/// How a drain ended.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Drained {
    /// `node-2`.
    pub node: String,
    /// Pods that went.
    pub evicted: Vec<String>,
    /// Singletons that were moved.
    pub singletons: Vec<String>,
    /// Pods that wait for a node now: nothing else takes them.
    pub waiting: Vec<String>,
}

/// Drains.
pub async fn drain(session: &Session, instance: &str, given: &str, wish: Wish) -> Result<Drained, FlowError> {
    let lock = session.ports.store.lock("node drain").await?;
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
) -> Result<Drained, FlowError> {
    let nodes = Nodes::look(session, instance).await?;
    let node = nodes.called(given)?;
    node.known()?;
    let about = About { instance: instance.to_owned(), node: node.server.name.clone() };
    ready_to_drain(&nodes, &node, wish).await?;
    let mut work = Work::open(session, lock, nodes, node, about, "drain").await?;
    match work.drain(wish).await {
        Ok(drained) => {
            work.chore.seal().await?;
            Ok(drained)
        }
        // Nothing is half done: what went runs elsewhere, the node is closed.
        Err(fault) if work.at_rest() => {
            let canceled = fault.class == FaultClass::Canceled;
            let command = work.about.command("drain");
            work.chore.seal().await?;
            Err(if canceled { chore::suspended(fault, &command) } else { fault.into() })
        }
        Err(fault) => Err(work.halted(fault, "drain")),
    }
}

/// Everything that would make a drain a mistake, before anything is done.
pub(super) async fn ready_to_drain(nodes: &Nodes, node: &Node, wish: Wish) -> Result<(), FlowError> {
    nodes.keep_quorum(node, wish.allow_quorum_loss)?;
    let pods = nodes.cluster.list(&nodes.context, "v1", "Pod", None, "").await?;
    let sorted = sort(&pods, node.known()?, wish.consent);
    if let Some(pod) = sorted.singletons.first().filter(|_| !node.ready()) {
        let name = &node.server.name;
        let text =
            format!("{name} does not answer and the singleton {} is on it: it may still run", shown(pod));
        let help = format!(
            "restart the machine (`honey node reboot {name}`) or replace it (`honey node replace {name}`): both make sure \
             of its end before another one starts"
        );
        return Err(FlowError::refused(Diagnostic::error("HNY0847", text).with_help(help)));
    }
    let refused = sorted.refused;
    if refused.is_empty() {
        return Ok(());
    }
    let text = format!("{} cannot be drained without loss: {}", node.server.name, refused.join("; "));
    let help =
        "`--delete-emptydir-data` gives scratch data up, `--delete-unmanaged` pods that nothing makes again";
    Err(FlowError::refused(Diagnostic::error("HNY0845", text).with_help(help)))
}

/// A run on one node, shared by what drains, restarts and replaces it.
pub(super) struct Work<'a> {
    pub(super) session: &'a Session,
    pub(super) lock: &'a dyn Lock,
    pub(super) nodes: Nodes,
    pub(super) node: Node,
    pub(super) about: About,
    pub(super) chore: Chore,
}

impl<'a> Work<'a> {
    /// Begins, or goes on with whatever was begun on this node.
    pub(super) async fn open(
        session: &'a Session,
        lock: &'a dyn Lock,
        nodes: Nodes,
        node: Node,
        about: About,
        verb: &str,
    ) -> Result<Self, FlowError> {
        let command = about.command(verb);
        let (chore, about) =
            chore::open(session, "node", verb, about.clone(), &command, |earlier: &About| *earlier == about)
                .await?;
        Ok(Self { session, lock, nodes, node, about, chore })
    }

    /// What is not finished, with the command that finishes it.
    pub(super) fn halted(&self, fault: Fault, verb: &str) -> FlowError {
        chore::suspended(fault, &self.about.command(verb))
    }

    /// Whether no singleton waits to be started again.
    fn at_rest(&self) -> bool {
        self.chore.note("stop singletons").is_none() && self.chore.note("find singletons").is_none()
            || self.chore.note("start singletons").is_some()
            || self.frozen().is_empty()
    }

    pub(super) fn frozen(&self) -> Vec<Frozen> {
        let note = self.chore.note("find singletons").cloned().unwrap_or_default();
        serde_json::from_value(note).unwrap_or_default()
    }

    /// Whether the node took no new pods before this run.
    pub(super) fn was_closed(&self) -> bool {
        self.chore.note("close the node").is_some_and(|note| note["was_closed"] == true)
    }

    pub(super) async fn drain(&mut self, wish: Wish) -> Result<Drained, Fault> {
        self.close().await?;
        self.stop_singletons().await?;
        let mut late = Vec::new();
        if self.node.ready() {
            late = self.start_singletons().await?;
        }
        let help = format!("or open it: `honey node uncordon {}`", self.about.node);
        let Self { session, lock, nodes, node, chore, .. } = self;
        let evicted = chore
            .step(session, *lock, "evict pods", async {
                let Some(name) = &node.kubernetes else { return Ok(json!([])) };
                let asked = Evicting {
                    shown: &node.server.name,
                    answers: node.ready(),
                    limit: wish.limit,
                    help: Some(&help),
                };
                let wanted = |pods: &[Value]| sort(pods, name, wish.consent).evict;
                evict(nodes.api(), &asked, wanted).await.map(|names| json!(names))
            })
            .await?;
        let mut waiting = pending(&self.nodes).await?;
        waiting.extend(late);
        Ok(Drained {
            node: self.about.node.clone(),
            evicted: serde_json::from_value(evicted).unwrap_or_default(),
            singletons: self.frozen().iter().map(Frozen::shown).collect(),
            waiting,
        })
    }

    pub(super) async fn close(&mut self) -> Result<(), Fault> {
        let Self { session, lock, nodes, node, chore, .. } = self;
        let work = async {
            let was_closed = node.closed();
            if let Some(name) = &node.kubernetes {
                nodes.cluster.cordon(&nodes.context, name, true).await?;
                nodes.again().await?;
            }
            Ok(json!({ "was_closed": was_closed }))
        };
        chore.step(session, *lock, "close the node", work).await.map(|_| ())
    }

    /// Stops the singletons that run here. On a node that does not answer, they
    /// are only told to: nobody can know yet that they have ended.
    pub(super) async fn stop_singletons(&mut self) -> Result<(), Fault> {
        let Self { session, lock, nodes, node, about, chore } = self;
        let found = chore
            .step(session, *lock, "find singletons", async {
                let pods = nodes.cluster.list(&nodes.context, "v1", "Pod", None, "").await?;
                let here = |pod: &Value| {
                    is_singleton(pod) && pod["spec"]["nodeName"].as_str() == node.kubernetes.as_deref()
                };
                let pods: Vec<Value> = pods.into_iter().filter(here).collect();
                Ok(json!(
                    singleton::workloads(&session.state().await?, nodes.api(), &about.instance, &pods)
                        .await?
                ))
            })
            .await?;
        let frozen: Vec<Frozen> = serde_json::from_value(found).unwrap_or_default();
        if frozen.is_empty() {
            return Ok(());
        }
        let answers = node.ready();
        let work = async { singleton::stop(nodes.api(), &frozen, answers).await.map(|()| Value::Null) };
        chore.step(session, *lock, "stop singletons", work).await.map(|_| ())
    }

    /// Starts them again once nothing of them is left; names those that are not ready.
    pub(super) async fn start_singletons(&mut self) -> Result<Vec<String>, Fault> {
        let frozen = self.frozen();
        if frozen.is_empty() {
            return Ok(Vec::new());
        }
        let Self { session, lock, nodes, about, chore, .. } = self;
        // Where no node takes pods, they are ready once one does.
        let taken = nodes.any_takes_pods();
        let work = async {
            let late =
                singleton::start(session.ports.store.as_ref(), nodes.api(), &about.instance, &frozen, taken);
            late.await.map(|late| json!(late))
        };
        let late = chore.step(session, *lock, "start singletons", work).await?;
        Ok(serde_json::from_value(late).unwrap_or_default())
    }
}

/// Pods that no node takes now.
async fn pending(nodes: &Nodes) -> Result<Vec<String>, Fault> {
    let pods = nodes.cluster.list(&nodes.context, "v1", "Pod", None, "").await?;
    let waits = |pod: &&Value| {
        pod["spec"]["nodeName"].as_str().is_none_or(str::is_empty)
            && pod["metadata"].get("deletionTimestamp").is_none()
            && super::denies(pod, "PodScheduled")
    };
    Ok(pods.iter().filter(waits).map(shown).collect())
}
