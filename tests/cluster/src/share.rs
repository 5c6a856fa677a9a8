//! What honey itself takes of a build: the wall time, less k3s's time on each
//! server: from its configuration file, after which its installer runs at once,
//! to the moment when its node is Ready and its member votes. The boxes have
//! their packages, so nothing is apt's. The firewall's tools count as honey's.

use std::time::Instant;

use crate::Stage;

/// Seconds of one build.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// From the call of honey to its end.
    pub wall: f64,
    /// Installers, k3s and etcd, one server after another.
    pub k3s: f64,
}

impl Share {
    /// What is left for honey.
    pub fn honey(self) -> f64 {
        self.wall - self.k3s
    }
}

/// Builds the cluster of a fresh stage.
///
/// # Panics
/// When the build fails.
pub fn measure(stage: &Stage) -> Share {
    let started = Instant::now();
    stage.operator.honey(&["apply", "--yes"]).code(0);
    let wall = started.elapsed().as_secs_f64();
    let of = |server: &honey_boxes::TestBox| {
        let text =
            server.must("stat -c %.6Y /etc/rancher/k3s/config.yaml /run/k3s/whole").expect("both moments");
        let at: Vec<f64> = text.lines().filter_map(|line| line.parse().ok()).collect();
        at[1] - at[0]
    };
    Share { wall, k3s: stage.boxes.iter().map(of).sum() }
}
