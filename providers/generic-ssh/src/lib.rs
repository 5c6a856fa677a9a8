//! honey provider plugin: generic-ssh
