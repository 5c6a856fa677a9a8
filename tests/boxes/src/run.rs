//! One run: its number, its folder, its switch, and how all of it goes away.
//!
//! Everything that belongs to a run has its number in its name: the folder
//! `/run/honey-boxes/N`, the network namespaces `hbN-…`, the addresses
//! `198.18.N.0/24` (RFC 2544) and `2001:db8:18:N::/64` (RFC 3849).

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::{
    Failure,
    command::{command, ended, tool},
    settings::Settings,
};

const ROOT: &str = "/run/honey-boxes";
const DETACHED: &str = "detached";

/// A claimed number.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) number: u8,
    pub(crate) folder: PathBuf,
}

/// One line of a listing.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The run's number.
    pub run: u8,
    /// Whether it stays until `down`.
    pub detached: bool,
    /// The process that it belongs to, where it is not detached.
    pub owner: Option<u32>,
    /// Name, address, and whether it is up.
    pub boxes: Vec<(String, String, bool)>,
}

impl Run {
    /// Takes a free number, after taking away what dead runs left.
    pub(crate) fn claim() -> Result<Self, Failure> {
        let _alone = alone()?;
        for run in all() {
            if run.is_left_over() {
                run.destroy()?;
            }
        }
        for number in 1..=254 {
            let run = Self::at(number);
            match fs::create_dir(&run.folder) {
                Ok(()) => {
                    run.own(&owner_now())?;
                    return Ok(run);
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Failure::file(&run.folder, error)),
            }
        }
        Err(Failure::Machine("254 runs of boxes are up; `cargo xtask boxes down --all` ends them".to_owned()))
    }

    /// A run that is there.
    pub(crate) fn open(number: u8) -> Result<Self, Failure> {
        let run = Self::at(number);
        if run.folder.is_dir() { Ok(run) } else { Err(Failure::Unknown(format!("run {number}"))) }
    }

    fn at(number: u8) -> Self {
        Self { number, folder: Path::new(ROOT).join(number.to_string()) }
    }

    fn own(&self, owner: &str) -> Result<(), Failure> {
        let path = self.folder.join("owner");
        fs::write(&path, owner).map_err(|error| Failure::file(&path, error))
    }

    /// Lets the run outlive this process.
    pub(crate) fn detach(&self) -> Result<(), Failure> {
        self.own(DETACHED)
    }

    fn owner(&self) -> String {
        fs::read_to_string(self.folder.join("owner")).unwrap_or_default()
    }

    fn is_left_over(&self) -> bool {
        let owner = self.owner();
        let alive = owner.split_once(' ').is_some_and(|(pid, started)| {
            pid.parse().ok().and_then(start_time).is_some_and(|now| now == started)
        });
        owner != DETACHED && !alive
    }

    pub(crate) fn switch(&self) -> String {
        format!("hb{}-switch", self.number)
    }

    pub(crate) fn address4(&self, host: usize) -> String {
        format!("198.18.{}.{host}", self.number)
    }

    pub(crate) fn address6(&self, host: usize) -> String {
        format!("2001:db8:18:{:x}::{host:x}", self.number)
    }

    /// The switch, with this machine's leg in it.
    pub(crate) fn make_switch(&self) -> Result<(), Failure> {
        let (switch, leg) = (self.switch(), format!("hb{}", self.number));
        let here = std::process::id().to_string();
        let (v4, v6) = (format!("{}/24", self.address4(1)), format!("{}/64", self.address6(1)));
        tool(&["ip", "netns", "add", &switch])?;
        let inside: [&[&str]; 4] = [
            &["link", "add", "bridge", "type", "bridge"],
            &["link", "set", "bridge", "up"],
            &["link", "add", "operator", "type", "veth", "peer", "name", &leg, "netns", &here],
            &["link", "set", "operator", "master", "bridge", "up"],
        ];
        for words in inside {
            tool(&[&["ip", "-n", &switch], words].concat())?;
        }
        tool(&["ip", "addr", "add", &v4, "dev", &leg])?;
        tool(&["ip", "addr", "add", &v6, "dev", &leg, "nodad"])?;
        tool(&["ip", "link", "set", &leg, "up"]).map(drop)
    }

    /// Folders of the run's boxes.
    pub(crate) fn boxes(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.join("settings").is_file())
            .collect();
        found.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
        found
    }

    /// Takes everything of the run away.
    pub(crate) fn destroy(&self) -> Result<(), Failure> {
        let boxes = self.boxes();
        for folder in &boxes {
            let _ = File::create(folder.join("off"));
            end(folder);
        }
        for folder in &boxes {
            dismantle(folder)?;
        }
        let _ = tool(&["ip", "link", "del", &format!("hb{}", self.number)]);
        let _ = tool(&["ip", "netns", "del", &self.switch()]);
        fs::remove_dir_all(&self.folder).map_err(|error| Failure::file(&self.folder, error))
    }
}

