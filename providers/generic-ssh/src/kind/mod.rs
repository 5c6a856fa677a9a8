//! One kind a file.

pub(crate) mod machine;
