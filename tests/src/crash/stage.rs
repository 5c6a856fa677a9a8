//! A lab, its folder, and the victim that runs in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use honey_lab::{Lab, LabError, LabOptions, books::Event};
use serde_json::Value;

use super::{Point, Verdict, names};
use crate::{Failure, mortal::Side};

/// Simulated spans are this much shorter.
const TIME_SCALE: f64 = 0.02;

/// A victim that has not ended by then hangs.
const HANGS: Duration = Duration::from_mins(5);

/// How a victim ended.
pub(super) enum Ended {
    /// Killed, as asked.
    Killed,
    /// By itself, with what it says.
    Done(Value),
}

/// Living objects: how many of each vendor, kind and name.
pub(super) type Living = BTreeMap<(String, String, String), usize>;

/// The sockets of a lab that was stopped just now may still be closing.
async fn start(seed: u64) -> Result<Lab, Failure> {
    let mut tries = 0;
    loop {
        let options = LabOptions { seed, time_scale: TIME_SCALE, ..LabOptions::default() };
        match Lab::start(options).await {
            Err(LabError::Io(_, error)) if error.kind() == std::io::ErrorKind::AddrInUse && tries < 200 => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            other => return Ok(other?),
        }
    }
}

/// A lab with its folder.
pub(super) struct Stage {
    pub(super) lab: Lab,
    folder: tempfile::TempDir,
    victim: PathBuf,
}

impl Stage {
    pub(super) async fn new(victim: &Path, seed: u64) -> Result<Self, Failure> {
        let lab = start(seed).await?;
        let folder = tempfile::tempdir()?;
        lab.write_files(folder.path())?;
        Ok(Self { lab, folder, victim: victim.to_path_buf() })
    }

    /// Runs the victim to its end, whichever it is.
    pub(super) async fn victim(
        &self,
        action: &str,
        instance: &str,
        point: Option<Point>,
    ) -> Result<Ended, Failure> {
        let mut command = tokio::process::Command::new(&self.victim);
        command.arg(self.folder.path()).arg(action).arg(instance);
        if let Some(point) = point {
            command.arg(point.write.to_string()).arg(if point.side == Side::Before {
                "before"
            } else {
                "after"
            });
        }
        // Its output goes through files: a child of a killed victim may keep a pipe open.
        let (said, told) = (self.folder.path().join("said"), self.folder.path().join("told"));
        command
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&said)?)
            .stderr(std::fs::File::create(&told)?);
        command.kill_on_drop(true);
        let mut child = command.spawn()?;
        let status = tokio::time::timeout(HANGS, child.wait()).await;
        let status = status.map_err(|_| format!("{action} {instance} hangs"))??;
        if point.is_some() && status.signal() == Some(9) {
            return Ok(Ended::Killed);
        }
        if !status.success() {
            let told = std::fs::read_to_string(&told)?;
            return Err(format!("{action} {instance}: {status}: {}", told.trim()).into());
        }
        Ok(Ended::Done(serde_json::from_str(&std::fs::read_to_string(&said)?)?))
    }

    /// The same, where it must come to its own end.
    pub(super) async fn done(&self, action: &str, instance: &str) -> Result<Value, Failure> {
        match self.victim(action, instance, None).await? {
            Ended::Done(said) => Ok(said),
            Ended::Killed => Err(format!("{action} {instance} was killed by somebody").into()),
        }
    }

    /// Vendors' objects that exist. Names may hold addresses: those are told
    /// without the part of them that each lab has for itself.
    pub(super) fn living(&self) -> Living {
        let subnet = self.lab.world().subnet();
        let subnet = subnet.trim_end_matches("0/24");
        let mut living = Living::new();
        for line in self.lab.books().objects() {
            let name = line.name.replace(subnet, "127.*.*.");
            let count = living.entry((line.vendor, line.kind, name)).or_default();
            match line.event {
                Event::Created => *count += 1,
                Event::Deleted => *count = count.saturating_sub(1),
                Event::Changed => {}
            }
        }
        living.retain(|_, count| *count > 0);
        living
    }

    /// What must hold after any run: `said` is what the last command said,
    /// `active` is who must be active.
    pub(super) async fn judge(&self, said: &Value, active: &str) -> Result<Verdict, Failure> {
        let books = self.lab.books();
        let mut problems = Vec::new();
        let mut hold = |holds: bool, problem: String| {
            if !holds {
                problems.push(problem);
            }
        };
        hold(said["verified"] == true, "not verified".to_owned());
        hold(
            said["left"].as_array().is_some_and(Vec::is_empty),
            format!("a second plan is not empty: {}", said["left"]),
        );
        hold(said["unfinished"].is_null(), format!("unfinished: {}", said["unfinished"]));
        hold(said["active"]["name"] == active, format!("active: {}, not {active}", said["active"]));
        for violation in books.violations() {
            hold(false, format!("{} {}: {}", violation.vendor, violation.request, violation.message));
        }
        let twins = books.duplicates();
        hold(twins.is_empty(), format!("twins: {twins:?}"));
        let running: BTreeSet<String> = books
            .workers()
            .into_iter()
            .filter(|span| span.stopped_ms.is_none())
            .map(|span| span.cluster)
            .collect();
        hold(running.iter().eq([active]), format!("workers run on {running:?}, {active} is active"));
        let names = names::read(&self.lab).await?;
        let addresses = names::addresses(&self.lab, active);
        hold(names.len() == 4, format!("{} names", names.len()));
        for (name, values) in names {
            hold(values == addresses, format!("{name} holds {values:?}, not {addresses:?} of {active}"));
        }
        let overlap_ms = books.overlap_ms(self.lab.world().clock.now_ms());
        Ok(Verdict { unreached: false, duplicates: twins.len(), overlap_ms, problems })
    }
}
