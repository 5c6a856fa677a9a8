//! honey provider plugin: hetzner
