//! `honey etcd restore`: back to a snapshot, after quorum was lost or the data
//! is worth less than it was (runbook 8).
//!
//! Nothing of the cluster may run while one server is reset: one that did
//! would be a second cluster under the same name. So every server that does
//! not answer has to be named, and is switched off where its vendor can.
//! Order: fence → stop all → reset one → its API alone, singletons held back
//! → its node → the others, one after another, with clean data → look.

use std::time::Duration;

use honey_model::{Diagnostic, Fault, FaultClass, Secret};
use honey_ports::{
    CallContext,
    capability::PowerState,
    etcd::EtcdStep,
    host::{Content, Facts, HostTarget, K3sBinary, K3sRole, Step},
    store::Lock,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    singletons,
    snapshot::{Held, held},
};
use crate::{
    FlowError, Session,
    action::{
        chore,
        node::{is_node_of, node_object},
    },
    kind::{
        connect::secret_name,
        k3s_server::{CONFIG_PATH, Entry, Settings, inner_address, render},
    },
    kubeconfig,
    lower::{cluster_label, kubeconfig_secret},
    phase::{
        servers::{Server, called, servers},
        wait::wait,
    },
};

/// Stands for the newest snapshot that any server has.
const LATEST: &str = "latest";
/// How long a server may take until it counts.
const LIMIT: Duration = Duration::from_mins(10);
/// A server that answers does so within this.
const LOOK: Duration = Duration::from_secs(20);
const TOKENS: [&str; 2] = ["/var/lib/rancher/k3s/server/token", "/var/lib/rancher/k3s/server/node-token"];

/// Everything a restore will do, before it does anything. Stands in its journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestorePlan {
    /// The instance.
    pub instance: String,
    /// The snapshot's file name.
    pub snapshot: String,
    /// The server that has it, and becomes the only member.
    pub server: String,
    /// Servers that join again, in order.
    pub rejoin: Vec<String>,
    /// Servers that are given up until they are replaced.
    pub without: Vec<String>,
}

/// What the operator reads before they agree.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// What will be done.
    #[serde(flatten)]
    pub plan: RestorePlan,
    /// How old the snapshot is, in seconds. What happened since is lost.
    pub age_seconds: i64,
    /// Whether singletons of the snapshot are held back: this is not the active instance.
    pub holds_singletons: bool,
}

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

