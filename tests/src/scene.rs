//! A stage for tests of the real binary: a lab in this process, a folder with
//! its configuration, and `honey` run there as a shell would run it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use honey_lab::{Lab, LabOptions};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How long anything in a test may take before the test gives up. Never a
/// measure of speed.
const PATIENCE: Duration = Duration::from_mins(2);

/// A running lab with its folder.
pub struct Scene {
    lab: Option<Lab>,
    runtime: Runtime,
    folder: TempDir,
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _entered = self.runtime.enter();
        self.lab = None;
    }
}

impl Default for Scene {
    fn default() -> Self {
        Self::start()
    }
}

impl Scene {
    /// The usual lab: everything in it is quick, and the seed is fixed.
    ///
    /// # Panics
    /// When the lab does not start.
    pub fn start() -> Self {
        Self::with(LabOptions::default())
    }

    /// A lab with options of its own; seeds, times and specifications are set here.
    ///
    /// # Panics
    /// When the lab does not start.
    pub fn with(options: LabOptions) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let runtime = Runtime::new().expect("a runtime");
        let options = LabOptions { time_scale: 0.02, specs: specifications(), ..options };
        let lab = runtime.block_on(Lab::start(options)).expect("the lab starts");
        lab.write_files(folder.path()).expect("the lab's files");
        Self { lab: Some(lab), runtime, folder }
    }

    /// The lab.
    ///
    /// # Panics
    /// Never: the lab is there until the scene is dropped.
    pub fn lab(&self) -> &Lab {
        self.lab.as_ref().expect("a scene has its lab")
    }

    /// The folder with honey.toml.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs something asynchronous beside the lab.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Reads a file of the folder.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn read(&self, name: &str) -> String {
        let bytes = std::fs::read(self.folder().join(name));
        String::from_utf8_lossy(&bytes.unwrap_or_else(|error| panic!("{name}: {error}"))).into_owned()
    }

    /// Writes a file of the folder.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.folder().join(name), content).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Replaces a text that stands in the configuration.
    ///
    /// # Panics
    /// When it does not stand there.
    pub fn edit(&self, from: &str, to: &str) {
        let before = self.read("honey.toml");
        assert!(before.contains(from), "the lab's honey.toml has no `{from}`");
        self.write("honey.toml", before.replace(from, to));
    }

    /// `honey` with these arguments, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(honey());
        command.args(arguments).current_dir(self.folder()).env_clear().stdin(Stdio::null());
        command
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder())
            .env("USER", "operator")
            .env("XDG_CACHE_HOME", cache());
        command
    }

    /// Runs `honey` to its end.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn honey(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().expect("honey runs"), arguments)
    }

    /// Starts `honey` and goes on at once.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn begin(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Running::of(command.spawn().expect("honey starts"), arguments)
    }

    /// Waits until something holds.
    ///
    /// # Panics
    /// When it does not hold for a very long time.
    pub fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let started = Instant::now();
        while !holds() {
            assert!(started.elapsed() < PATIENCE, "waited in vain: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks a vendor of the lab as its owner would by hand.
    ///
    /// # Panics
    /// When the vendor refuses.
    pub fn vendor(
        &self,
        vendor: &str,
        method: &str,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> serde_json::Value {
        // The client insists on a provider of TLS, though loopback needs none.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = format!("{}{path}", self.lab().endpoint(vendor));
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let request =
            reqwest::Client::new().request(method, url).bearer_auth(self.lab().secret(vendor, "token"));
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        self.block_on(async {
            let answer = request.send().await.expect("the lab answers");
            let (status, text) = (answer.status(), answer.text().await.expect("the lab answers in text"));
            assert!(status.is_success(), "{status}: {text}");
            serde_json::from_str(&text).unwrap_or_default()
        })
    }

    /// The public records as the DNS vendor has them: name and type to values.
    pub fn records(&self) -> BTreeMap<String, BTreeSet<String>> {
        let zone = self.zone();
        let listed = self.vendor(
            "cloudflare",
            "GET",
            &format!("/client/v4/zones/{zone}/dns_records?per_page=100"),
            None,
        );
        let mut records: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for record in listed["result"].as_array().into_iter().flatten() {
            let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
            records.entry(format!("{} {}", text("name"), text("type"))).or_default().insert(text("content"));
        }
        records
    }

    /// The zone's id at the DNS vendor.
    pub fn zone(&self) -> String {
        let zones = self.vendor("cloudflare", "GET", "/client/v4/zones", None);
        zones["result"][0]["id"].as_str().unwrap_or_default().to_owned()
    }

    /// Addresses of the machines that a vendor handed out.
    pub fn addresses(&self, vendor: &str) -> BTreeSet<String> {
        let machines = self.lab().world().machines().into_iter().filter(|machine| machine.vendor == vendor);
        machines.map(|machine| machine.ipv4.to_string()).collect()
    }

    /// Clusters in which a worker runs now, by the books.
    pub fn workers(&self) -> Vec<String> {
        let open = self.lab().books().workers().into_iter().filter(|span| span.stopped_ms.is_none());
        open.map(|span| span.cluster).collect()
    }

    /// What the books say about the whole time: no two workers at once, nothing
    /// made twice, no request that a vendor's contract does not know.
    ///
    /// # Panics
    /// When they say otherwise.
    pub fn books_are_clean(&self) {
        let books = self.lab().books();
        assert_eq!(
            books.overlap_ms(self.lab().world().clock.now_ms()),
            0,
            "two workers at once: {:?}",
            books.workers()
        );
        assert_eq!(books.duplicates(), []);
        assert!(books.violations().is_empty(), "{:#?}", books.violations());
    }

    /// Settings for snapshots: what differs from run to run is named instead.
    pub fn settings(&self) -> insta::Settings {
        let mut settings = insta::Settings::clone_current();
        let folder = self.folder().display().to_string();
        // Notices of compiling come in any order, and only where the cache is cold.
        settings.add_filter("note: compiling plugin .*\n", "");
        settings.add_filter(&format!("(/private)?{}", folder.replace('.', r"\.")), "[folder]");
        settings.add_filter(r"http://127\.0\.0\.1:\d+", "http://[vendor]");
        settings.add_filter(r"127\.0\.0\.1:\d+", "[vendor]");
        settings.add_filter(r"127\.\d+\.\d+\.\d+", "127.x.x.x");
        settings.add_filter(r"\b[0-9a-f]{64}\b", "[sha256]");
        settings.add_filter(r"-\d{6}-[0-9a-f]{12}\b", "-[run]");
        settings.add_filter(r"\b[0-9a-f]{16}-[A-Z]{3}\b", "[request]");
        settings.add_filter(r"\b[0-9a-f]{32}\b", "[id]");
        settings.add_filter(r"\b[0-9a-f]{12}\b", "[digest]");
        settings.add_filter(r"\b\d+(\.\d+)? (ms|s)\b", "[time]");
        settings.add_filter(r"\bcolumn \d+", "column [n]");
        settings.add_filter(r"process \d+", "process [pid]");
        settings.add_filter(r"operator@[\w.-]+", "operator@[host]");
        settings.set_prepend_module_to_snapshot(false);
        settings
    }
}

/// A `honey` at work.
pub struct Running {
    child: Child,
    arguments: Vec<String>,
}

impl Running {
    /// A `honey` that was started with these arguments.
    pub(crate) fn of(child: Child, arguments: &[&str]) -> Self {
        Self { child, arguments: arguments.iter().map(ToString::to_string).collect() }
    }

    /// Sends a signal by name: `INT`, `KILL`.
    ///
    /// # Panics
    /// When it cannot be sent.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -{name}");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub fn end(self) -> Ran {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        Ran::of(self.child.wait_with_output().expect("honey ends"), &arguments)
    }
}

/// What a shell saw of a `honey` that ended.
pub struct Ran {
    /// The command line, for messages.
    pub line: String,
    /// The exit code; -1 where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// From the output of a process.
    pub fn of(output: Output, arguments: &[&str]) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            line: format!("honey {}", arguments.join(" ")),
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Goes on when it ended with this code.
    ///
    /// # Panics
    /// When it ended otherwise; says everything that was seen.
    #[allow(clippy::return_self_not_must_use, reason = "most only want to know that it ended so")]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.seen());
        self
    }

    /// Ended well.
    ///
    /// # Panics
    /// When it did not.
    #[allow(clippy::return_self_not_must_use, reason = "most only want to know that it ended so")]
    pub fn done(self) -> Self {
        self.ends(0)
    }

    /// Everything that was seen, in one text.
    pub fn seen(&self) -> String {
        format!("$ {}\nexit {}\n--- stdout\n{}--- stderr\n{}", self.line, self.code, self.stdout, self.stderr)
    }

    /// What an operator reads as the outcome: exit code and findings, without
    /// the progress that comes before them.
    pub fn outcome(&self) -> String {
        let progress = |line: &&str| {
            let line = line.trim_start();
            !["refresh", "apply took", "apply (", "✓", "✗", "- ", "·", "note: recorded", "note: compiling"]
                .iter()
                .any(|start| line.starts_with(start))
        };
        let mut text = format!("$ {}\nexit {}", self.line, self.code);
        for line in self.stderr.lines().filter(progress) {
            // Long texts are wrapped where the width of the moment's addresses says: unwrap them.
            let rest = line.strip_prefix("  │ ").or_else(|| line.strip_prefix("        "));
            match rest {
                Some(rest) if text.ends_with(['/', '-']) => text.push_str(rest),
                Some(rest) => text.extend([" ", rest]),
                None => text.extend(["\n", line]),
            }
        }
        text
    }

    /// The outcome with standard output.
    pub fn outcome_and_output(&self) -> String {
        format!("{}\n--- stdout\n{}", self.outcome(), self.stdout)
    }

    /// Standard output as one document.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.seen()))
    }
}

