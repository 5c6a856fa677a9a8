//! The handle that the lab and its boxes hold on a simulated cluster.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::{
    certificates::{Authority, CertificateError},
    controllers,
    faults::{ApiFault, ContainerFault, JobFault, Jobs},
    observer::SingletonRun,
    ownership::Writer,
    serve::{self, Front},
    stock,
    store::{Key, NodeState, State, now_text},
};

/// What a cluster is made from.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// Name in the books.
    pub name: String,
    /// The short join token; random-looking from the seed when empty.
    pub token: String,
    /// What `/version` and the nodes say: `v1.34.6+k3s1`.
    pub version: String,
    /// Decides names and ids.
    pub seed: u64,
    /// Simulated seconds per real second, for everything that takes time.
    pub pace: f64,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            name: "lab".to_owned(),
            token: String::new(),
            version: "v1.34.6+k3s1".to_owned(),
            seed: 1,
            pace: 20.0,
        }
    }
}

struct Shared {
    state: Arc<Mutex<State>>,
    authority: Authority,
    token: String,
    bearer: String,
    served: Mutex<BTreeMap<SocketAddr, watch::Sender<bool>>>,
}

/// A simulated cluster. Cheap to clone; the controllers end with the last clone.
#[derive(Clone)]
pub struct SimulatedCluster(Arc<Shared>);

