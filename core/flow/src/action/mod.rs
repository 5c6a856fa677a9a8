//! What honey can be asked to do, one file each: an ordered list of phases and
//! nothing else.

pub mod apply;
pub mod chore;
pub mod cutover;
pub mod destroy;
pub mod dns_swap;
pub mod etcd;
pub mod kubeconfig;
pub mod node;
pub mod plan;
mod plan_words;
pub mod status;
