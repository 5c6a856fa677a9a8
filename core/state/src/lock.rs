//! The lease lock: one object with its holder in it.
//!
//! Taken by create-if-absent, kept by a heartbeat, given back at the end. A
//! holder that is provably gone (its process on this machine is dead) or that
//! gave no sign of life for the length of the lease is taken over, and said so.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use honey_model::{Fault, FaultClass};
use honey_ports::{
    Event,
    store::{Lock, LockHolder},
};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion, path::Path};
use tokio::task::JoinHandle;

use crate::{
    durable::{blocking, failed},
    store::{Options, fault_of},
};

/// The lock object's place, and how it may be changed.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) shown: String,
    /// Where the store cannot swap conditionally (a local directory), a file
    /// whose advisory lock makes read-then-write one step on this machine.
    pub(crate) guard: Option<PathBuf>,
    /// The lock's file, where it is one: removed at once when the holder is dropped.
    pub(crate) file: Option<PathBuf>,
    pub(crate) options: Options,
}

/// The holder as read, with the version that was read.
pub(crate) struct Seen {
    pub(crate) holder: LockHolder,
    version: UpdateVersion,
}

fn place() -> Path {
    Path::from("lock.json")
}

fn payload(holder: &LockHolder) -> PutPayload {
    PutPayload::from(serde_json::to_vec(holder).expect("a holder is plain data and always serialises"))
}

impl Seat {
    /// Who holds it.
    pub(crate) async fn seen(&self) -> Result<Option<Seen>, Fault> {
        let read = match self.objects.get(&place()).await {
            Ok(read) => read,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(fault_of("read the lock in", &self.shown, &error)),
        };
        let version = UpdateVersion { e_tag: read.meta.e_tag.clone(), version: read.meta.version.clone() };
        let modified = u64::try_from(read.meta.last_modified.timestamp_millis()).unwrap_or_default();
        let bytes = read.bytes().await.map_err(|error| fault_of("read the lock in", &self.shown, &error))?;
        let holder = serde_json::from_slice(&bytes).unwrap_or_else(|_| LockHolder {
            id: "unreadable".to_owned(),
            who: "unknown".to_owned(),
            pid: 0,
            command: "unknown (the lock cannot be read)".to_owned(),
            since_ms: modified,
            heartbeat_ms: modified,
        });
        Ok(Some(Seen { holder, version }))
    }

    /// The guard of a local directory, held until dropped.
    async fn guarded(&self) -> Result<Option<std::fs::File>, Fault> {
        let Some(path) = self.guard.clone() else { return Ok(None) };
        blocking(move || {
            let lock = || -> std::io::Result<std::fs::File> {
                use std::os::unix::fs::OpenOptionsExt;
                let file = std::fs::OpenOptions::new()
                    .create(true)
                    .truncate(false)
                    .write(true)
                    .mode(0o600)
                    .open(&path)?;
                file.lock()?;
                Ok(file)
            };
            lock().map(Some).map_err(|error| failed("guard", &path, &error))
        })
        .await
    }

    /// Writes `next` over a holder with this id; false when it is another one by now.
    async fn swap(&self, id: &str, next: &LockHolder) -> Result<bool, Fault> {
        let guard = self.guarded().await?;
        let Some(seen) = self.seen().await?.filter(|seen| seen.holder.id == id) else { return Ok(false) };
        let mode = if guard.is_some() { PutMode::Overwrite } else { PutMode::Update(seen.version) };
        match self.objects.put_opts(&place(), payload(next), PutOptions::from(mode)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::Precondition { .. } | object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(fault_of("write the lock in", &self.shown, &error)),
        }
    }

    /// Removes the lock when its holder has this id; false when it has another.
    pub(crate) async fn remove(&self, id: &str) -> Result<bool, Fault> {
        let _guard = self.guarded().await?;
        match self.seen().await? {
            None => Ok(true),
            Some(seen) if seen.holder.id != id => Ok(false),
            Some(_) => {
                let removed = self.objects.delete(&place()).await;
                removed.map(|()| true).map_err(|error| fault_of("remove the lock in", &self.shown, &error))
            }
        }
    }