/// The folder that this build's binaries are in.
fn binaries() -> PathBuf {
    let own = std::env::current_exe().expect("a test knows its own place");
    own.ancestors().nth(2).expect("tests are built below the target folder").to_path_buf()
}

/// The binary: named by `HONEY_BIN`, or the one that was built beside this test.
///
/// # Panics
/// When it is not there.
pub fn honey() -> PathBuf {
    let named = std::env::var_os("HONEY_BIN").filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = named.unwrap_or_else(|| binaries().join("honey"));
    assert!(path.is_file(), "there is no honey at {}: `cargo xtask build` makes it", path.display());
    path
}

/// Compiled plugins, shared by all tests and runs.
pub(crate) fn cache() -> PathBuf {
    binaries().join("test-cache")
}

/// The vendors' specifications, where this machine has them. Says once when it has not.
pub fn specifications() -> Option<PathBuf> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let named = std::env::var_os("HONEY_SPECS").filter(|path| !path.is_empty()).map(PathBuf::from);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
        let folder =
            named.or_else(|| Some(root.parent()?.join("shared/specs"))).filter(|folder| folder.is_dir());
        if folder.is_none() {
            let line = "the vendor contract was not checked: HONEY_SPECS names a folder with the vendors' published \
                        specifications (`cargo xtask test` says where each is published)";
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes());
        }
        folder
    };
    FOLDER.get_or_init(find).clone()
}
