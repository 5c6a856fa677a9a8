//! What operators do with the real binary, judged by the lab's own books.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

#[path = "scenario/cutover.rs"]
mod cutover;
#[path = "scenario/etcd.rs"]
mod etcd;
#[path = "scenario/images.rs"]
mod images;
#[path = "scenario/interruption.rs"]
mod interruption;
#[path = "scenario/kubeconfig.rs"]
mod kubeconfig;
#[path = "scenario/node.rs"]
mod node;
#[path = "scenario/saved_plan.rs"]
mod saved_plan;
#[path = "scenario/servers.rs"]
mod servers;
#[path = "scenario/status.rs"]
mod status;
#[path = "scenario/story.rs"]
mod story;