    /// Takes the lock, from nobody or from a holder that is gone.
    pub(crate) async fn take(&self, command: &str) -> Result<LeaseLock, Fault> {
        for _ in 0..8 {
            let now = (self.options.now)();
            let next = LockHolder {
                id: crate::random::token(16)?,
                who: self.options.who.clone(),
                pid: self.options.pid,
                command: command.to_owned(),
                since_ms: now,
                heartbeat_ms: now,
            };
            let created =
                self.objects.put_opts(&place(), payload(&next), PutOptions::from(PutMode::Create)).await;
            match created {
                Ok(_) => return Ok(LeaseLock::hold(self.clone(), next)),
                Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                }
                Err(error) => return Err(fault_of("take the lock in", &self.shown, &error)),
            }
            let Some(seen) = self.seen().await? else { continue };
            let Some(why) = self.gone(&seen.holder, now) else { return Err(Self::held(&seen.holder, now)) };
            if self.swap(&seen.holder.id, &next).await? {
                let message =
                    format!("took the lock over from {} ({}): {why}", seen.holder.who, seen.holder.command);
                self.options.progress.tell(Event::Notice { message });
                return Ok(LeaseLock::hold(self.clone(), next));
            }
        }
        Err(Fault::new(FaultClass::Locked, "HNY0704", "others take the lock faster; try again"))
    }

    /// Why the holder cannot be at work any more, if so.
    pub(crate) fn gone(&self, holder: &LockHolder, now: u64) -> Option<String> {
        let host = |who: &str| who.rsplit('@').next().unwrap_or_default().to_owned();
        let here = host(&holder.who) == host(&self.options.who) && self.guard.is_some();
        if here && !alive(holder.pid) {
            return Some(format!("its process {} is gone", holder.pid));
        }
        let silent = now.saturating_sub(holder.heartbeat_ms);
        (u128::from(silent) > self.options.lease.as_millis())
            .then(|| format!("no sign of life for {} seconds", silent / 1000))
    }

    fn held(holder: &LockHolder, now: u64) -> Fault {
        let seconds = |since: u64| now.saturating_sub(since) / 1000;
        let message = format!(
            "{} holds the lock: `{}`, process {}, for {} s, last sign of life {} s ago",
            holder.who,
            holder.command,
            holder.pid,
            seconds(holder.since_ms),
            seconds(holder.heartbeat_ms)
        );
        let help = format!("wait for it to end; if you know that it is gone: `honey unlock {}`", holder.id);
        Fault::new(FaultClass::Locked, "HNY0704", message).with_help(help)
    }
}

/// Whether a process of this machine lives. One that we may not ask lives.
fn alive(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else { return false };
    !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

/// A held lock with its heartbeat.
pub struct LeaseLock {
    seat: Seat,
    id: String,
    lost: Arc<AtomicBool>,
    released: AtomicBool,
    heartbeat: JoinHandle<()>,
}

impl LeaseLock {
    fn hold(seat: Seat, holder: LockHolder) -> Self {
        let id = holder.id.clone();
        let lost = Arc::new(AtomicBool::new(false));
        let heartbeat = tokio::spawn(beat(seat.clone(), holder, Arc::clone(&lost)));
        Self { seat, id, lost, released: AtomicBool::new(false), heartbeat }
    }

    fn lost(&self, how: &str) -> Fault {
        self.lost.store(true, Ordering::SeqCst);
        Fault::new(FaultClass::Conflict, "HNY0705", format!("the lock is not ours any more: {how}"))
            .with_help("what is done is recorded; look at who holds it, then `honey apply --resume`")
    }
}

async fn beat(seat: Seat, mut holder: LockHolder, lost: Arc<AtomicBool>) {
    let every = (seat.options.lease / 3).max(Duration::from_millis(10));
    loop {
        tokio::time::sleep(every).await;
        let before = holder.heartbeat_ms;
        holder.heartbeat_ms = (seat.options.now)();
        let id = holder.id.clone();
        match seat.swap(&id, &holder).await {
            Ok(true) => {}
            Ok(false) => {
                lost.store(true, Ordering::SeqCst);
                return;
            }
            // Tried again at the next beat; `still_held` looks for itself.
            Err(fault) => {
                holder.heartbeat_ms = before;
                tracing_note(&seat, &fault);
            }
        }
    }
}

fn tracing_note(seat: &Seat, fault: &Fault) {
    let message = format!("the lock's heartbeat failed and is tried again: {fault}");
    seat.options.progress.tell(Event::Log { origin: "state".to_owned(), level: "warn".to_owned(), message });
}

#[async_trait]
impl Lock for LeaseLock {
    async fn still_held(&self) -> Result<(), Fault> {
        if self.lost.load(Ordering::SeqCst) {
            return Err(self.lost("somebody else took it"));
        }
        match self.seat.seen().await? {
            None => Err(self.lost("it was removed")),
            Some(seen) if seen.holder.id != self.id => {
                Err(self.lost(&format!("{} holds it", seen.holder.who)))
            }
            Some(seen) => {
                let silent = (self.seat.options.now)().saturating_sub(seen.holder.heartbeat_ms);
                if u128::from(silent) > self.seat.options.lease.as_millis() {
                    return Err(self.lost("its lease ran out"));
                }
                Ok(())
            }
        }
    }

    async fn release(&self) -> Result<(), Fault> {
        self.heartbeat.abort();
        self.released.store(true, Ordering::SeqCst);
        self.seat.remove(&self.id).await.map(drop)
    }
}

impl Drop for LeaseLock {
    fn drop(&mut self) {
        self.heartbeat.abort();
        if self.released.load(Ordering::SeqCst) || self.lost.load(Ordering::SeqCst) {
            return;
        }
        if let Some(file) = &self.seat.file {
            let ours = std::fs::read(file)
                .ok()
                .and_then(|bytes| serde_json::from_slice::<LockHolder>(&bytes).ok())
                .is_some_and(|holder| holder.id == self.id);
            if ours {
                // Best effort: what stays expires.
                let _ = std::fs::remove_file(file);
            }
        } else if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (seat, id) = (self.seat.clone(), self.id.clone());
            runtime.spawn(async move { seat.remove(&id).await });
        }
    }
}
