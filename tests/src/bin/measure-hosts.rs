//! The host port inside one process, measured for `cargo xtask bench hosts`.
//!
//! `measure-hosts script` prints what one look sends, for a bare `ssh` to carry.
//! `measure-hosts boxes CONFIG ROUNDS NAME…` looks at all hosts at once, first
//! over connections that it opens, then over these; prints seconds as JSON.
//! `measure-hosts light COUNT ROUNDS MS` does so with boxes of the lab, whose own
//! work costs this machine next to nothing, behind relays that take MS
//! milliseconds there and back.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a measuring program")]

use std::{
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use honey_lab::{
    Lab, LabOptions,
    world::{Machine, NewMachine, SSH_PORT},
};
use honey_model::Address;
use honey_ports::{
    CallContext, Progress,
    call::{Cancel, NoCheckpoint},
    host::{HostTarget, Hosts as _},
};
use honey_ssh::{SshHosts, SshOptions, script};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Files whose digests the kinds ask for.
const FILES: [&str; 3] =
    ["/etc/rancher/k3s/config.yaml", "/etc/sysctl.d/90-honey.conf", "/etc/ssh/sshd_config.d/10-honey.conf"];

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["script"] => std::io::stdout()
            .write_all(script::facts(&FILES.map(str::to_owned)).finish().expose())
            .map_err(Failure::from),
        ["boxes", config, rounds, names @ ..] => boxes(config, rounds, names).await,
        ["light", count, rounds, ms] => light(count, rounds, ms).await,
        _ => Err("measure-hosts script | boxes CONFIG ROUNDS NAME… | light COUNT ROUNDS MS".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn boxes(config: &str, rounds: &str, names: &[&str]) -> Result<(), Failure> {
    let known = tempfile::tempdir()?;
    let mut options = SshOptions::new(known.path());
    options.config_file = Some(PathBuf::from(config));
    options.connect_timeout = Duration::from_mins(1);
    let target = |name: &&str| HostTarget {
        address: (*name).to_owned(),
        port: None,
        user: None,
        identity: None,
        host_keys: Vec::new(),
    };
    measure(options, &names.iter().map(target).collect::<Vec<_>>(), rounds.parse()?).await
}

async fn light(count: &str, rounds: &str, ms: &str) -> Result<(), Failure> {
    let there = Duration::from_millis(ms.parse()?) / 2;
    let folder = tempfile::tempdir()?;
    let lab = Lab::start(LabOptions { seed: 30, ..LabOptions::default() }).await?;
    let identity = folder.path().join("identity");
    std::fs::write(&identity, &lab.credentials().private_key)?;
    std::fs::set_permissions(&identity, std::fs::Permissions::from_mode(0o600))?;
    let mut targets = Vec::new();
    for number in 0..count.parse::<u8>()? {
        let machine = lab_box(&lab, number).await?;
        targets.push(HostTarget {
            address: Ipv4Addr::LOCALHOST.to_string(),
            port: Some(relay((machine.ipv4, SSH_PORT).into(), there).await?),
            user: Some(machine.user),
            identity: Some(identity.display().to_string()),
            host_keys: Vec::new(),
        });
    }
    measure(SshOptions::new(folder.path().join("known")), &targets, rounds.parse()?).await
}

/// A new box of the lab.
async fn lab_box(lab: &Lab, number: u8) -> Result<Machine, Failure> {
    let new = NewMachine {
        vendor: "hetzner".into(),
        id: format!("box-{number}"),
        name: format!("box-{number}"),
        service: None,
        user: "root".into(),
        authorized_keys: vec![lab.credentials().public_key.clone()],
        image: "ubuntu-24.04".into(),
        power: true,
    };
    let address = lab.world().reserve_address()?;
    Ok(lab.world().create_machine(new, address).await?)
}

/// Listens for what is on its way to a host for a while; its port.
async fn relay(to: SocketAddr, there: Duration) -> Result<u16, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            tokio::spawn(async move {
                // The handshake's own way there and back.
                tokio::time::sleep(2 * there).await;
                let Ok(far) = TcpStream::connect(to).await else { return };
                let _ = (near.set_nodelay(true), far.set_nodelay(true));
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::join!(carry(near_in, far_out, there), carry(far_in, near_out, there));
            });
        }
    });
    Ok(port)
}

/// One direction: what was read is written a while later.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, there: Duration) {
    let (send, mut receive) = tokio::sync::mpsc::unbounded_channel::<(tokio::time::Instant, Vec<u8>)>();
    let read = async move {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            let due = tokio::time::Instant::now() + there;
            let _ = send.send((due, buffer[..count].to_vec()));
        }
    };
    let write = async move {
        while let Some((due, bytes)) = receive.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                break;
            }
        }
    };
    tokio::join!(read, write);
}

/// One look over connections that it opens, and more over these.
async fn measure(options: SshOptions, targets: &[HostTarget], rounds: usize) -> Result<(), Failure> {
    let hosts = Arc::new(SshHosts::new(options));
    let cold = look(&hosts, targets).await?;
    let mut warm = Vec::new();
    for _ in 0..rounds {
        warm.push(look(&hosts, targets).await?);
    }
    println!("{}", serde_json::json!({ "cold": cold, "warm": warm }));
    hosts.close().await;
    Ok(())
}

/// Seconds of one look at all hosts at once, each by one call.
async fn look(hosts: &Arc<SshHosts>, targets: &[HostTarget]) -> Result<f64, Failure> {
    let started = Instant::now();
    let mut looks = tokio::task::JoinSet::new();
    for target in targets {
        let (hosts, target) = (Arc::clone(hosts), target.clone());
        looks.spawn(async move {
            let context = context();
            hosts.connect(&context, &target).await?.facts(&context, &FILES.map(str::to_owned)).await
        });
    }
    while let Some(done) = looks.join_next().await {
        done??;
    }
    Ok(started.elapsed().as_secs_f64())
}

fn context() -> CallContext {
    CallContext {
        operation_id: "measure".into(),
        owner: "measure".into(),
        address: Address::of(&["measure", "host", "one"]),
        deadline: Duration::from_mins(2),
        cancel: Cancel::default(),
        progress: Progress::silent(),
        checkpoint: Arc::new(NoCheckpoint),
    }
}
