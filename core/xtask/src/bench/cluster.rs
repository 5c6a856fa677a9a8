//! What honey itself takes of a three-server build on boxes with a real etcd
//! and Kubernetes. A machine that cannot have boxes is told so.

use std::path::Path;

use honey_cluster_tests::{Stage, share};

use super::Line;
use crate::{profile::Profile, workspace::Failure};

/// Three fresh machines, built once.
pub(super) fn build(honey: &Path) -> Result<Vec<Line>, Failure> {
    if let Some(why) = Profile::Cluster.cannot() {
        eprintln!("cluster: not measured on this machine: {why}");
        return Ok(Vec::new());
    }
    Profile::Cluster.prepare()?;
    let mut stage = Stage::up(3);
    stage.operator.use_honey(honey);
    let took = share::measure(&stage);
    Ok(vec![
        Line::told("cluster", "build of three servers, whole", "s", took.wall),
        Line::limit("cluster", "honey's own share of it", "s", took.honey(), 5.0),
    ])
}
