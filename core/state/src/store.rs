//! The state of a project on an object store.
//!
//! `state.json` is the newest one, `versions/state-<serial>.json` are earlier
//! ones, `lock.json` is the lock. Journals are local files: they belong to the
//! machine that runs, and must be durable without a network.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt,
    path::{Path as FilePath, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use futures::TryStreamExt;
use honey_model::{Digest, Fault, FaultClass, State, state::STATE_VERSION};
use honey_ports::{
    Event, Progress,
    store::{Journal, Lock, LockHolder, StateStore},
};
use object_store::{
    ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion, local::LocalFileSystem,
    path::Path,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    durable::{blocking, failed, private_directory, sync_directory},
    journal::{FileJournal, is_sealed},
    lock::Seat,
};

/// Milliseconds since 1970.
pub type Now = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Who we are and how much is kept.
#[derive(Clone)]
pub struct Options {
    /// `user@host`, as others see us in the lock.
    pub who: String,
    /// Our process.
    pub pid: u32,
    /// How many earlier states and finished journals are kept.
    pub keep: usize,
    /// How long a holder may be silent.
    pub lease: Duration,
    /// The clock.
    pub now: Now,
    /// Who is told of notices.
    pub progress: Progress,
}

impl Options {
    /// The usual ones.
    pub fn new(who: impl Into<String>) -> Self {
        Self {
            who: who.into(),
            pid: std::process::id(),
            keep: 20,
            lease: Duration::from_mins(1),
            now: Arc::new(|| {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            }),
            progress: Progress::silent(),
        }
    }
}

/// State, lock and journals of one project.
pub struct Store {
    seat: Seat,
    /// The state's folder, where it is a local one.
    folder: Option<PathBuf>,
    runs: PathBuf,
}

/// A fault for a failed call of the object store.
pub(crate) fn fault_of(what: &str, shown: &str, error: &object_store::Error) -> Fault {
    let class = match error {
        object_store::Error::NotFound { .. } => FaultClass::NotFound,
        object_store::Error::PermissionDenied { .. } => FaultClass::Forbidden,
        object_store::Error::Unauthenticated { .. } => FaultClass::Auth,
        object_store::Error::Generic { .. } => FaultClass::Transient,
        _ => FaultClass::Internal,
    };
    Fault::new(class, "HNY0708", format!("could not {what} {shown}: {error}"))
        .with_help("check that the place exists, has room and may be written; nothing is lost")
}

/// What `state.json` holds. The digest covers the exact bytes of `state`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    format: u32,
    digest: Digest,
    #[serde(borrow)]
    state: &'a RawValue,
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

#[derive(Deserialize)]
struct Identity {
    lineage: String,
    serial: u64,
}

enum Unreadable {
    Newer(u32),
    Corrupt(String),
}

fn encode(state: &State) -> Vec<u8> {
    let text = serde_json::to_string(state).expect("a state is plain data and always serialises");
    let digest = Digest::of_bytes(text.as_bytes());
    let raw = RawValue::from_string(text).expect("just serialised");
    let document = Document { format: STATE_VERSION, digest, state: &raw };
    serde_json::to_vec(&document).expect("a document is plain data and always serialises")
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Unreadable> {
    let corrupt = |error: serde_json::Error| Unreadable::Corrupt(error.to_string());
    let format: Format = serde_json::from_slice(bytes).map_err(corrupt)?;
    if format.format > STATE_VERSION {
        return Err(Unreadable::Newer(format.format));
    }
    if format.format < STATE_VERSION {
        return Err(Unreadable::Corrupt(format!("there never was a format {}", format.format)));
    }
    let document: Document<'a> = serde_json::from_slice(bytes).map_err(corrupt)?;
    if Digest::of_bytes(document.state.get().as_bytes()) != document.digest {
        return Err(Unreadable::Corrupt("its digest does not fit".to_owned()));
    }
    serde_json::from_str(document.state.get()).map_err(corrupt)
}

impl Store {
    /// In a local directory, made (mode 0700) where it is missing.
    pub fn local(folder: &FilePath, options: Options) -> Result<Self, Fault> {
        private_directory(folder)?;
        private_directory(&folder.join("runs"))?;
        private_directory(&folder.join("versions"))?;
        let shown = folder.display().to_string();
        let objects = LocalFileSystem::new_with_prefix(folder)
            .map_err(|error| fault_of("open", &shown, &error))?
            .with_fsync(true);
        let seat = Seat {
            objects: Arc::new(objects),
            shown,
            guard: Some(folder.join("runs").join(".guard")),
            file: Some(folder.join("lock.json")),
            options,
        };
        Ok(Self { seat, folder: Some(folder.to_owned()), runs: folder.join("runs") })
    }

    /// On any object store that swaps conditionally; journals stay in `runs`.
    pub fn on(
        objects: Arc<dyn ObjectStore>,
        shown: &str,
        runs: &FilePath,
        options: Options,
    ) -> Result<Self, Fault> {
        private_directory(runs)?;
        let seat = Seat { objects, shown: shown.to_owned(), guard: None, file: None, options };
        Ok(Self { seat, folder: None, runs: runs.to_owned() })
    }

    fn state_place() -> Path {
        Path::from("state.json")
    }

    fn version_place(serial: u64) -> Path {
        Path::from(format!("versions/state-{serial:010}.json"))
    }

    async fn get(&self, place: &Path) -> Result<Option<(bytes::Bytes, UpdateVersion)>, Fault> {
        let failed =
            |error: &object_store::Error| fault_of(&format!("read {place} in"), &self.seat.shown, error);
        let read = match self.seat.objects.get(place).await {
            Ok(read) => read,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed(&error)),
        };
        let version = UpdateVersion { e_tag: read.meta.e_tag.clone(), version: read.meta.version.clone() };
        let bytes = read.bytes().await.map_err(|error| failed(&error))?;
        Ok(Some((bytes, version)))
    }

    async fn put(&self, place: &Path, bytes: bytes::Bytes, mode: PutMode) -> Result<(), object_store::Error> {
        self.seat.objects.put_opts(place, PutPayload::from(bytes), PutOptions::from(mode)).await?;
        if let Some(folder) = &self.folder {
            let path = folder.join(place.as_ref());
            // The folder is closed to others already; this is the second wall.
            if let Err(error) = std::fs::set_permissions(&path, Permissions::from_mode(0o600)) {
                return Err(object_store::Error::Generic { store: "local", source: Box::new(error) });
            }
        }
        Ok(())
    }

    async fn versions(&self) -> Result<Vec<Path>, Fault> {
        let listed = self.seat.objects.list(Some(&Path::from("versions"))).map_ok(|meta| meta.location);
        let mut all: Vec<Path> = listed
            .try_collect()
            .await
            .map_err(|error| fault_of("list versions in", &self.seat.shown, &error))?;
        all.retain(|place| place.filename().is_some_and(|name| name.starts_with("state-")));
        all.sort();
        Ok(all)
    }

    async fn explain(&self, unreadable: Unreadable) -> Fault {
        let shown = &self.seat.shown;
        let why = match unreadable {
            Unreadable::Newer(format) => {
                let message = format!(
                    "the state in {shown} has format {format}, written by a newer honey; this one reads {STATE_VERSION}"
                );
                return Fault::new(FaultClass::Unsupported, "HNY0701", message)
                    .with_help("use the newer honey; nothing was changed");
            }
            Unreadable::Corrupt(why) => why,
        };
        let mut good = None;
        for place in self.versions().await.unwrap_or_default().into_iter().rev() {
            if let Ok(Some((bytes, _))) = self.get(&place).await
                && decode::<State>(&bytes).is_ok()
            {
                good = Some(place);
                break;
            }
        }
        let help = match good {
            Some(place) => format!("the last good version is {place} in {shown}: copy it over state.json"),
            None => "there is no earlier version; `honey plan` finds what exists by its marks".to_owned(),
        };
        Fault::new(FaultClass::Malformed, "HNY0702", format!("state.json in {shown} is damaged: {why}"))
            .with_help(help)
    }

    fn journal_path(&self, run: &str) -> Result<PathBuf, Fault> {
        let plain = !run.is_empty()
            && run.len() <= 100
            && !run.starts_with('.')
            && run.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if plain {
            Ok(self.runs.join(format!("{run}.journal")))
        } else {
            let run = honey_model::text::visible(run, 100);
            Err(Fault::new(FaultClass::Invalid, "HNY0712", format!("`{run}` is not the name of a run")))
        }
    }
}

/// Journals of a folder, newest first.
fn journals(runs: &FilePath) -> Result<Vec<(String, PathBuf)>, Fault> {
    let read = || -> std::io::Result<Vec<(SystemTime, String, PathBuf)>> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(runs)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(run) = name.strip_suffix(".journal") {
                all.push((entry.metadata()?.modified()?, run.to_owned(), entry.path()));
            }
        }
        all.sort_by(|a, b| (b.0, &b.1).cmp(&(a.0, &a.1)));
        Ok(all)
    };
    let all = read().map_err(|error| failed("list", runs, &error))?;
    Ok(all.into_iter().map(|(_, run, path)| (run, path)).collect())
}

