//! A stage for tests of whole clusters: boxes with real machines' insides, the
//! stand-in for k3s with a real etcd and Kubernetes behind it, and an operator
//! with the real `honey`, `ssh` and `kubectl`.
//!
//! | File | What it does |
//! |---|---|
//! | `stage` | boxes, the place to install from, and the operator, wired together |
//! | `mirror` | the place that k3s is installed from |
//! | `operator` | a home folder, and the programs run from there |
//! | `worker` | an application whose worker must never run twice |
//! | `cluster` | what kubectl and etcdctl say about the cluster |
//! | `loopback` | an API without machines, for thousands of objects |
//! | `guide` | files that GUIDE.md shows |

pub mod cluster;
pub mod guide;
mod loopback;
mod mirror;
pub mod operator;
pub mod stage;
pub mod worker;

pub use loopback::Loopback;
pub use operator::{Operator, Ran};
pub use stage::Stage;
pub use worker::WorkerLog;

/// The release that the guide names, and the one after it.
pub const RELEASES: [&str; 2] = ["v1.34.6+k3s1", "v1.34.7+k3s1"];

/// Where boxes see the parts behind the stand-in.
const PARTS: &str = "/usr/libexec/k3s-parts";
