//! What hosts look like: one look at each for everyone who asks during a run,
//! plugins included, until something changes the host.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use honey_model::Fault;
use honey_ports::{
    CallContext,
    host::{Facts, Host, HostTarget, Hosts},
};
use tokio::sync::{Mutex, OnceCell};

use crate::kind::{
    clock,
    connect::{JAIL_PATH, MARK_PATH, SSHD_PATH, SYSCTL_PATH, UPGRADES_PATH},
    k3s_server::CONFIG_PATH,
};

type FactsCell = Arc<OnceCell<Facts>>;

/// The looks of a run.
pub struct HostLooks {
    hosts: Arc<dyn Hosts>,
    /// Where relative paths of the configuration start from.
    base: PathBuf,
    known: Mutex<HashMap<HostTarget, FactsCell>>,
}

impl HostLooks {
    /// Nothing was looked at yet.
    pub fn new(hosts: Arc<dyn Hosts>, base: &Path) -> Self {
        Self { hosts, base: base.to_owned(), known: Mutex::default() }
    }

    /// The host's facts; one round trip for all who ask.
    ///
    /// # Errors
    /// When the host cannot be reached or its answer not be read; the next one
    /// who asks tries again.
    pub async fn facts(&self, context: &CallContext, target: &HostTarget) -> Result<Facts, Fault> {
        let target = self.localised(target);
        let cell = self.known.lock().await.entry(target.clone()).or_default().clone();
        let read = || async {
            let host: Arc<dyn Host> = self.hosts.connect(context, &target).await?;
            let files =
                [CONFIG_PATH, SYSCTL_PATH, SSHD_PATH, UPGRADES_PATH, JAIL_PATH, MARK_PATH].map(str::to_owned);
            let mut facts = host.facts(context, &files).await?;
            facts.clock_ahead_seconds = facts.epoch_seconds.saturating_sub(clock::now());
            Ok(facts)
        };
        cell.get_or_try_init(read).await.cloned()
    }

    /// What is known of a host already; asks nobody.
    pub(crate) async fn known(&self, target: &HostTarget) -> Option<Facts> {
        let cell = self.known.lock().await.get(&self.localised(target)).cloned()?;
        cell.get().cloned()
    }

    /// Forgets what was seen: the next one who asks looks again.
    pub async fn forget(&self, target: &HostTarget) {
        self.known.lock().await.remove(&self.localised(target));
    }

    /// A target with its paths as this process reads them.
    pub(crate) fn localised(&self, target: &HostTarget) -> HostTarget {
        let identity = target.identity.as_deref().map(|path| self.local(path));
        HostTarget { identity, ..target.clone() }
    }

    /// A path of the configuration as this process reads it; `~` is left to ssh.
    pub(crate) fn local(&self, path: &str) -> String {
        if path.starts_with('~') {
            path.to_owned()
        } else {
            self.base.join(path).to_string_lossy().into_owned()
        }
    }
}
