//! Which boxes form which cluster: tokens, joins, learners and voters. The
//! Kubernetes API behind it is the lab's simulated one.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::k3s_flags;
use crate::{
    kube::{ClusterOptions, JobFault, SimulatedCluster, Snapshot},
    world::{Clusters, KUBE_PORT, ServerStart, ServerUp, World},
};

/// Simulated milliseconds until a new member votes.
const LEARNS_FOR: u64 = 250;

/// One server of a cluster.
struct Member {
    machine: String,
    node: String,
    address: Ipv4Addr,
    running: bool,
    votes_at: u64,
    /// Whether its node was registered: without an agent there is none.
    joined: bool,
}

/// One cluster.
struct OneCluster {
    simulated: SimulatedCluster,
    config: Map<String, Value>,
    members: Vec<Member>,
    /// Nodes and the machines that they are: a name belongs to one machine.
    known: BTreeMap<String, String>,
    /// Snapshots by file name.
    snapshots: BTreeMap<String, Snapshot>,
}

impl OneCluster {
    /// A node that was removed takes its member along; without a majority the API is mute.
    fn settle(&mut self) {
        let nodes = self.simulated.nodes();
        self.members.retain(|member| !member.joined || nodes.contains(&member.node));
        self.known.retain(|node, _| nodes.contains(node));
        self.simulated.set_quorum(self.has_quorum());
    }

    fn member(&mut self, machine: &str) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.machine == machine)
    }

    fn has_quorum(&self) -> bool {
        self.members.iter().filter(|member| member.running).count() * 2 > self.members.len()
    }
}

/// The clusters of a lab.
#[derive(Default)]
pub struct LabClusters {
    all: Mutex<Vec<OneCluster>>,
}

impl std::fmt::Debug for LabClusters {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LabClusters").finish_non_exhaustive()
    }
}

impl LabClusters {
    /// The cluster that a machine belongs to, by the machine's id.
    pub async fn of(&self, machine: &str) -> Option<SimulatedCluster> {
        let all = self.all.lock().await;
        all.iter()
            .find(|one| one.members.iter().any(|member| member.machine == machine))
            .map(|one| one.simulated.clone())
    }

    /// All clusters by name, in the order of their first start.
    pub async fn list(&self) -> Vec<(String, SimulatedCluster)> {
        self.all.lock().await.iter().map(|one| (one.simulated.name(), one.simulated.clone())).collect()
    }

    /// Machines of every cluster: cluster name to machine ids.
    pub async fn members(&self) -> BTreeMap<String, Vec<String>> {
        let all = self.all.lock().await;
        all.iter()
            .map(|one| {
                (one.simulated.name(), one.members.iter().map(|member| member.machine.clone()).collect())
            })
            .collect()
    }
}

fn fatal(text: impl std::fmt::Display) -> String {
    format!("level=fatal msg=\"{text}\"")
}

/// A new cluster, with its singletons in the lab's books.
fn create(
    world: &Arc<World>,
    start: &ServerStart,
    config: &Map<String, Value>,
    number: usize,
) -> Result<OneCluster, String> {
    let name = if number == 0 {
        start.machine.vendor.clone()
    } else {
        format!("{}-{}", start.machine.vendor, number + 1)
    };
    let token = config.get("token").and_then(Value::as_str).unwrap_or_default();
    let options = ClusterOptions {
        name: name.clone(),
        token: token.rsplit(':').next().unwrap_or_default().to_owned(),
        version: start.version.clone(),
        seed: world.random(&format!("cluster/{name}")).next(),
        ..ClusterOptions::default()
    };
    let simulated = SimulatedCluster::create(&options).map_err(fatal)?;
    let books = Arc::downgrade(world);
    simulated.on_singleton(move |run| {
        if let Some(world) = books.upgrade() {
            let now = world.clock.now_ms();
            if run.to.is_none() {
                world.books.worker_started(&run.cluster, &run.pod, now);
            } else {
                world.books.worker_stopped(&run.cluster, &run.pod, now);
            }
        }
    });
    Ok(OneCluster {
        simulated,
        config: config.clone(),
        members: Vec::new(),
        known: BTreeMap::new(),
        snapshots: BTreeMap::new(),
    })
}

