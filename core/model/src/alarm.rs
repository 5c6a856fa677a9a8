//! What is wrong with a project right now, as data: what `honey status` found.
//! Sentences for people stand in the views.

use serde::Serialize;

/// Something that somebody has to look at. A thing that is as it should be (a
/// standby whose singletons have 0 replicas, an instance that was never built)
/// is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "alarm", rename_all = "kebab-case")]
pub enum Alarm {
    /// A run was stopped and nobody is at work on it.
    RunUnfinished {
        /// Its name.
        run: String,
        /// The command that goes on with it.
        command: String,
    },
    /// The state is in the middle of a cutover, and no run is there that ends it.
    CutoverWithoutRun {
        /// Was active.
        from: String,
        /// Would become active.
        to: String,
    },
    /// The cluster's API gave no answer, or none in time: nothing is known of it.
    ClusterUnreachable {
        /// The instance.
        instance: String,
        /// What was tried and how it failed.
        why: String,
    },
    /// Machines are recorded, and no cluster was ever made of them.
    HalfBuilt {
        /// The instance.
        instance: String,
        /// Recorded machines.
        machines: usize,
    },
    /// The cluster has fewer nodes than servers are recorded or configured.
    NodesMissing {
        /// The instance.
        instance: String,
        /// Nodes of the cluster.
        nodes: usize,
        /// Servers there should be.
        servers: usize,
    },
    /// A node is not Ready.
    NodeNotReady {
        /// The instance.
        instance: String,
        /// The node, as the cluster calls it.
        node: String,
    },
    /// A node takes no new pods.
    NodeCordoned {
        /// The instance.
        instance: String,
        /// The node, as the cluster calls it.
        node: String,
    },
    /// A singleton runs on several instances at once.
    SingletonTwice {
        /// `Deployment/worker`
        singleton: String,
        /// Its namespace.
        namespace: String,
        /// Where it runs.
        instances: Vec<String>,
        /// The instance that may run it, if any may.
        active: Option<String>,
    },
    /// A singleton runs on an instance that may not run it.
    SingletonElsewhere {
        /// `Deployment/worker`
        singleton: String,
        /// Its namespace.
        namespace: String,
        /// Where it runs.
        instance: String,
        /// Replicas that are wanted there.
        wanted: u64,
        /// Pods that are there.
        pods: u64,
        /// The instance that may run it, if any may.
        active: Option<String>,
    },
    /// A singleton does not run on the active instance.
    SingletonDown {
        /// `Deployment/worker`
        singleton: String,
        /// Its namespace.
        namespace: String,
        /// The active instance.
        instance: String,
        /// Replicas that are wanted there; 0 where somebody stopped or suspended it.
        wanted: u64,
        /// What it waits for; empty where nothing is wanted.
        why: String,
    },
    /// A workload will not become ready by waiting.
    WorkloadFailed {
        /// The instance.
        instance: String,
        /// `Deployment/api`
        workload: String,
        /// Why.
        why: String,
    },
    /// A record leads away from the instance that its name belongs to.
    NameElsewhere {
        /// Full name.
        name: String,
        /// `A`, `AAAA`
        #[serde(rename = "type")]
        record_type: String,
        /// Whether honey made the record: else somebody put it beside honey's.
        recorded: bool,
        /// Values that are none of the right instance's.
        values: Vec<String>,
        /// The instance whose they are; none where they are nobody's machines.
        leads_to: Option<String>,
        /// The instances it may lead to: the active one, or both of a cutover.
        expected: Vec<String>,
    },
    /// A record that honey made is gone.
    NameGone {
        /// Full name.
        name: String,
        /// `A`, `AAAA`
        #[serde(rename = "type")]
        record_type: String,
    },
    /// Nobody could say where the names lead.
    NamesUnknown {
        /// What was tried and how it failed.
        why: String,
    },
}
