//! honey plugin: b2
