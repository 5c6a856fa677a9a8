//! All boxes of a lab, and the listener of each.

use std::{
    collections::BTreeMap,
    net::{Shutdown, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use russh::keys::{PrivateKey, ssh_key::private::Ed25519Keypair};
use tokio::{net::TcpListener, sync::watch};

use super::{
    clusters::LabClusters,
    disk::Disk,
    faults::{self, BoxFault, Pending},
    k3s, ssh,
};
use crate::world::{Machine, MachineHost, SSH_PORT, World};

fn lock<T>(page: &Mutex<T>) -> MutexGuard<'_, T> {
    page.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One box.
pub(super) struct OneBox {
    machine: Mutex<Machine>,
    disk: Mutex<Disk>,
    pending: Mutex<Pending>,
    sockets: Mutex<Vec<std::net::TcpStream>>,
    listening: Mutex<Option<watch::Sender<bool>>>,
    /// One writer at a time, as on a real host.
    pub(super) work: tokio::sync::Mutex<()>,
    commands: Mutex<Vec<String>>,
    boots: std::sync::atomic::AtomicU32,
}

impl OneBox {
    fn new(machine: &Machine) -> Self {
        Self {
            disk: Mutex::new(Disk::fresh(machine)),
            machine: Mutex::new(machine.clone()),
            pending: Mutex::default(),
            sockets: Mutex::default(),
            listening: Mutex::default(),
            work: tokio::sync::Mutex::default(),
            commands: Mutex::default(),
            boots: std::sync::atomic::AtomicU32::new(1),
        }
    }

    /// How often it was started.
    pub(super) fn boots(&self) -> u32 {
        self.boots.load(std::sync::atomic::Ordering::SeqCst)
    }

    pub(super) fn machine(&self) -> MutexGuard<'_, Machine> {
        lock(&self.machine)
    }

    pub(super) fn disk(&self) -> MutexGuard<'_, Disk> {
        lock(&self.disk)
    }

    pub(super) fn pending(&self) -> MutexGuard<'_, Pending> {
        lock(&self.pending)
    }

    pub(super) fn note_command(&self, command: String) {
        lock(&self.commands).push(command);
    }

    /// Cuts every open connection.
    pub(super) fn cut(&self) {
        for socket in lock(&self.sockets).drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn stop_listening(&self) {
        if let Some(stop) = lock(&self.listening).take() {
            stop.send_replace(true);
        }
    }

    /// The host key: repeatable under the lab's seed, new with every image.
    fn host_key(&self, world: &World) -> PrivateKey {
        let machine = self.machine();
        let random = world.random(&format!("host-key/{}/{}", machine.id, machine.generation));
        let mut seed = [0; 32];
        for part in seed.chunks_mut(8) {
            part.copy_from_slice(&random.next().to_le_bytes());
        }
        PrivateKey::from(Ed25519Keypair::from_seed(&seed))
    }

    /// Begins to serve SSH, unless it does.
    async fn listen(self: &Arc<Self>, world: &Arc<World>) -> std::io::Result<()> {
        if lock(&self.listening).is_some() {
            return Ok(());
        }
        let address = SocketAddr::from((self.machine().ipv4, SSH_PORT));
        let listener = bind(address).await?;
        let (stop, mut stopped) = watch::channel(false);
        *lock(&self.listening) = Some(stop);
        let config = Arc::new(ssh::config(self.host_key(world)));
        let (one, world) = (Arc::clone(self), Arc::downgrade(world));
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = stopped.changed() => return,
                    accepted = listener.accept() => {
                        let (Ok((stream, peer)), Some(world)) = (accepted, world.upgrade()) else { return };
                        one.serve(&world, stream, peer, &config);
                    }
                }
            }
        });
        Ok(())
    }

    fn serve(
        self: &Arc<Self>,
        world: &Arc<World>,
        stream: tokio::net::TcpStream,
        peer: SocketAddr,
        config: &Arc<russh::server::Config>,
    ) {
        let _ = stream.set_nodelay(true);
        let Ok(stream) = stream.into_std() else { return };
        let Ok(handle) = stream.try_clone() else { return };
        let mut sockets = lock(&self.sockets);
        sockets.retain(|socket| socket.peer_addr().is_ok());
        sockets.push(handle);
        drop(sockets);
        // A filtered packet gets no answer; here the connection stays silent.
        let silent =
            !self.disk().lets_in(SSH_PORT, &peer.ip().to_string()) || faults::take(&mut self.pending().hangs);
        if silent {
            return;
        }
        let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { return };
        let handler = ssh::Handler::new(Arc::clone(self), Arc::downgrade(world));
        let config = Arc::clone(config);
        tokio::spawn(async move {
            if let Ok(running) = russh::server::run_stream(config, stream, handler).await {
                let _ = running.await;
            }
        });
    }

    /// Goes down and comes back: connections and unconfirmed rules are gone, the disk stays.
    pub(super) async fn reboot(self: &Arc<Self>, world: &Arc<World>, away: Duration) {
        self.go_down(world).await;
        let (one, world) = (Arc::clone(self), Arc::clone(world));
        tokio::spawn(async move {
            tokio::time::sleep(away).await;
            if one.machine().power {
                let _ = one.come_up(&world).await;
            }
        });
    }

    async fn go_down(&self, world: &Arc<World>) {
        self.stop_listening();
        self.cut();
        let id = self.machine().id.clone();
        world.clusters().server_stopped(world, &id).await;
        let mut disk = self.disk();
        if let Some(number) = disk.armed.as_ref().map(|armed| armed.number) {
            disk.restore_rules(number);
        }
        if let Some(k3s) = &mut disk.k3s {
            k3s.running = false;
        }
    }

    async fn come_up(self: &Arc<Self>, world: &Arc<World>) -> std::io::Result<()> {
        self.boots.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        self.listen(world).await?;
        if self.disk().k3s.is_some() {
            // A k3s that does not come back says so in the next facts.
            let _ = k3s::start(world, self).await;
        }
        Ok(())
    }
}