impl SimulatedCluster {
    /// A cluster without nodes that nobody serves yet. Call it on a tokio runtime.
    pub fn create(options: &ClusterOptions) -> Result<Self, CertificateError> {
        let authority = Authority::new(&options.name)?;
        let mut state = State::new(&options.name, &options.version, options.seed, options.pace);
        let token = if options.token.is_empty() { state.random(32) } else { options.token.clone() };
        let bearer = state.random(40);
        stock::install(&mut state, authority.pem());
        let state = Arc::new(Mutex::new(state));
        tokio::spawn(controllers::run(Arc::downgrade(&state)));
        Ok(Self(Arc::new(Shared { state, authority, token, bearer, served: Mutex::default() })))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn served(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, watch::Sender<bool>>> {
        self.0.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its name in the books.
    pub fn name(&self) -> String {
        self.state().name.clone()
    }

    /// The full join token, as k3s writes it to its `token` file.
    pub fn token(&self) -> String {
        format!("K10{}::server:{}", self.0.authority.hash(), self.0.token)
    }

    /// Whether a token joins this cluster: the full one, or its short form.
    pub fn accepts_token(&self, token: &str) -> bool {
        token == self.0.token || token == self.token()
    }

    /// The authority's certificate.
    pub fn authority_pem(&self) -> String {
        self.0.authority.pem().to_owned()
    }

    /// A kubeconfig of the administrator for a server: `https://127.0.0.1:6443`.
    pub fn kubeconfig_yaml(&self, server: &str) -> String {
        self.0.authority.kubeconfig(server)
    }

    /// The same with a bearer token.
    pub fn token_kubeconfig_yaml(&self, server: &str) -> String {
        self.0.authority.token_kubeconfig(server, &self.0.bearer)
    }

    /// Serves the API on an address (port 0 picks one) until `stop_serving`.
    /// The certificate names the address and these further ones.
    pub async fn serve_on(&self, address: SocketAddr, further: &[IpAddr]) -> std::io::Result<SocketAddr> {
        let listener = serve::bind(address).await?;
        let bound = listener.local_addr()?;
        let mut names = vec![bound.ip(), IpAddr::from([127, 0, 0, 1])];
        names.extend_from_slice(further);
        names.sort();
        names.dedup();
        let tls = self.0.authority.server(&names).map_err(std::io::Error::other)?;
        let front = Front {
            state: Arc::clone(&self.0.state),
            tls: TlsAcceptor::from(tls),
            bearer: self.0.bearer.clone(),
        };
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(serve::accept(listener, Arc::new(front), stopped));
        self.served().insert(bound, stop);
        Ok(bound)
    }

    /// Stops serving on an address; open connections are cut.
    pub fn stop_serving(&self, address: SocketAddr) {
        if let Some(stop) = self.served().remove(&address) {
            stop.send_replace(true);
        }
    }

    /// A box joined: its node appears, Ready.
    pub fn add_node(&self, name: &str, addresses: &[IpAddr], labels: &[(String, String)]) {
        let mut state = self.state();
        let uid_seed = state.random(12);
        let mut all = json!({
            "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
            "node-role.kubernetes.io/control-plane": "true", "node-role.kubernetes.io/etcd": "true",
            "node.kubernetes.io/instance-type": "k3s",
        });
        for (key, value) in labels {
            all[key] = json!(value);
        }
        let mut listed: Vec<Value> = Vec::new();
        for (index, address) in addresses.iter().enumerate() {
            listed.push(json!({"type": if index == 0 { "InternalIP" } else { "ExternalIP" }, "address": address.to_string()}));
        }
        listed.push(json!({"type": "Hostname", "address": name}));
        let version = state.kubernetes.clone();
        state.nodes.insert(name.to_owned(), NodeState::Up);
        state.make(json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": all},
            "spec": {"podCIDR": format!("10.42.{}.0/24", listed.len()), "providerID": format!("k3s://{name}")},
            "status": {
                "addresses": listed,
                "capacity": {"cpu": "4", "memory": "7964Mi", "pods": "110"},
                "allocatable": {"cpu": "4", "memory": "7964Mi", "pods": "110"},
                "conditions": [{
                    "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status",
                    "lastTransitionTime": now_text(), "lastHeartbeatTime": now_text(),
                }, {
                    "type": "EtcdIsVoter", "status": "True", "reason": "MemberNotLearner",
                    "message": "Node is a voting member of the etcd cluster", "lastTransitionTime": now_text(),
                }],
                "nodeInfo": {
                    "kubeletVersion": version, "osImage": "Ubuntu 26.04 LTS", "kernelVersion": "7.0.0-14-generic",
                    "containerRuntimeVersion": "containerd://2.2.2-k3s1", "architecture": "amd64", "operatingSystem": "linux",
                    "machineID": uid_seed, "bootID": "", "systemUUID": "", "kubeProxyVersion": "",
                },
            },
        }));
    }

    /// A box left for good: its node and what ran on it are gone.
    pub fn remove_node(&self, name: &str) {
        let mut state = self.state();
        state.nodes.remove(name);
        controllers::power_off(&mut state, name);
        state.remove(&Key::new("", "nodes", "", name));
    }

    /// A box lost power: nothing runs there from this moment; the API still lists its pods.
    pub fn node_off(&self, name: &str) {
        let mut state = self.state();
        // One that left the cluster before does not come back by going off.
        if let Some(known) = state.nodes.get_mut(name) {
            *known = NodeState::Off;
        }
        controllers::power_off(&mut state, name);
    }

    /// A box runs on but nobody reaches it.
    pub fn node_partitioned(&self, name: &str) {
        self.state().nodes.insert(name.to_owned(), NodeState::Partitioned);
    }

    /// A box came back.
    pub fn node_up(&self, name: &str) {
        let mut state = self.state();
        if state.nodes.contains_key(name) {
            state.nodes.insert(name.to_owned(), NodeState::Up);
        }
    }

    /// The release that a node's kubelet is of.
    pub fn node_release(&self, name: &str, version: &str) {
        let mut state = self.state();
        version.clone_into(&mut state.kubernetes);
        state.change(&Key::new("", "nodes", "", name), |node| {
            node["status"]["nodeInfo"]["kubeletVersion"] = json!(version);
        });
    }

    /// Names of the nodes.
    pub fn nodes(&self) -> Vec<String> {
        self.state().nodes.keys().cloned().collect()
    }

    /// Answers the next matching calls with an error.
    pub fn script_api(&self, fault: ApiFault) {
        self.state().faults.api.push(fault);
    }

    /// Scripts containers whose image contains a text; the newest script counts.
    pub fn script_container(&self, image: &str, fault: ContainerFault) {
        self.state().faults.containers.insert(0, (image.to_owned(), fault));
    }

    /// Scripts Jobs whose name starts with a text; the newest script counts.
    pub fn script_job(&self, name: &str, fault: JobFault) {
        self.state().faults.jobs.insert(0, (Jobs::Named(name.to_owned()), fault));
    }

    /// Scripts Jobs with an image whose name contains a text; the newest script counts.
    pub fn script_job_image(&self, image: &str, fault: JobFault) {
        self.state().faults.jobs.insert(0, (Jobs::OfImage(image.to_owned()), fault));
    }

    /// Objects of a plural whose name contains a text stay in deletion.
    pub fn hold_deletion(&self, plural: &str, name: &str) {
        self.state().faults.held.push((plural.to_owned(), name.to_owned()));
    }

    /// Ends all scripts.
    pub fn clear_scripts(&self) {
        let mut state = self.state();
        let generation = state.faults.watch_generation;
        state.faults = super::faults::Faults { watch_generation: generation, ..Default::default() };
    }

    /// Cuts every open watch.
    pub fn drop_watches(&self) {
        let mut state = self.state();
        state.faults.watch_generation += 1;
        state.wake();
    }

    /// Every run of a singleton's container so far.
    pub fn singleton_runs(&self) -> Vec<SingletonRun> {
        self.state().observer.runs()
    }

    /// Tells a function of every start and stop of a singleton's container from
    /// now on. It must not call back into the cluster.
    pub fn on_singleton(&self, listener: impl Fn(&SingletonRun) + Send + Sync + 'static) {
        self.state().observer.listen(Box::new(listener));
    }

    /// All objects of a plural, as stored: for tests and pictures.
    pub fn objects(&self, group: &str, plural: &str) -> Vec<Value> {
        self.state().all(group, plural).into_iter().map(|(_, object)| object).collect()
    }

    /// Writes an object as somebody other than honey, by field manager name.
    pub fn write_as(&self, manager: &str, object: &Value) -> Result<(), String> {
        let mut state = self.state();
        let (api_version, kind) = (object["apiVersion"].as_str(), object["kind"].as_str());
        let kind = state
            .types
            .iter()
            .find(|known| {
                Some(known.kind.as_str()) == kind && Some(known.api_version().as_str()) == api_version
            })
            .cloned()
            .ok_or("unknown kind")?;
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        let key = Key::new(&kind.group, &kind.plural, text("namespace"), text("name"));
        let mut after = state.objects.get(&key).cloned().unwrap_or_else(|| json!({}));
        super::patch::merge(&mut after, object);
        let time = now_text();
        let writer = Writer { manager, time: &time, subresource: None, schema: kind.schema.root() };
        super::write::write_as(&mut state, &kind, &key, after, &writer)
            .map_err(|refusal| refusal.body.to_string())
    }

    /// Deletes an object as an operator would, with the options of a delete call.
    pub fn delete(&self, group: &str, plural: &str, namespace: &str, name: &str, options: &Value) {
        let key = Key::new(group, plural, namespace, name);
        let mut state = self.state();
        if state.objects.contains_key(&key) {
            super::handle::mark_deleted(&mut state, &key, options);
        }
    }

    /// Waits until a condition over all objects of a plural holds, at most `limit`.
    pub async fn wait_until(
        &self,
        group: &str,
        plural: &str,
        limit: Duration,
        holds: impl Fn(&[Value]) -> bool + Send,
    ) -> bool {
        let mut changed = self.state().subscribe();
        let waiting = async {
            loop {
                changed.borrow_and_update();
                if holds(&self.objects(group, plural)) || changed.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(limit, waiting).await;
        holds(&self.objects(group, plural))
    }
}
