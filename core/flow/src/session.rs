//! One run's surroundings: configuration, ports, who is told, who may stop it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use honey_config::Config;
use honey_model::{Active, Address, Digest, Fault, KindSchema, State, kubernetes::ObjectIdentity};
use honey_ports::{
    CallContext, Driver, Progress,
    call::{Cancel, Checkpoint, NoCheckpoint},
};

use crate::{
    Ports,
    kind::{DRIVER, HoneyDriver},
};

/// The longest that one operation may take.
pub(crate) const OPERATION_LIMIT: Duration = Duration::from_mins(30);

/// Ids of objects as earlier releases wrote them carry a version: an object stays the same without.
fn one_form(id: &mut String) {
    if let Some(identity) = ObjectIdentity::from_id(id) {
        *id = identity.to_string();
    }
}

/// One run's surroundings. Cheap to clone.
#[derive(Clone)]
pub struct Session {
    /// What is wanted.
    pub config: Arc<Config>,
    /// The directory that relative paths of the configuration start from.
    pub base: PathBuf,
    /// This build's version.
    pub honey: String,
    /// The outside.
    pub ports: Ports,
    /// Who is told.
    pub progress: Progress,
    /// Who may stop it.
    pub cancel: Cancel,
    /// What was looked up beside the configuration, once for a run.
    pub(crate) prepared: Arc<tokio::sync::OnceCell<crate::phase::prepare::Prepared>>,
    /// What registries said about images, once for a run.
    pub(crate) images: Arc<crate::image::resolve::Cache>,
    /// The core's own kinds.
    pub(crate) own: Arc<HoneyDriver>,
}

impl Session {
    /// With everything wired.
    pub fn new(
        config: Arc<Config>,
        base: PathBuf,
        honey: impl Into<String>,
        ports: Ports,
        progress: Progress,
        cancel: Cancel,
    ) -> Self {
        let own = Arc::new(HoneyDriver::new(&ports));
        Self {
            config,
            base,
            honey: honey.into(),
            ports,
            progress,
            cancel,
            prepared: Arc::default(),
            images: Arc::default(),
            own,
        }
    }

    /// The driver of a name.
    pub fn driver(&self, name: &str) -> Option<Arc<dyn Driver>> {
        if name == DRIVER {
            return Some(self.own.clone());
        }
        self.ports.drivers.get(name).cloned()
    }

    /// A kind's schema.
    pub fn schema(&self, driver: &str, kind: &str) -> Option<&KindSchema> {
        let schemas =
            if driver == DRIVER { self.own.schemas() } else { self.ports.drivers.get(driver)?.schemas() };
        schemas.iter().find(|schema| schema.kind == kind)
    }

    /// The owner mark for an address: project and scope.
    pub fn owner(&self, address: &Address) -> String {
        format!("{}-{}", self.config.project.name, address.scope())
    }

    /// Surroundings of a call that changes nothing.
    pub fn reading(&self, address: &Address) -> CallContext {
        self.calling(address, format!("read:{address}"), Arc::new(NoCheckpoint))
    }

    pub(crate) fn calling(
        &self,
        address: &Address,
        operation_id: String,
        checkpoint: Arc<dyn Checkpoint>,
    ) -> CallContext {
        CallContext {
            operation_id,
            owner: self.owner(address),
            address: address.clone(),
            deadline: OPERATION_LIMIT,
            cancel: self.cancel.clone(),
            progress: self.progress.clone(),
            checkpoint,
        }
    }

    /// The state, or the empty one that every project starts with. Its lineage
    /// comes from the project's name, so that a plan made before the first
    /// apply fits the state that this apply writes.
    pub async fn state(&self) -> Result<State, Fault> {
        let empty = || State::empty(Digest::of_bytes(self.config.project.name.as_bytes()).short());
        let mut state = self.ports.store.load().await?.unwrap_or_else(empty);
        for record in state.resources.values_mut().filter(|record| record.driver == DRIVER) {
            if matches!(record.kind.as_str(), "kube-object" | "kube-secret") {
                one_form(&mut record.id);
            }
        }
        Ok(state)
    }

    /// Who counts as active while `instance` is planned: where nobody ever was,
    /// the default instance (or, without a default, the first one applied) becomes it.
    pub fn effective_active(&self, active: &Active, instance: &str) -> Active {
        match active {
            Active::Nobody
                if !instance.is_empty()
                    && self.config.project.default.as_deref().is_none_or(|default| default == instance) =>
            {
                Active::Instance { name: instance.to_owned(), epoch: 1 }
            }
            other => other.clone(),
        }
    }
}
