//! One connection to a host: an ssh master of our own that every script shares.
//!
//! The master is started here rather than by the `openssh` crate's builder
//! because honey needs options that the builder does not have; everything
//! after that goes through the crate's native multiplexer.

use std::{collections::HashMap, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use honey_model::{Fault, FaultClass};
use honey_ports::{CallContext, Event, host::HostTarget};
use openssh::{ForwardType, Session};
use tokio::{process::Command, sync::Mutex};

use crate::{
    fault,
    hosts::SshOptions,
    kept_shell::KeptShell,
    known_hosts::{self, Policy},
    target::{self, Resolved},
};

/// Seconds an unused master stays when honey died without closing it.
const IDLE: u32 = 300;

/// Settings of the operator's configuration that would disturb a connection
/// which only runs scripts.
const FIXED: &[&str] = &[
    "BatchMode=yes",
    "NumberOfPasswordPrompts=0",
    "ClearAllForwardings=yes",
    "RemoteCommand=none",
    "RequestTTY=no",
    "PermitLocalCommand=no",
    "ForwardAgent=no",
    "ForwardX11=no",
    "HashKnownHosts=no",
    "UpdateHostKeys=no",
    "CheckHostIP=no",
    "ConnectionAttempts=1",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    // The log names the host key; it stays in the private folder.
    "LogLevel=DEBUG1",
];

/// An open connection.
pub(crate) struct Connection {
    /// Runs scripts.
    pub(crate) session: Arc<Session>,
    /// Runs looks after the first.
    pub(crate) kept: KeptShell,
    /// `type base64` of the key that the host showed.
    pub(crate) host_key: Option<String>,
    /// The private folder of the control socket; it goes with the session.
    folder: PathBuf,
    /// Sockets that lead to ports of the host's loopback.
    forwards: Mutex<HashMap<u16, PathBuf>>,
}

impl Connection {
    /// A local socket, for this user alone, whose connections come out at a
    /// port of the host's loopback. Asked for once, kept with the connection.
    pub(crate) async fn forward(&self, port: u16) -> Result<PathBuf, openssh::Error> {
        let mut forwards = self.forwards.lock().await;
        if let Some(path) = forwards.get(&port) {
            return Ok(path.clone());
        }
        let path = self.folder.join(port.to_string());
        let remote = openssh::Socket::TcpSocket { host: "127.0.0.1".into(), port };
        self.session.request_port_forward(ForwardType::Local, path.as_path(), remote).await?;
        forwards.insert(port, path.clone());
        Ok(path)
    }
}

/// What ssh says of the first jump host by itself: through a shared connection its words are lost.
async fn words_of_jump(jump: &str, options: &SshOptions) -> String {
    let first = jump.split(',').next().unwrap_or(jump);
    let mut command = Command::new(&options.program);
    command.stdin(Stdio::null()).kill_on_drop(true).args(["-T", "-o", "BatchMode=yes"]).arg("-o");
    command.arg(format!("ConnectTimeout={}", options.connect_timeout.as_secs().max(1)));
    if let Some(file) = &options.config_file {
        command.arg("-F").arg(file);
    }
    // With a port, only the form of an address of the web is understood.
    let place = if first.contains(':') { format!("ssh://{first}") } else { first.to_owned() };
    command.arg("--").arg(place).arg("exit");
    let limit = options.connect_timeout + Duration::from_secs(5);
    match tokio::time::timeout(limit, command.output()).await {
        Ok(Ok(output)) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Ok(Err(_)) | Err(_) => String::new(),
    }
}

/// A folder for this user alone whose path is short enough for sockets: the system allows about 100
/// bytes, and ssh adds a name of its own while it opens one. A long `TMPDIR` is passed over.
fn control_folder() -> std::io::Result<tempfile::TempDir> {
    const LONGEST: usize = 50;
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("honey-");
    let named = std::env::temp_dir();
    if named.as_os_str().len() <= LONGEST { builder.tempdir() } else { builder.tempdir_in("/tmp") }
}

/// Opens a connection.
pub(crate) async fn open(
    context: &CallContext,
    target: &HostTarget,
    resolved: &Resolved,
    options: &SshOptions,
) -> Result<Connection, Fault> {
    let folder = control_folder().map_err(|error| {
        Fault::new(FaultClass::Internal, fault::CLIENT, format!("no folder for the control socket: {error}"))
            .with_help("honey needs a writable temporary folder with a short path: see TMPDIR")
    })?;
    let policy = if target.host_keys.is_empty() {
        Policy::recorded(
            &known_hosts::record_of(&options.known_hosts, resolved),
            options.config_file.is_none(),
        )?
    } else {
        Policy::pinned(folder.path(), &target.host_keys)?
    };
    let log = folder.path().join("log");
    let mut command = Command::new(&options.program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        // A jump host's ssh is a process of its own that does not know that nobody can be asked: what it
        // would ask is answered with no.
        .env("SSH_ASKPASS_REQUIRE", "force")
        .env("SSH_ASKPASS", "false")
        .args(["-M", "-N", "-f", "-T"])
        .arg("-S")
        .arg(folder.path().join("master"))
        .arg("-E")
        .arg(&log)
        .arg("-o")
        .arg(format!("ControlPersist={IDLE}"))
        .arg("-o")
        .arg(format!("ConnectTimeout={}", options.connect_timeout.as_secs().max(1)))
        .arg("-o")
        .arg(if policy.strict { "StrictHostKeyChecking=yes" } else { "StrictHostKeyChecking=accept-new" })
        .arg("-o")
        .arg(policy.option());
    if policy.strict {
        command.args(["-o", "GlobalKnownHostsFile=/dev/null"]);
    }
    for option in FIXED {
        command.arg("-o").arg(option);
    }
    target::place(&mut command, target, options);
    command.arg("--").arg(&target.address);

    // ssh's own limit covers the handshake; a login that hangs needs ours.
    let limit = options.connect_timeout + Duration::from_secs(10);
    let status = match tokio::time::timeout(limit, command.status()).await {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => {
            return Err(Fault::new(
                FaultClass::Unsupported,
                fault::CLIENT,
                format!("ssh cannot be started: {error}"),
            )
            .with_help("install OpenSSH's client; honey uses yours, with your configuration"));
        }
        Err(_) => return Err(fault::connecting(&resolved.shown, "the login timed out")),
    };
    let log =
        std::fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    if !status.success() {
        return Err(match &resolved.jump {
            Some(jump) if !log.contains("Server host key:") => {
                let words = words_of_jump(jump, options).await;
                fault::jumping(&resolved.shown, jump, &format!("{words}\n{log}"))
            }
            _ => fault::connecting(&resolved.shown, &log),
        });
    }
    let shown = known_hosts::shown_in(&log);
    if let Some((kind, fingerprint)) = shown.as_ref().filter(|_| log.contains("Permanently added")) {
        context.progress.tell(Event::Notice {
            message: format!(
                "recorded the host key of {} on first use: {kind} {fingerprint}",
                resolved.shown
            ),
        });
    }
    let host_key = shown.and_then(|(_, fingerprint)| policy.find(&fingerprint));
    let place = folder.path().to_owned();
    let session = Arc::new(Session::new_native_mux(folder));
    let kept = KeptShell::default();
    Ok(Connection { session, kept, host_key, folder: place, forwards: Mutex::default() })
}