/// Waits a moment for an address that a box before has not left yet.
async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let mut last = None;
    for _ in 0..40 {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    Err(last.unwrap_or_else(|| std::io::Error::other("no listener")))
}

/// All boxes of a lab.
pub struct Boxes {
    by_id: Mutex<BTreeMap<String, Arc<OneBox>>>,
    clusters: Arc<LabClusters>,
    world: Mutex<Weak<World>>,
}

/// A listener's task keeps its box alive: without this the boxes of a stopped
/// lab would go on listening on addresses that the next lab may want.
impl Drop for Boxes {
    fn drop(&mut self) {
        for one in lock(&self.by_id).values() {
            one.stop_listening();
            one.cut();
        }
    }
}

impl std::fmt::Debug for Boxes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Boxes")
            .field("boxes", &lock(&self.by_id).keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Boxes {
    pub(super) fn new(clusters: Arc<LabClusters>) -> Self {
        Self { by_id: Mutex::default(), clusters, world: Mutex::default() }
    }

    fn find(&self, machine: &str) -> Option<Arc<OneBox>> {
        let boxes = lock(&self.by_id);
        boxes.get(machine).or_else(|| boxes.values().find(|one| one.machine().name == machine)).cloned()
    }

    /// The clusters that run on the boxes.
    pub fn clusters(&self) -> &Arc<LabClusters> {
        &self.clusters
    }

    /// Makes something go wrong on a box, by its machine's id or name; false
    /// when there is no such box.
    pub fn inject(&self, machine: &str, fault: BoxFault) -> bool {
        let Some(one) = self.find(machine) else { return false };
        let mut pending = one.pending();
        match fault {
            BoxFault::SshHangs { times } => pending.hangs = times,
            BoxFault::CutBeforeStep { step } => pending.cut = Some(step),
            BoxFault::RebootBeforeStep { step, ms } => pending.reboot = Some((step, ms)),
            BoxFault::AptFails { times } => pending.apt = times,
            BoxFault::K3sFails { times, message } => pending.k3s = Some((times, message)),
            BoxFault::SudoPassword { wanted } => pending.sudo = wanted,
            BoxFault::HostileOutput { times } => pending.hostile = times,
            BoxFault::DiskFull { full } => one.disk().full = full,
            BoxFault::ClockAhead { seconds } => one.disk().clock_ahead = seconds,
            BoxFault::PackageLock { ms } => {
                one.disk().locked_until = Some(Instant::now() + Duration::from_millis(ms));
            }
            BoxFault::SshRefuses { ms } => {
                drop(pending);
                one.stop_listening();
                one.cut();
                let world = lock(&self.world).upgrade();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    if let Some(world) = world {
                        let _ = one.listen(&world).await;
                    }
                });
            }
        }
        true
    }

    /// A file of a box, as root sees it.
    pub fn file(&self, machine: &str, path: &str) -> Option<Vec<u8>> {
        Some(self.find(machine)?.disk().files.get(path)?.bytes.clone())
    }

    /// Firewall rules of a box, and whether they filter.
    pub fn firewall(&self, machine: &str) -> Option<(bool, Vec<String>)> {
        let one = self.find(machine)?;
        let disk = one.disk();
        Some((disk.rules.active, disk.rules.allowed.iter().cloned().collect()))
    }

    /// Command lines that a box was asked to run: never a secret in them.
    pub fn commands(&self, machine: &str) -> Vec<String> {
        self.find(machine).map(|one| lock(&one.commands).clone()).unwrap_or_default()
    }

    /// Changes a file behind honey's back.
    pub fn tamper(&self, machine: &str, path: &str, content: &str) -> bool {
        let Some(one) = self.find(machine) else { return false };
        let file = super::disk::File { mode: 0o644, bytes: content.as_bytes().to_vec() };
        one.disk().files.insert(path.to_owned(), file);
        true
    }

    /// Public host key of a box, as in a `known_hosts` file: `type base64`.
    pub fn host_key(&self, world: &World, machine: &str) -> Option<String> {
        self.find(machine)?.host_key(world).public_key().to_openssh().ok()
    }
}

#[async_trait]
impl MachineHost for Boxes {
    async fn machine_created(&self, world: &Arc<World>, machine: &Machine) -> std::io::Result<()> {
        *lock(&self.world) = Arc::downgrade(world);
        let one = Arc::new(OneBox::new(machine));
        lock(&self.by_id).insert(machine.id.clone(), Arc::clone(&one));
        if machine.power { one.listen(world).await } else { Ok(()) }
    }

    async fn machine_destroyed(&self, _world: &Arc<World>, machine: &Machine) {
        let gone = lock(&self.by_id).remove(&machine.id);
        if let Some(one) = gone {
            one.stop_listening();
            one.cut();
        }
    }

    async fn machine_reinstalled(&self, world: &Arc<World>, machine: &Machine) -> std::io::Result<()> {
        self.machine_destroyed(world, machine).await;
        self.machine_created(world, machine).await
    }

    async fn machine_power(&self, world: &Arc<World>, machine: &Machine, on: bool) -> std::io::Result<()> {
        let Some(one) = self.find(&machine.id) else { return Ok(()) };
        one.machine().power = on;
        if on {
            one.come_up(world).await
        } else {
            one.go_down(world).await;
            Ok(())
        }
    }
}
