//! What honey itself takes of a build: the wall time, less k3s's time on each
//! server: from its configuration file, after which its installer runs at once,
//! to the moment when its node is Ready and its member votes. The boxes have
//! their packages, so nothing is apt's. The firewall's tools count as honey's.
//!
//! For `cargo xtask bench cluster`: called with the honey to measure, it prints
//! one JSON document and judges nothing.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::{
    path::PathBuf,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use honey_boxes::TestBox;
use honey_cluster_tests::{Stage, stage::until};

fn main() -> Result<(), String> {
    let honey = std::env::args_os().nth(1).map(PathBuf::from).ok_or("called without a honey to measure")?;
    let mut stage = Stage::up(3);
    stage.operator.use_honey(&honey);
    let took = measure(&stage);
    println!("{}", serde_json::json!({"wall_s": took.wall, "honey_s": took.wall - took.k3s}));
    Ok(())
}

/// Seconds of one build.
struct Share {
    /// From the call of honey to its end.
    wall: f64,
    /// Installers, k3s and etcd, one server after another.
    k3s: f64,
}

/// Builds the cluster of a fresh stage.
fn measure(stage: &Stage) -> Share {
    let started = Instant::now();
    stage.operator.honey(&["apply", "--yes"]).code(0);
    let wall = started.elapsed().as_secs_f64();
    let end = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs_f64();
    let moments: Vec<(f64, f64)> = stage.boxes.iter().map(moments).collect();
    // The stand-in tells up to a second late: whoever went on before had seen it.
    let went_on = moments.iter().skip(1).map(|(began, _)| *began).chain([end]);
    let k3s = moments.iter().zip(went_on).map(|((began, whole), went_on)| whole.min(went_on) - began).sum();
    Share { wall, k3s }
}

/// When a server had its configuration, and when it was whole.
fn moments(server: &TestBox) -> (f64, f64) {
    until("the stand-in tells that it is whole", || match server.read("/run/k3s/whole") {
        Ok(Some(_)) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let text = server.must("stat -c %.6Y /etc/rancher/k3s/config.yaml /run/k3s/whole").expect("both moments");
    let at: Vec<f64> = text.lines().filter_map(|line| line.parse().ok()).collect();
    (at[0], at[1])
}
