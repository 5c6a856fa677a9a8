//! honey plugin: gitea
