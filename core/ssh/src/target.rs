//! Where a target really leads: the operator's ssh configuration decides, and
//! `ssh -G` says what it decided, without any connection.

use std::process::Stdio;

use honey_model::{Fault, FaultClass, text::visible};
use honey_ports::host::HostTarget;
use tokio::process::Command;

use crate::{fault, hosts::SshOptions};

/// What ssh makes of a target.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    /// Address or name that is connected to.
    pub(crate) hostname: String,
    /// Port.
    pub(crate) port: u16,
    /// Login.
    pub(crate) user: String,
    /// How honey calls it in messages.
    pub(crate) shown: String,
    /// The jump hosts, where the operator's configuration goes through some.
    pub(crate) jump: Option<String>,
}

/// Refuses what ssh would take for an option or split.
pub(crate) fn check(target: &HostTarget) -> Result<(), Fault> {
    let plain = |text: &str| {
        !text.is_empty()
            && text.len() <= 255
            && !text.starts_with('-')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || ".:_-%[]".contains(c))
    };
    let mut wrong = None;
    if !plain(&target.address) {
        wrong = Some(("address", &target.address));
    } else if let Some(user) = target.user.as_ref().filter(|user| !plain(user)) {
        wrong = Some(("user", user));
    } else if let Some(identity) =
        target.identity.as_ref().filter(|path| path.is_empty() || path.starts_with('-'))
    {
        wrong = Some(("identity file", identity));
    }
    match wrong {
        None => Ok(()),
        Some((what, text)) => Err(Fault::new(
            FaultClass::Invalid,
            fault::INVALID_VALUE,
            format!("`{}` is not an {what} that honey hands to ssh", visible(text, 80)),
        )),
    }
}

/// Options that say where and as whom, for every call of ssh.
pub(crate) fn place(command: &mut Command, target: &HostTarget, options: &SshOptions) {
    if let Some(file) = &options.config_file {
        command.arg("-F").arg(file);
    }
    if let Some(port) = target.port {
        command.arg("-p").arg(port.to_string());
    }
    if let Some(user) = &target.user {
        command.arg("-l").arg(user);
    }
    if let Some(identity) = &target.identity {
        command.args(["-o", "IdentitiesOnly=yes", "-i"]).arg(identity);
    }
}

/// Asks ssh.
pub(crate) async fn resolve(target: &HostTarget, options: &SshOptions) -> Result<Resolved, Fault> {
    check(target)?;
    let mut command = Command::new(&options.program);
    command.arg("-G").stdin(Stdio::null()).kill_on_drop(true);
    place(&mut command, target, options);
    command.arg("--").arg(&target.address);
    let output = command.output().await.map_err(|error| {
        Fault::new(
            FaultClass::Unsupported,
            fault::CLIENT,
            format!("the ssh client cannot be started: {error}"),
        )
        .with_help("install OpenSSH's client; honey uses yours, with your configuration")
    })?;
    if !output.status.success() {
        return Err(fault::connecting(
            &target.address,
            &format!("{}\nterminating, ", String::from_utf8_lossy(&output.stderr)),
        ));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let value = |key: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
            .map(str::to_owned)
            .unwrap_or_default()
    };
    let hostname = value("hostname");
    let port = value("port").parse().unwrap_or(22);
    let user = value("user");
    let shown = format!("{user}@{hostname}:{port}");
    let jump = Some(value("proxyjump")).filter(|jump| !jump.is_empty() && jump != "none");
    Ok(Resolved { hostname, port, user, shown, jump: jump.map(|jump| visible(&jump, 200)) })
}
