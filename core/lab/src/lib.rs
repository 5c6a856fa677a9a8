//! A world on loopback to rehearse in: vendors, boxes, Kubernetes.
//!
//! [`Lab::start`] gives simulated vendor APIs on ephemeral ports of
//! 127.0.0.1, machines at addresses of their own inside 127.0.0.0/8, and books
//! of everything that was ever asked or made. Nothing here talks to anything
//! but loopback, and nothing here is used by the product.

pub mod books;
pub mod box_host;
pub mod clock;
pub mod control;
pub mod files;
pub mod kube;
mod lab;
pub mod random;
mod subnet;
pub mod vendor;
pub mod world;

pub use books::Books;
pub use lab::Credentials;
pub use lab::{Lab, LabError, LabOptions};
pub use vendor::cloudflare::ZoneRecord;
pub use vendor::fault::{Effect, FaultRule, RetryAfter};
pub use vendor::spec::Specs;
pub use world::{Clusters, Machine, MachineHost, World};
