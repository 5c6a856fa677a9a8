//! The operator: a home folder with an ssh configuration and a project, and
//! `honey` and `kubectl` run from there.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use honey_boxes::Boxes;
use tempfile::TempDir;

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Ran {
    /// Exit code; -1 where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    fn of(output: std::process::Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// The same, when it ended with this code.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "often called for the check alone")]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Everything that was printed.
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// The operator's account.
pub struct Operator {
    home: TempDir,
    parts: PathBuf,
    honey: PathBuf,
}

impl Operator {
    /// An account that reaches box N as `server-N`, with this configuration.
    pub(crate) fn new(boxes: &Boxes, parts: &Path, configuration: &str) -> Self {
        let home = tempfile::tempdir().expect("a home");
        let operator = Self { home, parts: parts.to_owned(), honey: honey() };
        let known = fs::read_to_string(boxes.ssh_config()).expect("the boxes' ssh configuration");
        operator.write(".ssh/config", &known.replace("Host box-", "Host server-"));
        // ssh looks into the account's home, which a test cannot move: this one
        // is told where the operator's configuration is.
        let config = operator.home.path().join(".ssh/config");
        operator.write("bin/ssh", &format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", config.display()));
        let program = operator.home.path().join("bin/ssh");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
        operator.write("project/honey.toml", configuration);
        operator
    }

    /// An account without boxes and without a configuration.
    ///
    /// # Panics
    /// When the machine cannot have the parts of a control plane.
    pub fn alone() -> Self {
        let parts = honey_k3s_parts::ensure().expect("the parts of a control plane");
        let operator = Self { home: tempfile::tempdir().expect("a home"), parts, honey: honey() };
        operator.write("project/honey.toml", "");
        operator
    }

    /// The same account with another build of honey.
    pub fn use_honey(&mut self, path: &Path) {
        path.clone_into(&mut self.honey);
    }

    /// The home folder.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The project's folder.
    pub fn project(&self) -> PathBuf {
        self.home.path().join("project")
    }

    /// Writes a file below the home folder.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.home.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Replaces a text that stands in the configuration.
    ///
    /// # Panics
    /// When it does not stand there.
    pub fn edit(&self, from: &str, to: &str) {
        let path = self.project().join("honey.toml");
        let text = fs::read_to_string(&path).expect("honey.toml");
        assert!(text.contains(from), "honey.toml has no `{from}`");
        self.write("project/honey.toml", &text.replace(from, to));
    }

    fn command(&self, program: &Path) -> Command {
        assert!(program.is_file(), "there is no {}: `cargo xtask build` makes honey", program.display());
        let mut command = Command::new(program);
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .current_dir(self.project())
            .env_clear()
            .env("HOME", self.home.path())
            .env("USER", "operator")
            .env("PATH", format!("{}:{path}", self.home.path().join("bin").display()))
            .env("XDG_CACHE_HOME", binaries().join("test-cache"))
            .stdin(Stdio::null());
        command
    }

    /// Runs `honey` to its end.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn honey(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(&self.honey).args(arguments).output().expect("honey runs"))
    }

    /// Runs honey in the process that dies right after the first record that
    /// its run's journal did not hold before: `apply`, then `resume` for as
    /// long as it is killed. Its code is -1 when it was.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn mortal(&self, action: &str) -> Ran {
        let program = binaries().join("crash-victim");
        assert!(program.is_file(), "there is no {}: `cargo build -p honey-tests --bins`", program.display());
        let mut command = self.command(&program);
        Ran::of(
            command
                .arg(self.project())
                .args([action, "home", "new-record"])
                .output()
                .expect("the victim runs"),
        )
    }

    /// Every record of the journals, as it was written: kind and address.
    pub fn records(&self) -> Vec<(String, String)> {
        let runs = fs::read_dir(self.project().join(".honey/runs")).into_iter().flatten().flatten();
        let mut found = Vec::new();
        for run in runs.filter(|run| run.path().extension().is_some_and(|end| end == "journal")) {
            let text = fs::read(run.path()).unwrap_or_default();
            for line in String::from_utf8_lossy(&text).lines() {
                // Length and checksum stand before the record; a torn one is no record.
                let Some(json) = line.splitn(3, ' ').nth(2) else { continue };
                let Ok(record) = serde_json::from_str::<serde_json::Value>(json) else { continue };
                let word = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
                found.push((word("record"), word("address")));
            }
        }
        found
    }

    /// Starts `honey` and goes on.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(&self.honey);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("honey starts")
    }

    /// Runs `honey` to its end; also how long that was, and the most MiB that
    /// it had in memory.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn measured(&self, arguments: &[&str]) -> (Ran, Duration, u64) {
        let output = tempfile::NamedTempFile::new().expect("a file");
        let mut command = self.command(&self.honey);
        command.args(arguments).stdout(output.reopen().expect("a file")).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().expect("honey starts");
        let status = format!("/proc/{}/status", child.id());
        let mut most = 0;
        while child.try_wait().expect("honey is there").is_none() {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            most = most.max(kib.unwrap_or(0) / 1024);
            std::thread::sleep(Duration::from_millis(5));
        }
        let took = started.elapsed();
        let mut ran = Self::end(child);
        ran.stdout = fs::read_to_string(output.path()).expect("its output");
        (ran, took, most)
    }

    /// Waits for what [`Self::begin`] started.
    ///
    /// # Panics
    /// When it is lost.
    pub fn end(child: Child) -> Ran {
        Ran::of(child.wait_with_output().expect("honey ends"))
    }

    /// Where honey keeps the kubeconfig of an instance.
    pub fn kubeconfig(&self, instance: &str) -> PathBuf {
        self.project().join(format!(".honey/secrets/honey.{instance}.kubeconfig"))
    }

    /// Runs the real kubectl with the kubeconfig that honey keeps.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn kubectl(&self, arguments: &[&str]) -> Ran {
        self.kubectl_by(&self.kubeconfig("home"), arguments)
    }

    /// Runs the real kubectl with another kubeconfig.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn kubectl_by(&self, kubeconfig: &Path, arguments: &[&str]) -> Ran {
        let mut command = self.command(&self.parts.join("kubectl"));
        command.arg("--kubeconfig").arg(kubeconfig).args(arguments);
        Ran::of(command.output().expect("kubectl runs"))
    }

    /// Runs `honey … --json` and reads its document.
    ///
    /// # Panics
    /// When it fails, or says something else.
    #[track_caller]
    pub fn document(&self, arguments: &[&str]) -> serde_json::Value {
        let ran = self.honey(&[arguments, &["--json"]].concat()).code(0);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.said()))
    }

    /// Gives kubectl a text on its standard input.
    ///
    /// # Panics
    /// When the object is refused.
    pub fn apply(&self, object: &str) {
        self.write("object.yaml", object);
        let path = self.home.path().join("object.yaml").display().to_string();
        self.kubectl(&["apply", "-f", &path]).code(0);
    }
}

/// The folder of built programs: tests lie in `deps` below it.
fn binaries() -> PathBuf {
    let own = std::env::current_exe().expect("the path of this program");
    let folder = own.parent().expect("a folder");
    if folder.ends_with("deps") { folder.parent().expect("a folder").to_owned() } else { folder.to_owned() }
}

/// The binary that was named, else the one beside this program or its folder.
fn honey() -> PathBuf {
    let named = std::env::var_os("HONEY_BIN").filter(|path| !path.is_empty()).map(PathBuf::from);
    named.unwrap_or_else(|| binaries().join("honey"))
}
