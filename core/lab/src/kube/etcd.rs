//! What etcd is to a simulated cluster: a quorum without which the API answers
//! nothing, and snapshots that everything can be set back to.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    cluster::SimulatedCluster,
    controllers,
    store::{Key, NodeState, State},
};

/// Everything that etcd held at one instant.
#[derive(Clone)]
pub struct Snapshot(BTreeMap<Key, Value>);

impl Snapshot {
    /// How many objects are in it.
    pub fn objects(&self) -> usize {
        self.0.len()
    }
}

impl State {
    /// Sets everything back. Containers are gone, nodes are off until their server starts.
    fn restore(&mut self, snapshot: &Snapshot) {
        for name in self.nodes.keys().cloned().collect::<Vec<_>>() {
            controllers::power_off(self, &name);
        }
        self.pods.clear();
        let (now, then) = (self.objects.clone(), snapshot.0.clone());
        for key in now.keys().filter(|key| !then.contains_key(*key)) {
            self.remove(key);
        }
        for (key, object) in then {
            self.put(&key, object);
        }
        let nodes: Vec<String> = self.list("", "nodes", None).map(|(key, _)| key.name.clone()).collect();
        self.nodes = nodes.into_iter().map(|name| (name, NodeState::Off)).collect();
        self.log.clear();
        self.faults.watch_generation += 1;
        self.wake();
    }
}

impl SimulatedCluster {
    /// Keeps everything as it is now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.state().objects.clone())
    }

    /// Sets everything back to a snapshot.
    pub fn restore(&self, snapshot: &Snapshot) {
        self.state().restore(snapshot);
    }

    /// Whether enough etcd members run for the API to answer.
    pub fn set_quorum(&self, quorum: bool) {
        let mut state = self.state();
        state.quorum = quorum;
        state.wake();
    }

    /// Whether controllers and scheduler run.
    pub fn set_controllers(&self, run: bool) {
        let mut state = self.state();
        state.controllers = run;
        state.wake();
    }

    /// Whether a node works.
    pub fn node_is_up(&self, name: &str) -> bool {
        self.state().nodes.get(name) == Some(&NodeState::Up)
    }
}
