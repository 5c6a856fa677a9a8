//! A stage for tests of real hosts: boxes, an operator with an ssh
//! configuration of its own, and `honey` run as a shell would run it.
//!
//! k3s is not part of it: the boxes get a program that answers what honey asks
//! a server, and runs nothing. Real clusters are another profile's.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use honey_boxes::{Boxes, Options, TestBox};
use tempfile::TempDir;

use crate::scene::{Ran, Running, cache, honey};

/// How long anything may take before a test gives up. Never a measure of speed.
const PATIENCE: Duration = Duration::from_mins(5);

/// Answers for a server, and runs nothing.
const SILENT_K3S: &str = include_str!("hosts/silent-k3s");

/// Boxes, and the operator's folder.
pub struct Stage {
    /// The machines. Those after the cluster's servers are strangers to it.
    pub boxes: Boxes,
    folder: TempDir,
}

impl Stage {
    /// `servers` boxes that honey is told of, and `strangers` more.
    ///
    /// # Panics
    /// When the machine cannot have them.
    pub fn up(servers: usize, strangers: usize, options: &Options) -> Self {
        let boxes = Boxes::up(servers + strangers, options).expect("boxes");
        let folder = tempfile::tempdir().expect("a folder");
        let stage = Self { boxes, folder };
        // ssh looks into the account's home, which a test cannot move: an empty
        // configuration in its place, so that this account's does not matter.
        let ssh = "#!/bin/sh\nexec /usr/bin/ssh -F none \"$@\"\n";
        for (name, text) in [("bin/ssh", ssh), ("k3s", SILENT_K3S)] {
            stage.write(name, text);
            let path = stage.folder.path().join(name);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
        }
        let addresses = stage.boxes.iter().take(servers).map(TestBox::ipv4);
        let machines: Vec<String> =
            addresses.map(|address| format!("{{ address = \"{address}\" }}")).collect();
        stage.write(
            "honey.toml",
            &format!(
                "version = 1\n[project]\nname = \"boxed\"\ndefault = \"home\"\n[cluster]\nservers = {servers}\n\
                 [cluster.k3s]\nversion = \"v1.34.6+k3s1\"\nbinary = \"k3s\"\n[cluster.firewall]\n[cluster.host]\n\
                 [instances.home]\nplugin = \"generic-ssh\"\nmachines = [{}]\n\
                 ssh = {{ user = \"ubuntu\", identity = \"{}\" }}\n[plugins.generic-ssh]\nssh = true\n",
                machines.join(", "),
                stage.boxes.identity().display()
            ),
        );
        stage.honey(&["plugin", "lock"]).done();
        stage
    }

    /// Box 1, 2, …
    pub fn server(&self, number: usize) -> &TestBox {
        &self.boxes[number - 1]
    }

    /// The operator's project folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the operator's folder.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Adds lines to a table of the configuration.
    ///
    /// # Panics
    /// When it has no such table.
    pub fn configure(&self, table: &str, lines: &str) {
        let before = fs::read_to_string(self.folder.path().join("honey.toml")).expect("honey.toml");
        let head = format!("[{table}]\n");
        assert!(before.contains(&head), "honey.toml has no {head}");
        self.write("honey.toml", &before.replace(&head, &format!("{head}{lines}\n")));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(honey());
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("USER", "operator")
            .env("PATH", format!("{}:{path}", self.folder.path().join("bin").display()))
            .env("XDG_CACHE_HOME", cache())
            .stdin(Stdio::null());
        command
    }

    /// Runs `honey` to its end.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn honey(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().expect("honey runs"), arguments)
    }

    /// Starts `honey` and goes on.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn begin(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Running::of(command.spawn().expect("honey starts"), arguments)
    }

    /// `honey apply --yes`, and `--resume` where that one was stopped.
    pub fn finish(&self) -> Ran {
        let resumed = self.honey(&["apply", "--resume"]);
        if resumed.code == 0 { resumed } else { self.honey(&["apply", "--yes"]) }
    }

    /// Scripts that a box ran for honey so far: each is a round trip.
    ///
    /// # Panics
    /// When the box is off.
    pub fn round_trips(&self, number: usize) -> usize {
        let log = self.server(number).must("journalctl -q -o cat -t sudo; true").expect("the box's journal");
        log.lines().filter(|line| line.contains("COMMAND=") && line.contains("sh -s")).count()
    }
}

/// Waits until something holds.
///
/// # Panics
/// When it does not hold for a very long time.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
