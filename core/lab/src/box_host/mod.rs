//! Boxes: SSH servers that play machines. Not the vendors that hand them out,
//! and not the Kubernetes that runs on them.
//!
//! A box reads the script that honey sends to a shell, finds the calls behind
//! the marker line and plays them on a disk of its own: packages, files,
//! firewall rules, services, k3s. It runs no shell and changes nothing outside
//! the lab. Whatever it does not know is refused as a shell would refuse it.

mod boxes;
mod calls;
mod clusters;
mod disk;
mod etcd;
mod facts;
pub mod faults;
mod k3s;
mod k3s_flags;
mod play;
mod ssh;
mod steps;

use std::sync::Arc;

pub use boxes::Boxes;
pub use clusters::LabClusters;
pub use faults::BoxFault;

use crate::world::World;

/// Plugs boxes, and the Kubernetes that they start, into a world.
pub fn install(world: &Arc<World>) -> Arc<Boxes> {
    let clusters = Arc::new(LabClusters::default());
    let boxes = Arc::new(Boxes::new(Arc::clone(&clusters)));
    world.set_clusters(clusters);
    world.set_host(Arc::clone(&boxes) as Arc<dyn crate::world::MachineHost>);
    boxes
}
