//! What all parts of a lab share: machines, the clock, the books, and the two
//! seams through which boxes and clusters plug in.
//!
//! Vendors register machines here; the [`MachineHost`] (boxes with SSH) is told
//! and serves them; the [`Clusters`] (Kubernetes) is told by the boxes when
//! k3s starts or stops on one.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use serde::Serialize;

use crate::books::{Books, Event, ObjectEvent};
use crate::clock::Clock;
use crate::random::Random;
use crate::subnet::Subnet;

/// Port every box serves SSH on.
pub const SSH_PORT: u16 = 2222;

/// Port every box serves the Kubernetes API on once k3s runs there.
pub const KUBE_PORT: u16 = 6443;

/// A machine some vendor handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Unique in the lab: `<vendor>/<vendor's id>`.
    pub id: String,
    /// Vendor name: `hetzner`, `ovh`, `generic`.
    pub vendor: String,
    /// The vendor's display name, also the host name of the box.
    pub name: String,
    /// OVH service name, where the vendor has one.
    pub service: Option<String>,
    /// Address of the box, alone on it.
    pub ipv4: Ipv4Addr,
    /// Login the image was made with.
    pub user: String,
    /// Public keys (OpenSSH lines) put in place when the image was installed.
    pub authorized_keys: Vec<String>,
    /// Whether it is switched on.
    pub power: bool,
    /// Image it was installed from.
    pub image: String,
    /// How often an image was installed; the first is 1. A new generation has
    /// a new host key and an empty disk.
    pub generation: u32,
    /// Whether the vendor gave it a private network.
    pub private_network: bool,
}

/// What a vendor says about a machine it wants.
#[derive(Debug, Clone)]
pub struct NewMachine {
    /// Vendor name.
    pub vendor: String,
    /// The vendor's identifier.
    pub id: String,
    /// Display name.
    pub name: String,
    /// OVH service name.
    pub service: Option<String>,
    /// Login.
    pub user: String,
    /// Public keys.
    pub authorized_keys: Vec<String>,
    /// Image name.
    pub image: String,
    /// Whether it starts at once.
    pub power: bool,
}

/// Serves machines (boxes with SSH). Implemented by `box_host`.
#[async_trait]
pub trait MachineHost: Send + Sync {
    /// A machine exists and, if `machine.power`, must be reachable on return.
    async fn machine_created(&self, world: &Arc<World>, machine: &Machine) -> std::io::Result<()>;

    /// The machine is gone for good.
    async fn machine_destroyed(&self, world: &Arc<World>, machine: &Machine);

    /// A fresh image was installed: empty disk, new host keys, new
    /// authorised keys, the new generation in `machine`.
    async fn machine_reinstalled(&self, world: &Arc<World>, machine: &Machine) -> std::io::Result<()>;

    /// The machine was switched on or off; the disk stays.
    async fn machine_power(&self, world: &Arc<World>, machine: &Machine, on: bool) -> std::io::Result<()>;
}

/// What a box tells when its k3s server starts.
#[derive(Debug, Clone)]
pub struct ServerStart {
    /// The box.
    pub machine: Machine,
    /// Host name, which becomes the node's name.
    pub hostname: String,
    /// k3s version installed, e.g. `v1.34.6+k3s1`.
    pub version: String,
    /// `/etc/rancher/k3s/config.yaml` as found on the box.
    pub config: serde_json::Value,
}

/// What k3s leaves on the box after it started.
#[derive(Debug, Clone)]
pub struct ServerUp {
    /// `/etc/rancher/k3s/k3s.yaml`.
    pub kubeconfig: String,
    /// `/var/lib/rancher/k3s/server/token`.
    pub node_token: String,
}

/// Serves Kubernetes on boxes. Implemented by `kube`, called by `box_host`.
#[async_trait]
pub trait Clusters: Send + Sync {
    /// k3s starts as a server on a box; the message of an error is what k3s
    /// would have logged.
    async fn server_started(&self, world: &Arc<World>, start: ServerStart) -> Result<ServerUp, String>;

    /// k3s stopped (service stop, power off); its data stays.
    async fn server_stopped(&self, world: &Arc<World>, machine: &str);

    /// k3s and its data were removed (uninstall, reinstall, destroyed).
    async fn server_removed(&self, world: &Arc<World>, machine: &str);

    /// Anything else, by name, with JSON in and out (etcd snapshots, resets).
    async fn call(
        &self,
        _world: &Arc<World>,
        _machine: &str,
        name: &str,
        _arguments: serde_json::Value,
    ) -> Result<serde_json::Value, String> {
        Err(format!("{name}: not known here"))
    }
}

/// Serves nothing.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl MachineHost for Nobody {
    async fn machine_created(&self, _: &Arc<World>, _: &Machine) -> std::io::Result<()> {
        Ok(())
    }

    async fn machine_destroyed(&self, _: &Arc<World>, _: &Machine) {}

    async fn machine_reinstalled(&self, _: &Arc<World>, _: &Machine) -> std::io::Result<()> {
        Ok(())
    }

    async fn machine_power(&self, _: &Arc<World>, _: &Machine, _: bool) -> std::io::Result<()> {
        Ok(())
    }
}

#[async_trait]
impl Clusters for Nobody {
    async fn server_started(&self, _: &Arc<World>, _: ServerStart) -> Result<ServerUp, String> {
        Err(String::from("this lab serves no Kubernetes"))
    }

    async fn server_stopped(&self, _: &Arc<World>, _: &str) {}

    async fn server_removed(&self, _: &Arc<World>, _: &str) {}
}