/// Why a server may not join, in k3s's words.
fn refuses(one: &OneCluster, start: &ServerStart, config: &Map<String, Value>, now: u64) -> Option<String> {
    let token = config.get("token").and_then(Value::as_str).unwrap_or_default();
    if !one.simulated.accepts_token(token) {
        return Some(if token.starts_with("K10") {
            fatal(
                "starting kubernetes: preparing server: token CA hash does not match the Cluster CA certificate hash",
            )
        } else {
            fatal("starting kubernetes: preparing server: failed to get CA certs: not authorized")
        });
    }
    if let Some(key) = k3s_flags::mismatch(&one.config, config) {
        return Some(fatal(format!("critical configuration value mismatch between servers: {key}")));
    }
    if let Some(learner) = one.members.iter().find(|member| member.votes_at > now) {
        return Some(fatal(format!(
            "etcdserver: too many learner members in cluster ({} learns)",
            learner.node
        )));
    }
    if !one.has_quorum() {
        return Some(fatal("etcdserver: re-configuration failed due to not enough started members"));
    }
    let another = one.known.get(&start.hostname).is_some_and(|machine| *machine != start.machine.id);
    if another || one.members.iter().any(|member| member.node == start.hostname) {
        return Some(fatal(
            "Node password rejected, duplicate hostname or contents of '/etc/rancher/node/password' may not match",
        ));
    }
    None
}

#[async_trait]
impl Clusters for LabClusters {
    async fn server_started(&self, world: &Arc<World>, start: ServerStart) -> Result<ServerUp, String> {
        let config = start.config.as_object().cloned().unwrap_or_default();
        let now = world.clock.now_ms();
        let mut all = self.all.lock().await;
        all.iter_mut().for_each(OneCluster::settle);
        let agent = !k3s_flags::switch(&config, "disable-agent");
        let mine =
            all.iter().position(|one| one.members.iter().any(|member| member.machine == start.machine.id));
        let further: Vec<IpAddr> =
            k3s_flags::list(&config, "tls-san").iter().filter_map(|name| name.parse().ok()).collect();
        let at = if let Some(at) = mine {
            at
        } else {
            let at = if let Some(server) = config.get("server").and_then(Value::as_str) {
                let address =
                    server.trim_start_matches("https://").split(':').next().unwrap_or_default().to_owned();
                let found = all.iter().position(|one| {
                    one.members.iter().any(|member| member.running && member.address.to_string() == address)
                });
                let at = found.ok_or_else(|| {
                    fatal(format!("failed to get CA certs: Get \\\"{server}/cacerts\\\": dial tcp {address}:6443: connect: connection refused"))
                })?;
                match refuses(&all[at], &start, &config, now) {
                    Some(words) => return Err(words),
                    None => at,
                }
            } else {
                let number =
                    all.iter().filter(|one| one.simulated.name().starts_with(&start.machine.vendor)).count();
                all.push(create(world, &start, &config, number)?);
                all.len() - 1
            };
            let one = &mut all[at];
            let first = one.members.is_empty();
            let learns =
                if first { 0 } else { u64::try_from(world.clock.span(LEARNS_FOR).as_millis()).unwrap_or(0) };
            one.members.push(Member {
                machine: start.machine.id.clone(),
                node: start.hostname.clone(),
                address: start.machine.ipv4,
                running: false,
                votes_at: now + learns,
                joined: false,
            });
            at
        };
        let one = &mut all[at];
        if agent && !one.simulated.nodes().contains(&start.hostname) {
            let addresses: Vec<IpAddr> = k3s_flags::list(&config, "node-ip")
                .iter()
                .chain(&k3s_flags::list(&config, "node-external-ip"))
                .filter_map(|address| address.parse().ok())
                .collect();
            let addresses =
                if addresses.is_empty() { vec![IpAddr::V4(start.machine.ipv4)] } else { addresses };
            let labels: Vec<(String, String)> = k3s_flags::list(&config, "node-label")
                .iter()
                .filter_map(|label| label.split_once('='))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            one.simulated.add_node(&start.hostname, &addresses, &labels);
        }
        let simulated = one.simulated.clone();
        let address = SocketAddr::from((start.machine.ipv4, KUBE_PORT));
        let serving = one.member(&start.machine.id).is_some_and(|member| member.running);
        if serving {
            simulated.stop_serving(address);
        }
        let mut last = simulated.serve_on(address, &further).await;
        for _ in 0..40 {
            if last.is_ok() {
                break;
            }
            // The listener before may still be on its way out.
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
            last = simulated.serve_on(address, &further).await;
        }
        last.map_err(|error| fatal(format!("listen tcp {address}: {error}")))?;
        if agent {
            one.known.insert(start.hostname.clone(), start.machine.id.clone());
            simulated.node_up(&start.hostname);
            simulated.node_release(&start.hostname, &start.version);
        }
        simulated.set_controllers(!k3s_flags::switch(&config, "disable-controller-manager"));
        if let Some(member) = one.member(&start.machine.id) {
            member.running = true;
            member.joined |= agent;
        }
        one.settle();
        Ok(ServerUp {
            kubeconfig: simulated.kubeconfig_yaml("https://127.0.0.1:6443"),
            node_token: simulated.token(),
        })
    }

