//! honey against real machines: sshd, sudo, apt, systemd, ufw and the kernel's
//! packet filter, each the real one, in boxes. Run by the profile `hosts`.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

#[path = "hosts/baseline.rs"]
mod baseline;
#[path = "hosts/connection.rs"]
mod connection;
#[path = "hosts/firewall.rs"]
mod firewall;
#[path = "hosts/inside.rs"]
mod inside;
#[path = "hosts/midway.rs"]
mod midway;
#[path = "hosts/taken.rs"]
mod taken;
