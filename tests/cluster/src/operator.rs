//! The operator: a home folder with an ssh configuration and a project, and
//! `honey` and `kubectl` run from there.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
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

    /// The same account with another build of honey.
    pub fn use_honey(&mut self, path: &Path) {
        path.clone_into(&mut self.honey);
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

    /// Starts `honey` and goes on.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(&self.honey);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("honey starts")
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
        let mut command = self.command(&self.parts.join("kubectl"));
        command.arg("--kubeconfig").arg(self.kubeconfig("home")).args(arguments);
        Ran::of(command.output().expect("kubectl runs"))
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
