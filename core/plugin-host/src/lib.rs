//! The sandboxed plugin host.
