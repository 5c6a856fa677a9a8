//! Opens connections, shares them, closes them.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use honey_model::Fault;
use honey_ports::{
    CallContext,
    host::{Host, HostTarget, Hosts, Tunnel},
};
use tokio::sync::Mutex;

use crate::{host::SshHost, known_hosts, target, tunnel};

/// As whom scripts run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Become {
    /// As root: directly, or through `sudo -n` where the login is another.
    Root,
    /// As the login itself. Steps that need root fail.
    Login,
}

/// How connections are made.
#[derive(Clone, Debug)]
pub struct SshOptions {
    /// Folder of host keys recorded on first use, one file per host.
    pub known_hosts: PathBuf,
    /// Instead of the operator's `~/.ssh/config`; their known hosts do not count either then.
    pub config_file: Option<PathBuf>,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// As whom scripts run.
    pub r#become: Become,
    /// The ssh client.
    pub program: PathBuf,
}

impl SshOptions {
    /// The operator's own client and configuration; host keys are recorded in
    /// this folder.
    pub fn new(known_hosts: impl Into<PathBuf>) -> Self {
        Self {
            known_hosts: known_hosts.into(),
            config_file: None,
            connect_timeout: Duration::from_secs(15),
            r#become: Become::Root,
            program: PathBuf::from("ssh"),
        }
    }
}

/// Hosts over ssh: one shared connection per target.
pub struct SshHosts {
    options: Arc<SshOptions>,
    open: Mutex<HashMap<HostTarget, Arc<SshHost>>>,
}

impl SshHosts {
    /// No connection yet.
    pub fn new(options: SshOptions) -> Self {
        Self { options: Arc::new(options), open: Mutex::default() }
    }

    /// The host behind a target, connected or not.
    async fn host(&self, target: &HostTarget) -> Result<Arc<SshHost>, Fault> {
        if let Some(known) = self.open.lock().await.get(target) {
            return Ok(Arc::clone(known));
        }
        let resolved = target::resolve(target, &self.options).await?;
        let new = Arc::new(SshHost::new(target.clone(), resolved, Arc::clone(&self.options)));
        Ok(Arc::clone(self.open.lock().await.entry(target.clone()).or_insert(new)))
    }
}

#[async_trait]
impl Hosts for SshHosts {
    async fn forget(&self, target: &HostTarget) -> Result<(), Fault> {
        let gone = self.open.lock().await.remove(target);
        if let Some(host) = gone {
            host.close().await;
        }
        let resolved = target::resolve(target, &self.options).await?;
        // A key that was never recorded is forgotten already.
        let _ = std::fs::remove_file(known_hosts::record_of(&self.options.known_hosts, &resolved));
        Ok(())
    }

    async fn connect(&self, context: &CallContext, target: &HostTarget) -> Result<Arc<dyn Host>, Fault> {
        let host = self.host(target).await?;
        host.connection(context).await?;
        Ok(host)
    }

    async fn tunnel(
        &self,
        context: &CallContext,
        targets: &[HostTarget],
        listen: u16,
        port: u16,
    ) -> Result<Tunnel, Fault> {
        let mut hosts = Vec::with_capacity(targets.len());
        for target in targets {
            hosts.push(self.host(target).await?);
        }
        tunnel::open(context, hosts, listen, port).await
    }

    async fn close(&self) {
        let all: Vec<Arc<SshHost>> = self.open.lock().await.drain().map(|(_, host)| host).collect();
        for host in all {
            host.close().await;
        }
    }
}
