//! Hosts over the operator's own ssh.
