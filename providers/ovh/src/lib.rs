//! honey provider plugin: ovh
