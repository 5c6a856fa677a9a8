//! What honey itself takes of a build: the wall time, less the time between the
//! start of k3s on a server and the moment when its node is Ready and its
//! member votes. The boxes have their packages, so nothing is apt's.

use std::time::Instant;

use crate::Stage;

/// Seconds of one build.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// From the call of honey to its end.
    pub wall: f64,
    /// Starts of k3s and etcd, one after another.
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
    // The stand-in notes both moments.
    let of = |server: &honey_boxes::TestBox| {
        let text = server.must("stat -c %.6Y /run/k3s/started /run/k3s/whole").expect("both moments");
        let at: Vec<f64> = text.lines().filter_map(|line| line.parse().ok()).collect();
        at[1] - at[0]
    };
    Share { wall, k3s: stage.boxes.iter().map(of).sum() }
}
