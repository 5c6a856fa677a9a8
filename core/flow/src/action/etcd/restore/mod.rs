//! `honey etcd restore`: back to a snapshot, after quorum was lost or the data
//! is worth less than it was (runbook 8).
//!
//! Nothing of the cluster may run while one server is reset: one that did
//! would be a second cluster under the same name. So every server that does
//! not answer has to be named, and is switched off where its vendor can.
//! Order: fence → stop all → reset one → its API alone, singletons held back
//! → its node → the others, one after another, with clean data → look.
//!
//! | File | What it does |
//! |---|---|
//! | `prepare` | what will be done, before anything is |
//! | `fence` | a server that was given up stays down |
//! | `quarantine` | the restored API alone: what may not run is held back |
//! | `rejoin` | the others with clean data |

mod fence;
mod prepare;
mod quarantine;
mod rejoin;

use std::time::Duration;

use honey_model::{Fault, FaultClass};
use honey_ports::{
    CallContext,
    etcd::EtcdStep,
    host::{Facts, Step},
    store::Lock,
};
use serde::Serialize;
use serde_json::{Value, json};

pub use prepare::{Preview, RestorePlan, prepare};

use super::singletons;
use crate::{
    FlowError, Session,
    action::chore,
    phase::{
        servers::{Server, servers},
        wait::wait,
    },
};

/// How long a server may take until it counts.
const LIMIT: Duration = Duration::from_mins(10);
/// A server that answers does so within this.
const LOOK: Duration = Duration::from_secs(20);

/// How it ended.
#[derive(Clone, Debug, Serialize)]
pub struct Restored {
    /// What was done.
    #[serde(flatten)]
    pub plan: RestorePlan,
    /// Etcd members that vote.
    pub voters: usize,
    /// Singletons that were set to 0.
    pub held: Vec<String>,
}

/// Restores, or goes on with a restore to the same snapshot.
pub async fn run(session: &Session, plan: &RestorePlan) -> Result<Restored, FlowError> {
    let lock = session.ports.store.lock("etcd restore").await?;
    let result = locked(session, lock.as_ref(), plan).await;
    lock.release().await?;
    result
}

fn command(plan: &RestorePlan) -> String {
    let without = plan.without.iter().fold(String::new(), |text, name| text + " --without " + name);
    format!("honey etcd restore {} --provider {}{without}", plan.snapshot, plan.instance)
}

async fn locked(session: &Session, lock: &dyn Lock, plan: &RestorePlan) -> Result<Restored, FlowError> {
    let same = |earlier: &RestorePlan| earlier.instance == plan.instance && earlier.snapshot == plan.snapshot;
    let (chore, plan) = chore::open(session, "etcd", "restore", plan.clone(), &command(plan), same).await?;
    let all = servers(session, &plan.instance).await?;
    let mut work = Work { session, lock, chore, all, plan };
    match work.perform().await {
        Ok(restored) => {
            work.chore.seal().await?;
            Ok(restored)
        }
        Err(fault) => Err(chore::suspended(fault, &command(&work.plan))),
    }
}

struct Work<'a> {
    session: &'a Session,
    lock: &'a dyn Lock,
    chore: chore::Chore,
    all: Vec<Server>,
    plan: RestorePlan,
}

impl Work<'_> {
    fn server(&self, name: &str) -> Result<Server, Fault> {
        self.all.iter().find(|server| server.name == name).cloned().ok_or_else(|| {
            Fault::new(FaultClass::NotFound, "HNY0913", format!("there is no server `{name}` any more"))
        })
    }

    fn context(&self, server: &Server) -> CallContext {
        self.session.reading(&singletons::address(&self.plan.instance, &server.name))
    }

    async fn perform(&mut self) -> Result<Restored, Fault> {
        let chosen = self.server(&self.plan.server)?;
        for name in self.plan.without.clone() {
            let server = self.server(&name)?;
            let (session, instance) = (self.session, self.plan.instance.clone());
            let work = async { fence::fence(session, &instance, &server).await.map(|how| json!(how)) };
            self.chore.step(session, self.lock, &format!("fence {name}"), work).await?;
        }
        let mut running = vec![chosen.clone()];
        for name in &self.plan.rejoin {
            running.push(self.server(name)?);
        }
        for server in &running {
            self.on(server, &format!("stop {}", server.name), EtcdStep::Stop).await?;
        }
        let snapshot = self.plan.snapshot.clone();
        self.on(&chosen, &format!("reset {}", chosen.name), EtcdStep::Restore { snapshot }).await?;
        let held = self.hold_singletons(&chosen).await?;
        self.on(&chosen, &format!("open {}", chosen.name), EtcdStep::Start { quarantined: false }).await?;
        self.wait(&chosen).await?;
        self.remove_given_up(&chosen).await?;
        for name in self.plan.rejoin.clone() {
            let server = self.server(&name)?;
            self.rejoin(&chosen, &server).await?;
        }
        let voters = self.voters(&chosen).await?;
        Ok(Restored { plan: self.plan.clone(), voters, held })
    }

    /// A step on one host.
    async fn on(&mut self, server: &Server, name: &str, step: EtcdStep) -> Result<(), Fault> {
        let (session, context) = (self.session, self.context(server));
        let work = async {
            session.own.connections.run(&context, &server.target, &[Step::Etcd(step)]).await?;
            Ok(Value::Null)
        };
        self.chore.step(session, self.lock, name, work).await.map(|_| ())
    }

    /// Ready, and a voting member.
    async fn wait(&mut self, server: &Server) -> Result<(), Fault> {
        let (session, context) = (self.session, self.context(server));
        let work = async {
            wait(&context, LIMIT, &server.name, async || {
                let facts = look(session, &context, server).await;
                Ok(match facts {
                    Ok(facts) if facts.k3s.ready && facts.k3s.etcd_voter => None,
                    Ok(facts) if !facts.k3s.running => Some("k3s to start".to_owned()),
                    Ok(facts) if !facts.k3s.ready => Some("its node to be Ready".to_owned()),
                    Ok(_) => Some("its etcd member to vote".to_owned()),
                    Err(fault) if fault.class.retriable() => Some(fault.to_string()),
                    Err(fault) => return Err(fault),
                })
            })
            .await?;
            Ok(Value::Null)
        };
        self.chore.step(session, self.lock, &format!("wait for {}", server.name), work).await.map(|_| ())
    }

    async fn voters(&mut self, chosen: &Server) -> Result<usize, Fault> {
        let mut servers = vec![chosen.clone()];
        for name in &self.plan.rejoin {
            servers.push(self.server(name)?);
        }
        let mut voters = 0;
        for server in &servers {
            let context = self.context(server);
            let facts = look(self.session, &context, server).await?;
            if facts.k3s.etcd_voter && facts.k3s.ready {
                voters += 1;
            }
        }
        if voters < servers.len() {
            let text = format!("only {voters} of {} servers count after the restore", servers.len());
            return Err(Fault::new(FaultClass::Conflict, "HNY0857", text).with_help(
                "look at `honey node list` and `journalctl -u k3s`; the same command looks again",
            ));
        }
        Ok(voters)
    }
}

async fn look(session: &Session, context: &CallContext, server: &Server) -> Result<Facts, Fault> {
    let quick = CallContext { deadline: LOOK, ..context.clone() };
    session.own.connections.fresh_facts(&quick, &server.target).await
}