/// The shared world of one lab.
pub struct World {
    /// Seed of everything that looks random.
    pub seed: u64,
    /// Time.
    pub clock: Clock,
    /// The books.
    pub books: Books,
    /// Where the lab may keep files of its own.
    pub directory: Option<PathBuf>,
    subnet: Subnet,
    machines: Mutex<BTreeMap<String, Machine>>,
    next_address: Mutex<u8>,
    free_addresses: Mutex<Vec<u8>>,
    host: OnceLock<Arc<dyn MachineHost>>,
    clusters: OnceLock<Arc<dyn Clusters>>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("World")
            .field("seed", &self.seed)
            .field("subnet", &self.subnet.text())
            .finish_non_exhaustive()
    }
}

fn open<T>(page: &Mutex<T>) -> MutexGuard<'_, T> {
    page.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// An empty world with a subnet of its own.
    pub fn new(seed: u64, scale: f64, directory: Option<PathBuf>) -> std::io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            seed,
            clock: Clock::new(scale),
            books: Books::default(),
            directory,
            subnet: Subnet::claim(seed)?,
            machines: Mutex::default(),
            next_address: Mutex::new(10),
            free_addresses: Mutex::default(),
            host: OnceLock::new(),
            clusters: OnceLock::new(),
        }))
    }

    /// Plugs the boxes in; the first one stays.
    pub fn set_host(&self, host: Arc<dyn MachineHost>) {
        let _ = self.host.set(host);
    }

    /// Plugs the clusters in; the first one stays.
    pub fn set_clusters(&self, clusters: Arc<dyn Clusters>) {
        let _ = self.clusters.set(clusters);
    }

    fn host(&self) -> Arc<dyn MachineHost> {
        self.host.get().cloned().unwrap_or_else(|| Arc::new(Nobody))
    }

    /// The clusters, for boxes to call.
    pub fn clusters(&self) -> Arc<dyn Clusters> {
        self.clusters.get().cloned().unwrap_or_else(|| Arc::new(Nobody))
    }

    /// A stream of repeatable numbers for one purpose.
    pub fn random(&self, purpose: &str) -> Random {
        Random::new(self.seed, purpose)
    }

    /// The subnet, `127.R.S.0/24`.
    pub fn subnet(&self) -> String {
        self.subnet.text()
    }

    /// Every machine, by id.
    pub fn machines(&self) -> Vec<Machine> {
        open(&self.machines).values().cloned().collect()
    }

    /// One machine by its lab id.
    pub fn machine(&self, id: &str) -> Option<Machine> {
        open(&self.machines).get(id).cloned()
    }

    /// The machine that holds an address.
    pub fn machine_at(&self, address: Ipv4Addr) -> Option<Machine> {
        open(&self.machines).values().find(|machine| machine.ipv4 == address).cloned()
    }

    /// Changes what is known of a machine without telling anyone.
    pub fn amend(&self, id: &str, change: impl FnOnce(&mut Machine)) -> Option<Machine> {
        let mut machines = open(&self.machines);
        let machine = machines.get_mut(id)?;
        change(machine);
        Some(machine.clone())
    }

    /// Reserves the next address; early, so that a vendor can answer with it
    /// before the machine boots.
    pub fn reserve_address(&self) -> std::io::Result<Ipv4Addr> {
        let mut next = open(&self.next_address);
        if *next < 250 {
            let n = *next;
            *next += 1;
            return Ok(self.subnet.address(n));
        }
        let mut free = open(&self.free_addresses);
        if free.is_empty() {
            return Err(std::io::Error::other("the lab's subnet is full"));
        }
        Ok(self.subnet.address(free.remove(0)))
    }

    /// Adds a machine at a reserved address and starts its box.
    pub async fn create_machine(
        self: &Arc<Self>,
        new: NewMachine,
        ipv4: Ipv4Addr,
    ) -> std::io::Result<Machine> {
        let machine = Machine {
            id: format!("{}/{}", new.vendor, new.id),
            vendor: new.vendor,
            name: new.name,
            service: new.service,
            ipv4,
            user: new.user,
            authorized_keys: new.authorized_keys,
            power: new.power,
            image: new.image,
            generation: 1,
            private_network: false,
        };
        open(&self.machines).insert(machine.id.clone(), machine.clone());
        self.host().machine_created(self, &machine).await?;
        Ok(machine)
    }

    /// Removes a machine for good.
    pub async fn destroy_machine(self: &Arc<Self>, id: &str) {
        let gone = open(&self.machines).remove(id);
        if let Some(machine) = gone {
            self.clusters().server_removed(self, id).await;
            self.host().machine_destroyed(self, &machine).await;
            open(&self.free_addresses).push(machine.ipv4.octets()[3]);
        }
    }

    /// Installs a fresh image.
    pub async fn reinstall_machine(
        self: &Arc<Self>,
        id: &str,
        image: &str,
        authorized_keys: Vec<String>,
    ) -> std::io::Result<()> {
        let changed = self.amend(id, |machine| {
            image.clone_into(&mut machine.image);
            machine.authorized_keys = authorized_keys;
            machine.generation += 1;
            machine.power = true;
        });
        let Some(machine) = changed else { return Ok(()) };
        self.clusters().server_removed(self, id).await;
        self.host().machine_reinstalled(self, &machine).await
    }

    /// Switches a machine on or off.
    pub async fn power_machine(self: &Arc<Self>, id: &str, on: bool) -> std::io::Result<()> {
        let Some(machine) = self.amend(id, |machine| machine.power = on) else { return Ok(()) };
        if !on {
            self.clusters().server_stopped(self, id).await;
        }
        self.host().machine_power(self, &machine, on).await
    }

    /// Writes an object event into the books.
    pub fn note(&self, vendor: &str, kind: &str, id: &str, name: &str, event: Event) {
        self.books.object(ObjectEvent {
            at_ms: self.clock.now_ms(),
            vendor: vendor.to_owned(),
            kind: kind.to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            event,
        });
    }
}
