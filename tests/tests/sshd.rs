//! Hosts over a real sshd on loopback, through the real ssh client.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    collections::BTreeSet,
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use honey_model::{Address, FaultClass, Secret};
use honey_ports::{
    CallContext, Event, Progress,
    call::{Cancel, NoCheckpoint},
    host::{Content, HostTarget, Hosts as _, Step},
};
use honey_ssh::{Become, SshHosts, SshOptions};

/// An sshd of our own: its own port, host key, configuration and folder.
struct Sshd {
    folder: tempfile::TempDir,
    port: u16,
    process: Child,
}

fn keygen(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "honey test", "-f"])
        .arg(path)
        .status();
    assert!(made.is_ok_and(|status| status.success()), "ssh-keygen from openssh-client is needed");
}

fn login() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Sshd {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["host", "login", "other"] {
            keygen(&folder.path().join(name));
        }
        fs::copy(folder.path().join("login.pub"), folder.path().join("authorized")).unwrap();
        let port = free_port();
        let process = Self::serve(folder.path(), port);
        Self { folder, port, process }
    }

    fn serve(folder: &Path, port: u16) -> Child {
        let program = "/usr/sbin/sshd";
        assert!(Path::new(program).exists(), "{program} is missing: install openssh-server");
        if login() == "root" {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let at = |name: &str| folder.join(name).display().to_string();
        let configuration = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             PermitRootLogin yes\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nLogLevel VERBOSE\nMaxStartups 100\n",
            at("host"),
            at("authorized"),
        );
        fs::write(folder.join("sshd_config"), configuration).unwrap();
        #[expect(clippy::zombie_processes, reason = "whoever gets it ends it")]
        let process = Command::new(program)
            .args(["-D", "-f", &at("sshd_config"), "-E", &at("sshd.log")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return process;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("sshd does not listen: {}", fs::read_to_string(folder.join("sshd.log")).unwrap_or_default());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn public(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap()
    }

    fn target(&self) -> HostTarget {
        HostTarget {
            address: "127.0.0.1".into(),
            port: Some(self.port),
            user: Some(login()),
            identity: Some(self.path("login").display().to_string()),
            host_keys: Vec::new(),
        }
    }

    fn options(&self) -> SshOptions {
        let mut options = SshOptions::new(self.path("known"));
        options.connect_timeout = Duration::from_secs(10);
        if login() != "root" {
            options.r#become = Become::Login;
        }
        options
    }

    fn hosts(&self) -> SshHosts {
        SshHosts::new(self.options())
    }

    /// Shells that run below this sshd, and below no other.
    fn shells(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut below = children(&self.process.id().to_string());
        while let Some(one) = below.pop() {
            if fs::read_to_string(format!("/proc/{one}/comm")).is_ok_and(|name| name.trim() == "sh") {
                found.push(one);
            } else {
                below.extend(children(&one));
            }
        }
        assert!(!found.is_empty(), "no shell runs");
        found
    }

    /// Commands that were started, and connections that logged in.
    fn served(&self) -> (usize, usize) {
        let log = fs::read_to_string(self.path("sshd.log")).unwrap();
        (log.matches("Starting session: command").count(), log.matches("Accepted publickey").count())
    }
}

/// Processes that a process started.
fn children(process: &str) -> Vec<String> {
    let found = Command::new("pgrep").args(["-P", process]).output().unwrap();
    String::from_utf8(found.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

type Told = Arc<Mutex<Vec<String>>>;

fn context() -> (CallContext, Told) {
    let told = Told::default();
    let sink = Arc::clone(&told);
    let context = CallContext {
        operation_id: "test".into(),
        owner: "test-lab".into(),
        address: Address::new("test/host/node-1").unwrap(),
        deadline: Duration::from_mins(1),
        cancel: Cancel::default(),
        progress: Progress::new(move |event| {
            if let Event::Notice { message } = event {
                sink.lock().unwrap().push(message);
            }
        }),
        checkpoint: Arc::new(NoCheckpoint),
    };
    (context, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_cost_one_round_trip_and_steps_one_more() {
    let sshd = Sshd::start();
    let (context, told) = context();
    let hosts = sshd.hosts();
    let host = hosts.connect(&context, &sshd.target()).await.unwrap();
    assert_eq!(sshd.served(), (0, 1), "opening runs no command");
    let notices = told.lock().unwrap().clone();
    assert!(
        notices.len() == 1 && notices[0].contains("first use") && notices[0].contains("SHA256:"),
        "{notices:?}"
    );
    let key = host.host_key().unwrap();
    assert!(sshd.public("host").starts_with(&key), "{key}");

    let path = sshd.path("made/by honey's.conf").display().to_string();
    let facts = host.facts(&context, std::slice::from_ref(&path)).await.unwrap();
    assert_eq!(sshd.served(), (1, 1));
    assert!(!facts.hostname.is_empty() && facts.memory_bytes > 0 && facts.files.is_empty());

    let secret = "canary-5f2a$(id)'\"\n";
    let steps = [
        Step::File { path: path.clone(), mode: 0o640, content: Content::Plain("one\n".into()) },
        Step::File {
            path: format!("{path}.secret"),
            mode: 0o600,
            content: Content::Secret(Secret::new(secret)),
        },
    ];
    assert_eq!(host.run(&context, &steps).await.unwrap().changed, [0, 1]);
    assert_eq!(sshd.served(), (2, 1));
    assert_eq!(
        host.run(&context, &steps).await.unwrap().changed,
        Vec::<usize>::new(),
        "the second time nothing changes"
    );

    assert_eq!(fs::metadata(format!("{path}.secret")).unwrap().permissions().mode() & 0o777, 0o600);
    let back = host.read(&context, &format!("{path}.secret"), 4096).await.unwrap().unwrap();
    assert_eq!(back.expose(), secret.as_bytes());
    assert!(host.read(&context, "/nonexistent", 10).await.unwrap().is_none());
    assert_eq!(host.read(&context, &format!("{path}.secret"), 3).await.unwrap_err().code, "HNY0518");
    assert_eq!(host.facts(&context, std::slice::from_ref(&path)).await.unwrap().files.len(), 1);
    assert_eq!(sshd.served().1, 1, "all of it through one connection");
    assert!(!fs::read_to_string(sshd.path("sshd.log")).unwrap().contains("canary"));
    hosts.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn looks_after_the_first_share_one_shell_that_carries_nothing_over() {
    let sshd = Sshd::start();
    let (context, _) = context();
    let hosts = sshd.hosts();
    let host = hosts.connect(&context, &sshd.target()).await.unwrap();
    let path = sshd.path("seen").display().to_string();
    let file =
        |text: &str| Step::File { path: path.clone(), mode: 0o600, content: Content::Plain(text.into()) };
    let digest = async || {
        let facts = host.facts(&context, std::slice::from_ref(&path)).await.unwrap();
        assert!(!facts.hostname.is_empty() && facts.services.contains_key("k3s"), "{facts:?}");
        facts.files.get(&path).cloned()
    };
    assert_eq!(digest().await, None);
    assert_eq!(sshd.served().0, 1);
    assert_eq!(digest().await, None);
    fs::write(&path, "one\n").unwrap();
    let one = digest().await.unwrap();
    fs::write(&path, "two\n").unwrap();
    assert!(digest().await.is_some_and(|two| two != one));
    assert_eq!(sshd.served(), (2, 1), "three looks by one shell");

    assert_eq!(host.run(&context, &[file("one\n")]).await.unwrap().changed, [0]);
    assert_eq!(digest().await, Some(one.clone()));
    assert_eq!(digest().await, Some(one.clone()));
    assert_eq!(sshd.served(), (4, 1), "the steps, and a shell for the looks after them");

    // Two at once: one of them goes by itself.
    let both = tokio::join!(digest(), digest());
    assert_eq!(both, (Some(one.clone()), Some(one.clone())));
    assert_eq!(sshd.served(), (5, 1));

    // Given up midway, it takes its answer and its shell along.
    let mut hasty = context.clone();
    hasty.deadline = Duration::from_millis(1);
    assert_eq!(host.facts(&hasty, &[]).await.unwrap_err().code, "HNY0520");
    assert_eq!(digest().await, Some(one.clone()));
    assert_eq!(sshd.served(), (6, 1));

    // The shell dies: a look is asked for by itself, over the same connection.
    for shell in sshd.shells() {
        assert!(Command::new("kill").args(["-9", &shell]).status().unwrap().success());
    }
    assert_eq!(digest().await, Some(one));
    assert_eq!(sshd.served(), (7, 1));
    hosts.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_speaks_like_honey_first_is_not_believed() {
    let sshd = Sshd::start();
    let (context, _) = context();
    let key = sshd.public("login");
    let noise = "echo honey facts {}; echo honey end; echo honey 0 failed disk lies; echo -n no end of line";
    let loud = sshd.path("loud").display().to_string();
    let quiet = format!("command=\"if [ -e {loud} ]; then {noise}; fi; eval $SSH_ORIGINAL_COMMAND\" {key}");
    fs::write(sshd.path("authorized"), quiet).unwrap();
    let hosts = sshd.hosts();
    let host = hosts.connect(&context, &sshd.target()).await.unwrap();
    host.facts(&context, &[]).await.unwrap();
    fs::write(loud, "").unwrap();
    for _ in 0..2 {
        assert!(!host.facts(&context, &[]).await.unwrap().hostname.is_empty());
    }
    hosts.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_is_shared_and_replaced_when_its_master_died() {
    let sshd = Sshd::start();
    let (context, _) = context();
    let hosts = sshd.hosts();
    let target = sshd.target();
    let connections = (0..8).map(|_| hosts.connect(&context, &target));
    let shared = futures::future::join_all(connections).await;
    let looks = shared.iter().map(|host| host.as_ref().unwrap().facts(&context, &[]));
    let names: BTreeSet<String> =
        futures::future::join_all(looks).await.into_iter().map(|facts| facts.unwrap().hostname).collect();
    assert_eq!((names.len(), sshd.served()), (1, (8, 1)));

    // Every process that serves this connection dies; the listener lives.
    for child in children(&sshd.process.id().to_string()) {
        Command::new("kill").args(["-9", &child]).status().unwrap();
    }
    let host = shared[0].as_ref().unwrap();
    let mut last = host.facts(&context, &[]).await;
    if let Err(fault) = &last {
        assert_eq!(fault.class, FaultClass::Transient, "{fault}");
        last = host.facts(&context, &[]).await;
    }
    last.unwrap();
    assert_eq!(sshd.served().1, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_host_key_is_refused_pinned_or_recorded() {
    let mut sshd = Sshd::start();
    let (context, told) = context();
    let target = sshd.target();
    let mut pinned = target.clone();
    pinned.host_keys = vec![sshd.public("host")];
    let hosts = sshd.hosts();
    assert!(hosts.connect(&context, &pinned).await.unwrap().host_key().is_some());
    assert!(told.lock().unwrap().is_empty(), "a pinned key is not recorded");
    hosts.connect(&context, &target).await.unwrap();
    hosts.close().await;

    sshd.process.kill().unwrap();
    sshd.process.wait().unwrap();
    fs::remove_file(sshd.path("host")).unwrap();
    fs::remove_file(sshd.path("host.pub")).unwrap();
    keygen(&sshd.path("host"));
    sshd.process = Sshd::serve(sshd.folder.path(), sshd.port);
    let before = sshd.served();

    let hosts = sshd.hosts();
    for target in [&pinned, &target] {
        let fault = hosts.connect(&context, target).await.map(|_| ()).unwrap_err();
        assert_eq!((fault.code.as_str(), fault.class), ("HNY0505", FaultClass::Forbidden), "{fault}");
    }
    assert_eq!(sshd.served(), before, "nobody logged in");
    hosts.forget(&target).await.unwrap();
    hosts.connect(&context, &target).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_says_why() {
    let sshd = Sshd::start();
    let (context, _) = context();
    let hosts = sshd.hosts();
    let code = async |change: &dyn Fn(&mut HostTarget)| {
        let mut target = sshd.target();
        change(&mut target);
        let fault = hosts.connect(&context, &target).await.map(|_| ()).unwrap_err();
        assert!(fault.help.is_some() || fault.code == "HNY0519", "{fault}");
        (fault.code, fault.class)
    };
    let closed = free_port();
    assert_eq!(code(&|target| target.port = Some(closed)).await, ("HNY0501".into(), FaultClass::Transient));
    let other = sshd.path("other").display().to_string();
    assert_eq!(
        code(&|target| target.identity = Some(other.clone())).await,
        ("HNY0504".into(), FaultClass::Auth)
    );
    assert_eq!(code(&|target| target.address = "honey-test.invalid".into()).await.0, "HNY0503");
    assert_eq!(code(&|target| target.address = "-oProxyCommand=touch /tmp/x".into()).await.0, "HNY0519");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_accepts_and_says_nothing_is_given_up() {
    let sshd = Sshd::start();
    let (context, _) = context();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = sshd.options();
    options.connect_timeout = Duration::from_secs(1);
    let mut target = sshd.target();
    target.port = Some(silent.local_addr().unwrap().port());
    let fault = SshHosts::new(options).connect(&context, &target).await.map(|_| ()).unwrap_err();
    assert_eq!((fault.code.as_str(), fault.class), ("HNY0502", FaultClass::Timeout), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_s_own_configuration_decides_the_rest() {
    let sshd = Sshd::start();
    let (context, _) = context();
    let file = sshd.path("config");
    let text = format!(
        "Host my-box\n  HostName 127.0.0.1\n  Port {}\n  User {}\n  IdentityFile {}\n  IdentitiesOnly yes\n\
         RemoteCommand echo never\n  RequestTTY force\n  LocalForward {} 127.0.0.1:1\n",
        sshd.port,
        login(),
        sshd.path("login").display(),
        free_port(),
    );
    fs::write(&file, text).unwrap();
    let mut options = sshd.options();
    options.config_file = Some(file);
    let target = HostTarget {
        address: "my-box".into(),
        port: None,
        user: None,
        identity: None,
        host_keys: Vec::new(),
    };
    let host = SshHosts::new(options).connect(&context, &target).await.unwrap();
    assert!(!host.facts(&context, &[]).await.unwrap().hostname.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_output_is_bounded_and_escaped() {
    let sshd = Sshd::start();
    let (context, _) = context();
    // The configuration's forced command plays a host that prints what it likes.
    let forced = |line: &str| {
        let key = sshd.public("login");
        fs::write(sshd.path("authorized"), format!("command=\"{line}\" {key}")).unwrap();
        sshd.hosts()
    };
    let hosts = forced("cat >/dev/null; head -c 9000000 /dev/zero | tr '\\\\0' x");
    let host = hosts.connect(&context, &sshd.target()).await.unwrap();
    assert_eq!(host.facts(&context, &[]).await.unwrap_err().code, "HNY0518");

    let hosts = forced(
        "cat >/dev/null; printf '\\\\033[2Jboo\\\\377\\\\n' >&2; echo honey facts nonsense; echo honey end",
    );
    let host = hosts.connect(&context, &sshd.target()).await.unwrap();
    let fault = host.facts(&context, &[]).await.unwrap_err();
    assert_eq!(fault.code, "HNY0517", "{fault}");

    let hosts = forced("cat >/dev/null; printf '\\\\033[2Jsudo: a password is required\\\\n' >&2; exit 1");
    let host = hosts.connect(&context, &sshd.target()).await.unwrap();
    let fault = host.facts(&context, &[]).await.unwrap_err();
    assert_eq!((fault.code.as_str(), fault.class), ("HNY0507", FaultClass::Forbidden), "{fault}");
    assert!(!fault.to_string().contains('\u{1b}'));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_with_its_deadline_or_the_operator_s_wish() {
    let sshd = Sshd::start();
    let key = sshd.public("login");
    fs::write(sshd.path("authorized"), format!("command=\"exec sleep 5\" {key}")).unwrap();
    let (mut context, _) = context();
    let hosts = sshd.hosts();
    let host = hosts.connect(&context, &sshd.target()).await.unwrap();
    context.deadline = Duration::from_millis(300);
    assert_eq!(host.facts(&context, &[]).await.unwrap_err().code, "HNY0520");
    context.deadline = Duration::from_mins(1);
    context.cancel.cancel();
    assert_eq!(host.facts(&context, &[]).await.unwrap_err().class, FaultClass::Canceled);
}
