//! The books about singletons: every instant at which one of their containers ran.
//!
//! Kept by the simulated nodes when they start and stop containers, not from
//! what the API says: a pod that was force-deleted runs on until its node
//! stops it.

use std::time::SystemTime;

/// One container's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SingletonRun {
    /// Cluster.
    pub cluster: String,
    /// Namespace.
    pub namespace: String,
    /// Deployment.
    pub workload: String,
    /// Pod.
    pub pod: String,
    /// When it started.
    pub from: SystemTime,
    /// When it had stopped; `None` while it runs.
    pub to: Option<SystemTime>,
}

/// Told about a start (`to` is `None`) and a stop.
pub(super) type Listener = Box<dyn Fn(&SingletonRun) + Send + Sync>;

/// All runs of one cluster.
#[derive(Default)]
pub(super) struct Observer {
    runs: Vec<SingletonRun>,
    listeners: Vec<Listener>,
}

impl Observer {
    /// Every run so far.
    pub(super) fn runs(&self) -> Vec<SingletonRun> {
        self.runs.clone()
    }

    /// Tells a function of everything from now on.
    pub(super) fn listen(&mut self, listener: Listener) {
        self.listeners.push(listener);
    }

    /// A container started; the answer identifies the run.
    pub(super) fn started(&mut self, run: SingletonRun) -> usize {
        for listener in &self.listeners {
            listener(&run);
        }
        self.runs.push(run);
        self.runs.len() - 1
    }

    /// It stopped.
    pub(super) fn stopped(&mut self, index: usize) {
        if let Some(run) = self.runs.get_mut(index)
            && run.to.is_none()
        {
            run.to = Some(SystemTime::now());
            for listener in &self.listeners {
                listener(run);
            }
        }
    }
}
