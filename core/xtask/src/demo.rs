//! `cargo xtask demo`: the runbook's story, start to end, on the lab.
//!
//! Only the honey binary is used, as an operator would; the lab's books are
//! asked over its control address afterwards.

mod books;
mod report;

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    setup,
    workspace::{Failure, build_honey, output, target_directory},
};
pub(crate) use books::Books;
use report::{Report, Step};

/// Play the runbook's story on the lab.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,
    /// Build honey with optimisation.
    #[arg(long)]
    release: bool,
}

/// Runs the verb.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    setup::ensure()?;
    let honey = build_honey(arguments.release)?;
    let report = play(&honey, !arguments.json)?;
    report.print(arguments.json);
    let broken = report.broken();
    if broken.is_empty() { Ok(()) } else { Err(Failure::Holds(broken.join("\n"))) }
}

/// A lab in a process of its own; stopped when dropped.
pub(crate) struct LabProcess {
    child: Child,
    pub(crate) directory: PathBuf,
    honey: PathBuf,
}

impl LabProcess {
    /// Starts one and waits until it has written its configuration.
    pub(crate) fn start(honey: &Path, directory: &Path) -> Result<Self, Failure> {
        let _ = std::fs::remove_dir_all(directory);
        std::fs::create_dir_all(directory)
            .map_err(|error| Failure::File { path: directory.to_path_buf(), error })?;
        let child = Command::new(honey)
            .args(["lab", "up", "--directory"])
            .arg(directory)
            .envs(crate::test::specifications().map(|folder| ("HONEY_SPECS", folder)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| Failure::Start { program: honey.display().to_string(), error })?;
        let mut lab = Self { child, directory: directory.to_path_buf(), honey: honey.to_path_buf() };
        let started = Instant::now();
        while !directory.join("lab.json").is_file() {
            if started.elapsed() > Duration::from_secs(30)
                || lab.child.try_wait().is_ok_and(|end| end.is_some())
            {
                return Err(Failure::Holds("the lab did not start".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(lab)
    }

    /// The honey command on this lab's configuration.
    pub(crate) fn honey(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.honey);
        command.arg("--config").arg(self.directory.join("honey.toml")).args(arguments);
        command.current_dir(&self.directory).env("XDG_CACHE_HOME", self.directory.join("cache"));
        command
    }

    /// The books as they are now.
    pub(crate) fn books(&self) -> Result<Books, Failure> {
        Books::read(&self.directory)
    }
}

impl Drop for LabProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The runbook's zone.
const ZONE: &str = "myhoneydue.com";

fn play(honey: &Path, tell: bool) -> Result<Report, Failure> {
    let lab = LabProcess::start(honey, &target_directory().join("demo"))?;
    let mut report = Report::default();
    let mut step = |name: &str, arguments: &[&str], expect: i32| -> Result<Value, Failure> {
        let started = Instant::now();
        let calls_before = lab.books()?.calls();
        let mut command = lab.honey(arguments);
        let (code, document) = if tell {
            eprintln!("\n── {name}: honey {}", arguments.join(" "));
            let program = honey.display().to_string();
            let status = command.status().map_err(|error| Failure::Start { program, error })?;
            (status.code(), Value::Null)
        } else {
            command.arg("--json");
            let (code, text) = output(command)?;
            let document = serde_json::from_str(&text).map_err(|error| {
                Failure::Holds(format!("{name}: exit {code:?}, no JSON ({error}): {text}"))
            })?;
            (code, document)
        };
        let seconds = started.elapsed().as_secs_f64();
        let books = lab.books()?;
        let calls = books.calls() - calls_before;
        if arguments.contains(&"plan") {
            report.repeated_calls += books.repeated_reads(calls_before);
        }
        let ok = code == Some(expect);
        report.steps.push(Step { name: name.to_owned(), seconds, ok, calls });
        // An empty plan is what exit code 0 says with `--detailed-exitcode`.
        Ok(if document.is_null() {
            serde_json::json!({ "operations": vec![0; usize::from(!ok)] })
        } else {
            document
        })
    };
    step("plan on hetzner", &["plan", "--detailed-exitcode"], 3)?;
    step("apply on hetzner", &["apply", "--yes"], 0)?;
    let again = step("plan again", &["plan", "--detailed-exitcode"], 0)?;
    step("plan the backup on ovh", &["plan", "--provider", "ovh", "--detailed-exitcode"], 3)?;
    step("apply on ovh, a standby", &["apply", "--provider", "ovh", "--yes"], 0)?;
    step("status of both", &["status"], 0)?;
    let before = books::zone(&lab.directory, ZONE)?;
    step("cut over to ovh", &["cutover", "--to", "ovh", "--yes"], 0)?;
    step("status after the cutover", &["status"], 0)?;
    let last = step("plan on ovh again", &["plan", "--provider", "ovh", "--detailed-exitcode"], 0)?;
    let mut status = lab.honey(&["status"]);
    status.arg("--json");
    let (_, text) = output(status)?;
    let after: Value =
        serde_json::from_str(&text).map_err(|error| Failure::Holds(format!("status: {error}")))?;
    let books = lab.books()?;
    report.replan_changes = report::changes(&again) + report::changes(&last);
    report.machines = report::machines(&after);
    report.vendor_calls = books.calls_by_vendor();
    report.dns_before = before;
    report.dns_after = books::zone(&lab.directory, ZONE)?;
    report.worker = books.worker();
    report.violations = books.violations();
    report.duplicates = books.duplicates();
    Ok(report)
}