/// All runs that are there.
pub(crate) fn all() -> Vec<Run> {
    let entries = fs::read_dir(ROOT).into_iter().flatten().flatten();
    let mut runs: Vec<Run> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).map(Run::at).collect();
    runs.sort_by_key(|run| run.number);
    runs
}

pub(crate) fn list() -> Vec<Listed> {
    let one = |run: Run| {
        let owner = run.owner();
        let boxes = run.boxes().into_iter().filter_map(|folder| {
            let settings = Settings::read(&folder).ok()?;
            Some((settings.name, settings.ipv4, init_of(&folder).is_some()))
        });
        Listed {
            run: run.number,
            detached: owner == DETACHED,
            owner: owner.split_once(' ').and_then(|(pid, _)| pid.parse().ok()),
            boxes: boxes.collect(),
        }
    };
    all().into_iter().map(one).collect()
}

/// Taking and clearing away happens in one process at a time.
fn alone() -> Result<File, Failure> {
    let root = Path::new(ROOT);
    fs::create_dir_all(root).map_err(|error| Failure::file(root, error))?;
    let lock = File::create(root.join("lock")).map_err(|error| Failure::file(root, error))?;
    lock.lock().map_err(|error| Failure::file(root, error))?;
    Ok(lock)
}

/// This process, so that another with the same number is not taken for it.
fn owner_now() -> String {
    let pid = std::process::id();
    format!("{pid} {}", start_time(pid).unwrap_or_default())
}

fn start_time(pid: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name = text.rsplit_once(')')?.1;
    after_name.split_whitespace().nth(19).map(str::to_owned)
}

/// A number that a file in a box's folder holds.
fn number_in(path: &Path) -> Option<i32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The box's first process, seen from here; none while it is off.
pub(crate) fn init_of(folder: &Path) -> Option<i32> {
    number_in(&folder.join("init"))
}

/// Whether nothing boots the box again.
pub(crate) fn supply_ended(folder: &Path) -> bool {
    let Some(pid) = number_in(&folder.join("supply")) else { return true };
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    // A process that nobody waits for yet is gone too.
    state.is_none_or(|text| text.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')))
}

/// Ends the box at once, as a power cut does. What boots it again is left alone.
pub(crate) fn end(folder: &Path) {
    if let Some(pid) = init_of(folder).and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Waits until something holds; the condition is looked at often.
pub(crate) fn until(patience: Duration, holds: impl Fn() -> bool) -> bool {
    let started = Instant::now();
    loop {
        if holds() {
            return true;
        }
        if started.elapsed() > patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Takes a box away whose file `off` stands already.
fn dismantle(folder: &Path) -> Result<(), Failure> {
    let settings = Settings::read(folder)?;
    until(Duration::from_secs(20), || {
        end(folder);
        supply_ended(folder)
    });
    let supply = number_in(&folder.join("supply")).filter(|_| !supply_ended(folder));
    if let Some(pid) = supply.and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
    let _ = tool(&["ip", "-n", &settings.switch, "link", "del", &settings.port]);
    let _ = tool(&["ip", "netns", "del", &settings.netns]);
    for mount in ["root", "disk"] {
        let path = folder.join(mount).display().to_string();
        while ended(command(&["mountpoint", "-q", &path]), None)?.ok() {
            tool(&["umount", "--lazy", &path])?;
        }
    }
    remove_groups(&settings.netns);
    fs::remove_dir_all(folder).map_err(|error| Failure::file(folder, error))
}

/// Looks for what was killed to be gone from its control group.
const LOOKS: usize = 100;
/// Between two looks.
const MOMENT: std::time::Duration = std::time::Duration::from_millis(50);

/// Control groups go from the leaves; the kernel refuses those in use, also by
/// what was killed and is still ending.
fn remove_groups(name: &str) {
    fn remove(folder: &Path) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                remove(&entry.path());
            }
        }
        let _ = fs::remove_dir(folder);
    }
    let top = Path::new("/sys/fs/cgroup");
    let hierarchies = fs::read_dir(top).into_iter().flatten().flatten().map(|entry| entry.path());
    for hierarchy in hierarchies.chain([top.to_path_buf()]) {
        let group = hierarchy.join(name);
        for _ in 0..LOOKS {
            if !group.is_dir() {
                break;
            }
            remove(&group);
            if group.is_dir() {
                std::thread::sleep(MOMENT);
            }
        }
    }
}

/// Takes runs away: one, or all that are there.
pub(crate) fn down(number: Option<u8>) -> Result<Vec<u8>, Failure> {
    let _alone = alone()?;
    let runs = match number {
        Some(number) => vec![Run::open(number)?],
        None => all(),
    };
    runs.iter().map(|run| run.destroy().map(|()| run.number)).collect()
}
