//! The constant shell library in front of every script. Not rendered: it never
//! holds a value.

/// Base, and what a look at the host needs.
pub const LOOK: &str = concat!(
    include_str!("prelude/base.sh"),
    include_str!("prelude/ufw.sh"),
    include_str!("prelude/facts.sh"),
    include_str!("prelude/snapshots.sh"),
);

/// Base, and every step.
pub const WORK: &str = concat!(
    include_str!("prelude/base.sh"),
    include_str!("prelude/ufw.sh"),
    include_str!("prelude/steps.sh"),
    include_str!("prelude/firewall.sh"),
    include_str!("prelude/k3s.sh"),
    include_str!("prelude/etcd.sh"),
);

/// The line between the library and the calls. A simulated host reads what
/// follows it and nothing before.
pub const MARKER: &str = "# --- honey calls";

/// Runs the calls in a shell that stays for the next ones: what they set is
/// gone after them, but for what `h_remember` keeps.
pub const KEPT_CALL: &str = "h_remember </dev/null; ( trap h_leave EXIT; h_calls ) </dev/null";