/// Removes finished journals beyond the number to keep. Unfinished ones stay.
fn prune_journals(runs: &FilePath, keep: usize) -> Result<(), Fault> {
    let mut sealed = Vec::new();
    for (_, path) in journals(runs)? {
        if is_sealed(&path)? == Some(true) {
            sealed.push(path);
        }
    }
    for path in sealed.into_iter().skip(keep) {
        std::fs::remove_file(&path).map_err(|error| failed("remove", &path, &error))?;
    }
    Ok(())
}

#[async_trait]
impl StateStore for Store {
    async fn load(&self) -> Result<Option<State>, Fault> {
        let Some((bytes, _)) = self.get(&Self::state_place()).await? else { return Ok(None) };
        match decode::<State>(&bytes) {
            Ok(state) => Ok(Some(state)),
            Err(unreadable) => Err(self.explain(unreadable).await),
        }
    }

    async fn save(&self, state: &mut State) -> Result<(), Fault> {
        let shown = &self.seat.shown;
        let current = self.get(&Self::state_place()).await?;
        let mut next = state.clone();
        next.version = STATE_VERSION;
        next.serial += 1;
        let mode = match &current {
            None => PutMode::Create,
            Some((bytes, version)) => {
                let there: Identity = match decode(bytes) {
                    Ok(there) => there,
                    Err(unreadable) => return Err(self.explain(unreadable).await),
                };
                if there.lineage != state.lineage {
                    let message = format!("the state in {shown} belongs to another project");
                    return Err(Fault::new(FaultClass::Conflict, "HNY0703", message));
                }
                if there.serial != state.serial {
                    return Err(moved(shown, state.serial, there.serial));
                }
                let kept =
                    self.put(&Self::version_place(there.serial), bytes.clone(), PutMode::Overwrite).await;
                kept.map_err(|error| fault_of("keep the earlier state in", shown, &error))?;
                if self.seat.guard.is_some() { PutMode::Overwrite } else { PutMode::Update(version.clone()) }
            }
        };
        match self.put(&Self::state_place(), encode(&next).into(), mode).await {
            Ok(()) => {}
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                return Err(moved(shown, state.serial, state.serial + 1));
            }
            Err(error) => return Err(fault_of("write the state in", shown, &error)),
        }
        state.serial = next.serial;
        state.version = STATE_VERSION;
        let versions = self.versions().await?;
        let surplus = versions.len().saturating_sub(self.seat.options.keep);
        for place in &versions[..surplus] {
            let removed = self.seat.objects.delete(place).await;
            removed.map_err(|error| fault_of("remove an old state in", shown, &error))?;
        }
        Ok(())
    }

    async fn lock(&self, command: &str) -> Result<Box<dyn Lock>, Fault> {
        Ok(Box::new(self.seat.take(command).await?))
    }

    async fn lock_holder(&self) -> Result<Option<LockHolder>, Fault> {
        Ok(self.seat.seen().await?.map(|seen| seen.holder))
    }

    async fn at_work(&self) -> Result<bool, Fault> {
        let now = (self.seat.options.now)();
        Ok(self.seat.seen().await?.is_some_and(|seen| self.seat.gone(&seen.holder, now).is_none()))
    }

    async fn break_lock(&self, id: &str) -> Result<(), Fault> {
        if self.seat.remove(id).await? {
            return Ok(());
        }
        let holder = self.seat.seen().await?.map(|seen| seen.holder.id).unwrap_or_default();
        let message = format!("the lock's holder is not {id} but {holder}");
        Err(Fault::new(FaultClass::Conflict, "HNY0706", message).with_help("look again at who holds it"))
    }

    async fn create_journal(&self, run: &str) -> Result<Box<dyn Journal>, Fault> {
        let path = self.journal_path(run)?;
        let (runs, keep) = (self.runs.clone(), self.seat.options.keep);
        let journal = blocking(move || {
            prune_journals(&runs, keep)?;
            FileJournal::create(&path)
        });
        Ok(Box::new(journal.await?))
    }

    async fn open_journal(&self, run: &str) -> Result<(Box<dyn Journal>, Vec<serde_json::Value>), Fault> {
        let path = self.journal_path(run)?;
        if !path.exists() {
            let message = format!("there is no run `{run}` in {}", self.runs.display());
            return Err(Fault::new(FaultClass::NotFound, "HNY0712", message));
        }
        let (journal, records, torn) = blocking(move || FileJournal::open(&path)).await?;
        if torn {
            let message = format!("the last record of run {run} was cut short by a crash and is left out");
            self.seat.options.progress.tell(Event::Notice { message });
        }
        Ok((Box::new(journal), records))
    }

    async fn unsealed(&self) -> Result<Option<String>, Fault> {
        let runs = self.runs.clone();
        blocking(move || {
            for (run, path) in journals(&runs)? {
                if is_sealed(&path)? == Some(false) {
                    return Ok(Some(run));
                }
            }
            Ok(None)
        })
        .await
    }

    async fn abandon(&self, run: &str) -> Result<(), Fault> {
        let path = self.journal_path(run)?;
        let runs = self.runs.clone();
        blocking(move || {
            std::fs::rename(&path, path.with_extension("abandoned"))
                .and_then(|()| sync_directory(&runs))
                .map_err(|error| failed("set aside", &path, &error))
        })
        .await
    }
}

fn moved(shown: &str, ours: u64, theirs: u64) -> Fault {
    let message =
        format!("the state in {shown} was written by somebody else (serial {theirs}, ours is {ours})");
    Fault::new(FaultClass::Conflict, "HNY0703", message).with_help("make a new plan")
}
