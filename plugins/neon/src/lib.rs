//! honey plugin: neon
