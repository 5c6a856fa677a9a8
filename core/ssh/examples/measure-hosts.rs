//! The host port inside one process, measured for `cargo xtask bench hosts`.
//!
//! `measure-hosts script` prints what one look sends, for a bare `ssh` to carry.
//! `measure-hosts facts CONFIG ROUNDS NAME…` looks at all hosts at once, first
//! over connections that it opens, then over these; prints seconds as JSON.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a measuring program")]

use std::{
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use honey_model::{Address, Fault};
use honey_ports::{
    CallContext, Progress,
    call::{Cancel, NoCheckpoint},
    host::{HostTarget, Hosts as _},
};
use honey_ssh::{SshHosts, SshOptions, script};

/// Files whose digests the kinds ask for.
const FILES: [&str; 3] =
    ["/etc/rancher/k3s/config.yaml", "/etc/sysctl.d/90-honey.conf", "/etc/ssh/sshd_config.d/10-honey.conf"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["script"] => std::io::stdout()
            .write_all(script::facts(&FILES.map(str::to_owned)).finish().expose())
            .map_err(|e| e.to_string()),
        ["facts", config, rounds, names @ ..] => {
            let runtime = tokio::runtime::Runtime::new();
            runtime.map_err(|error| error.to_string()).and_then(|runtime| {
                runtime
                    .block_on(facts(config, rounds.parse().unwrap_or(1), names))
                    .map_err(|fault| fault.to_string())
            })
        }
        _ => Err("measure-hosts script | facts CONFIG ROUNDS NAME…".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

async fn facts(config: &str, rounds: usize, names: &[&str]) -> Result<(), Fault> {
    let known = tempfile::tempdir()
        .map_err(|e| Fault::new(honey_model::FaultClass::Internal, "HNY0001", e.to_string()))?;
    let mut options = SshOptions::new(known.path());
    options.config_file = Some(PathBuf::from(config));
    options.connect_timeout = Duration::from_mins(1);
    let hosts = Arc::new(SshHosts::new(options));
    let started = Instant::now();
    look(&hosts, names).await?;
    let cold = started.elapsed().as_secs_f64();
    let mut warm = Vec::new();
    for _ in 0..rounds {
        let started = Instant::now();
        look(&hosts, names).await?;
        warm.push(started.elapsed().as_secs_f64());
    }
    println!("{}", serde_json::json!({ "cold": cold, "warm": warm }));
    hosts.close().await;
    Ok(())
}

/// All hosts at once, each by one call.
async fn look(hosts: &Arc<SshHosts>, names: &[&str]) -> Result<(), Fault> {
    let files = FILES.map(str::to_owned);
    let mut looks = tokio::task::JoinSet::new();
    for name in names {
        let target = HostTarget {
            address: (*name).to_owned(),
            port: None,
            user: None,
            identity: None,
            host_keys: Vec::new(),
        };
        let (hosts, files) = (Arc::clone(hosts), files.clone());
        looks.spawn(async move {
            let context = context();
            hosts.connect(&context, &target).await?.facts(&context, &files).await
        });
    }
    while let Some(done) = looks.join_next().await {
        done.map_err(|e| Fault::new(honey_model::FaultClass::Internal, "HNY0001", e.to_string()))??;
    }
    Ok(())
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
