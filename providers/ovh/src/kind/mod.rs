//! One kind a file.

pub(crate) mod machine;
pub(crate) mod ssh_key;