/// Looks and plans. `without` names servers that are known to be dead.
pub async fn prepare(
    session: &Session,
    instance: &str,
    snapshot: &str,
    without: &[String],
) -> Result<Preview, FlowError> {
    let all = servers(session, instance).await?;
    let mut given_up = Vec::new();
    for given in without {
        given_up.push(called(&all, given, |_| None)?.name.clone());
    }
    let left: Vec<Server> = all.iter().filter(|server| !given_up.contains(&server.name)).cloned().collect();
    let listed = held(session, instance, &left).await;
    if let Some((name, fault)) = listed.silent.first() {
        let text = format!("{name} does not answer: {fault}");
        let help = format!(
            "a server that still runs would go on as a second cluster. Bring it back; or, when it is dead for good, \
             `--without {name}` gives it up (its vendor switches it off where it can)"
        );
        return Err(FlowError::refused(Diagnostic::error("HNY0856", text).with_help(help)));
    }
    // Newest first.
    let wanted = |held: &&Held| snapshot == LATEST || held.snapshot.name == snapshot;
    let Some(found) = listed.snapshots.iter().find(wanted) else {
        let text = format!("no server has a snapshot `{}`", honey_model::text::visible(snapshot, 120));
        let newest: Vec<String> =
            listed.snapshots.iter().take(3).map(|held| held.snapshot.name.clone()).collect();
        let help = match newest.is_empty() {
            true => "there are none: see `honey etcd list`".to_owned(),
            false => format!("the newest are {}; all: `honey etcd list`", newest.join(", ")),
        };
        return Err(FlowError::refused(Diagnostic::error("HNY0915", text).with_help(help)));
    };
    let server = found.server.clone();
    let plan = RestorePlan {
        instance: instance.to_owned(),
        snapshot: found.snapshot.name.clone(),
        rejoin: left.iter().map(|one| one.name.clone()).filter(|name| *name != server).collect(),
        server,
        without: given_up,
    };
    let active = session.state().await?.active;
    Ok(Preview {
        plan,
        age_seconds: found.age_seconds,
        holds_singletons: !active.may_run_singletons(instance),
    })
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
            let work = async { fence(session, &instance, &server).await.map(|how| json!(how)) };
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

    /// The API alone, through ssh: it may be closed to us, and only this server counts.
    async fn hold_singletons(&mut self, chosen: &Server) -> Result<Vec<String>, Fault> {
        let start = EtcdStep::Start { quarantined: true };
        self.on(chosen, &format!("start the API of {} alone", chosen.name), start).await?;
        let (session, context) = (self.session, self.context(chosen));
        let (instance, label) =
            (self.plan.instance.clone(), cluster_label(&self.session.config, &self.plan.instance));
        let urls: Vec<String> = self
            .all
            .iter()
            .filter_map(|one| {
                one.machine.ipv4.as_ref().map(|ip| format!("https://{ip}:{}", kubeconfig::API_PORT))
            })
            .collect();
        let targets: Vec<HostTarget> = match session.config.cluster.firewall.api {
            honey_config::schema::ApiAccess::Tunnel => {
                self.all.iter().map(|one| one.target.clone()).collect()
            }
            honey_config::schema::ApiAccess::Direct => Vec::new(),
        };
        let work = async {
            let host = session.own.connections.host(&context, &chosen.target).await?;
            let pulled = host.read(&context, kubeconfig::PATH, 64 * 1024).await?.ok_or_else(|| {
                Fault::new(FaultClass::NotFound, "HNY0585", format!("{} has no kubeconfig", chosen.name))
            })?;
            // A snapshot may be of another authority than the one that honey knows.
            let reach = kubeconfig::Reach { name: &label, urls: &urls, tunnel: &targets };
            let own = kubeconfig::rewrite(&pulled, &reach)?;
            session.ports.secrets.put(&secret_name(&kubeconfig_secret(&instance))?, &own).await?;
            let (cluster, _tunnel) = session
                .own
                .connections
                .cluster_through(&context, &own, std::slice::from_ref(&chosen.target))
                .await?;
            wait(&context, LIMIT, "the restored API", async || match cluster.version(&context).await {
                Ok(_) => Ok(None),
                Err(fault) if fault.class.retriable() => Ok(Some(fault.to_string())),
                Err(fault) => Err(fault),
            })
            .await?;
            singletons::hold(session, &context, cluster.as_ref(), &instance).await.map(|held| json!(held))
        };
        let held = self.chore.step(session, self.lock, "hold singletons back", work).await?;
        Ok(serde_json::from_value(held).unwrap_or_default())
    }

    /// Nodes of servers that were given up: what the snapshot has on them would never come back.
    async fn remove_given_up(&mut self, chosen: &Server) -> Result<(), Fault> {
        let (session, context) = (self.session, self.context(chosen));
        let secret = secret_name(&kubeconfig_secret(&self.plan.instance))?;
        for name in self.plan.without.clone() {
            let server = self.server(&name)?;
            let work = async {
                let own = session.ports.secrets.get(&secret).await?;
                let through = std::slice::from_ref(&chosen.target);
                let (cluster, _tunnel) =
                    session.own.connections.cluster_through(&context, &own, through).await?;
                for node in cluster.list(&context, "v1", "Node", None, "").await? {
                    if let Some(name) =
                        node["metadata"]["name"].as_str().filter(|_| is_node_of(&node, &server.machine))
                    {
                        cluster.delete(&context, &node_object(name)).await?;
                    }
                }
                Ok(Value::Null)
            };
            self.chore.step(session, self.lock, &format!("remove the node of {name}"), work).await?;
        }
        Ok(())
    }

    /// A server joins anew, with the data it had set aside.
    async fn rejoin(&mut self, chosen: &Server, server: &Server) -> Result<(), Fault> {
        let run = self.chore.run.clone();
        self.on(server, &format!("set the old data of {} aside", server.name), EtcdStep::SetAside { run })
            .await?;
        let (session, context) = (self.session, self.context(server));
        let near = self.context(chosen);
        let work = async {
            let token = token(session, &near, chosen).await?;
            let joins = joining(server, chosen, &token)?;
            session.own.connections.run(&context, &server.target, &joins).await?;
            Ok(Value::Null)
        };
        self.chore.step(session, self.lock, &format!("join {}", server.name), work).await?;
        self.wait(server).await
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

/// A server that was given up must not come back by itself while this goes on.
async fn fence(session: &Session, instance: &str, server: &Server) -> Result<String, Fault> {
    let context = session.reading(&server.machine_address(instance));
    if look(session, &context, server).await.is_ok() {
        session.own.connections.run(&context, &server.target, &[Step::Etcd(EtcdStep::Stop)]).await?;
        return Ok("it answers over ssh after all: k3s was stopped".to_owned());
    }
    let Some(plugin) = crate::action::node::power_control(session, instance) else {
        return Ok("the operator said that it is dead; its vendor has no power control".to_owned());
    };
    match plugin.set_power(&context, &server.machine_id, false).await {
        Ok(_) => {}
        Err(fault) if fault.class == FaultClass::NotFound => {
            return Ok("its vendor knows no such machine any more".to_owned());
        }
        Err(fault) => return Err(fault),
    }
    match plugin.power(&context, &server.machine_id).await? {
        PowerState::Off => Ok("its vendor says that it is switched off".to_owned()),
        state => {
            let text = format!("{} was told to switch off, and is {state:?}", server.name);
            Err(Fault::new(FaultClass::Conflict, "HNY0853", text)
                .with_help("wait, or switch it off by hand, and run the same command again"))
        }
    }
}

/// The restored cluster's own token: a snapshot may be older than the one that honey keeps.
async fn token(session: &Session, context: &CallContext, chosen: &Server) -> Result<Secret, Fault> {
    let host = session.own.connections.host(context, &chosen.target).await?;
    for path in TOKENS {
        if let Some(token) = host.read(context, path, 4096).await?.filter(|token| !token.is_empty()) {
            if let Some(name) = chosen.k3s["token"].as_str() {
                session.ports.secrets.put(&secret_name(name)?, &token).await?;
            }
            return Ok(token);
        }
    }
    Err(Fault::new(
        FaultClass::NotFound,
        "HNY0583",
        format!("{} has no join token, though k3s runs", chosen.name),
    ))
}

/// Configuration and start of a server that joins through the restored one.
fn joining(server: &Server, chosen: &Server, token: &Secret) -> Result<[Step; 2], Fault> {
    #[derive(Deserialize)]
    struct Wanted {
        version: String,
        source: K3sBinary,
        settings: Settings,
        servers: Vec<Option<crate::kind::connect::Machine>>,
    }
    let wanted: Wanted = serde_json::from_value(server.k3s.clone()).map_err(|error| {
        Fault::new(FaultClass::Internal, "HNY0001", format!("a wanted server does not fit its kind: {error}"))
    })?;
    let mut sans = Vec::new();
    for machine in wanted.servers.iter().flatten() {
        sans.extend(machine.ipv4.clone());
        sans.extend(machine.private_ipv4.clone());
    }
    let address = inner_address(&chosen.machine).unwrap_or(&chosen.target.address);
    let config = render(&wanted.settings, &server.machine, &Entry::Join { address, token }, &sans);
    Ok([
        Step::File { path: CONFIG_PATH.to_owned(), mode: 0o600, content: Content::Secret(config) },
        Step::K3s { version: wanted.version, binary: wanted.source, role: K3sRole::Server },
    ])
}
