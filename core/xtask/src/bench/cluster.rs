//! What honey itself takes of a three-server build on boxes with a real etcd
//! and Kubernetes. A machine that cannot have boxes is told so.

use std::{path::Path, process::Command};

use serde_json::Value;

use super::Line;
use crate::{
    profile::Profile,
    workspace::{Failure, build_programs, output},
};

/// Three fresh machines, built once.
pub(super) fn build(honey: &Path) -> Result<Vec<Line>, Failure> {
    if let Some(why) = Profile::Cluster.cannot() {
        eprintln!("cluster: not measured on this machine: {why}");
        return Ok(Vec::new());
    }
    Profile::Cluster.prepare()?;
    let mut command = Command::new(build_programs(&["measure-share"], true)?.join("measure-share"));
    command.arg(honey);
    let (code, text) = output(command)?;
    let answer: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::Holds(format!("measure-share ended with {code:?}: {error}")))?;
    let figure =
        |name: &str| answer[name].as_f64().ok_or_else(|| Failure::Holds(format!("no figure `{name}`")));
    Ok(vec![
        Line::told("cluster", "build of three servers, whole", "s", figure("wall_s")?),
        Line::limit("cluster", "honey's own share of it", "s", figure("honey_s")?, 5.0),
    ])
}