    async fn server_stopped(&self, _world: &Arc<World>, machine: &str) {
        for one in self.all.lock().await.iter_mut() {
            let simulated = one.simulated.clone();
            if let Some(member) = one.member(machine) {
                member.running = false;
                simulated.stop_serving(SocketAddr::from((member.address, KUBE_PORT)));
                simulated.node_off(&member.node);
            }
            one.settle();
        }
    }

    async fn server_removed(&self, world: &Arc<World>, machine: &str) {
        self.server_stopped(world, machine).await;
        let mut all = self.all.lock().await;
        for one in all.iter_mut() {
            one.members.retain(|member| member.machine != machine);
        }
        all.retain(|one| !one.members.is_empty());
        all.iter_mut().for_each(OneCluster::settle);
    }

    async fn call(
        &self,
        world: &Arc<World>,
        machine: &str,
        name: &str,
        arguments: Value,
    ) -> Result<Value, String> {
        let now = world.clock.now_ms();
        let mut all = self.all.lock().await;
        all.iter_mut().for_each(OneCluster::settle);
        let file = arguments["file"].as_str().unwrap_or_default();
        let mine = |one: &&mut OneCluster| one.members.iter().any(|member| member.machine == machine);
        match name {
            "member" => {
                Ok(all.iter_mut().find(mine).map_or_else(|| json!({}), |one| one.about(machine, now)))
            }
            "etcd-save" => all.iter_mut().find(mine).ok_or("etcd is not running here")?.save(machine, file),
            // By its file: membership may be lost, or another one's.
            "etcd-restore" => all
                .iter_mut()
                .find(|one| one.snapshots.contains_key(file))
                .ok_or_else(|| format!("stat {file}: no such file or directory"))?
                .restore(machine, file, &arguments),
            "etcd-leave" => {
                all.iter_mut().for_each(|one| one.members.retain(|member| member.machine != machine));
                Ok(json!({}))
            }
            // Of every cluster: a Job has no machine.
            "fail-jobs" => {
                let text = |field: &str| arguments[field].as_str().unwrap_or_default().to_owned();
                let (job, image) = (text("job"), text("image"));
                if job.is_empty() && image.is_empty() {
                    return Err("either `job` or `image` says which Jobs fail".to_owned());
                }
                let times = u32::try_from(arguments["times"].as_u64().unwrap_or(1)).unwrap_or(u32::MAX);
                for one in all.iter() {
                    let fault = JobFault::FailTimes { times, log: text("log") };
                    if job.is_empty() {
                        one.simulated.script_job_image(&image, fault);
                    } else {
                        one.simulated.script_job(&job, fault);
                    }
                }
                Ok(json!({"clusters": all.len()}))
            }
            other => Err(format!("{other}: not known here")),
        }
    }
}

/// What k3s's own commands do.
impl OneCluster {
    fn about(&mut self, machine: &str, now: u64) -> Value {
        let quorum = self.has_quorum();
        let simulated = self.simulated.clone();
        self.member(machine).map_or_else(
            || json!({}),
            |member| {
                let ready = member.running && quorum && simulated.node_is_up(&member.node);
                json!({"ready": ready, "voter": member.votes_at <= now, "node": member.node})
            },
        )
    }

    fn save(&mut self, machine: &str, file: &str) -> Result<Value, String> {
        let running = self.member(machine).is_some_and(|member| member.running);
        if !running || !self.has_quorum() {
            return Err(fatal("see server log for details: etcdserver: request timed out"));
        }
        let snapshot = self.simulated.snapshot();
        let objects = snapshot.objects();
        self.snapshots.insert(file.to_owned(), snapshot);
        Ok(json!({ "objects": objects }))
    }

    fn restore(&mut self, machine: &str, file: &str, about: &Value) -> Result<Value, String> {
        if self.members.iter().any(|member| member.running) {
            // k3s itself would go on; two clusters under one name are not worth rehearsing.
            return Err(fatal("another server of this cluster still runs"));
        }
        let address = about["address"].as_str().and_then(|text| text.parse().ok());
        let snapshot = self.snapshots.get(file).cloned().ok_or("no such snapshot")?;
        self.simulated.restore(&snapshot);
        self.members = vec![Member {
            machine: machine.to_owned(),
            node: about["node"].as_str().unwrap_or_default().to_owned(),
            address: address.ok_or("no address")?,
            running: false,
            votes_at: 0,
            joined: false,
        }];
        Ok(json!({}))
    }
}
