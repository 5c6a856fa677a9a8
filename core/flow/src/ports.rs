//! The implementations that a run works with, as the command line wired them.

use std::{collections::BTreeMap, sync::Arc};

use honey_ports::{
    Driver, Secrets, capability::Capabilities, cluster::Clusters, host::Hosts, store::StateStore,
};

use crate::HostLooks;

/// Everything outside that a run may touch. Cheap to clone.
#[derive(Clone)]
pub struct Ports {
    /// Plugins by id.
    pub drivers: BTreeMap<String, Arc<dyn Driver>>,
    /// The same plugins' optional abilities.
    pub capabilities: BTreeMap<String, Arc<dyn Capabilities>>,
    /// Machines over ssh.
    pub hosts: Arc<dyn Hosts>,
    /// What these look like, shared with plugins that may look over ssh.
    pub looks: Arc<HostLooks>,
    /// Kubernetes.
    pub clusters: Arc<dyn Clusters>,
    /// Secrets by name.
    pub secrets: Arc<dyn Secrets>,
    /// State, lock, journals.
    pub store: Arc<dyn StateStore>,
}
