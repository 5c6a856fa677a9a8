//! One kind a file.

pub(crate) mod firewall;
pub(crate) mod labelled;
pub(crate) mod machine;
pub(crate) mod network;
pub(crate) mod placement_group;
pub(crate) mod primary_ip;
pub(crate) mod server;
pub(crate) mod ssh_key;
