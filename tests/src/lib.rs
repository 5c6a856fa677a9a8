//! End-to-end tests and their support.
//!
//! | File | What it does |
//! |---|---|
//! | `artifacts` | where the built plugins are |
//! | `wiring` | a session for a lab's folder, as the `honey` binary wires it |
//! | `mortal` | a state store that kills its process at a given durable write |
//! | `scene` | a lab and the real binary in a folder, for tests of what operators see |
//! | `hosts` | boxes and the real binary, for tests of real hosts |
//! | `crash` | the crash proof: every kill point of a build, of a cutover |
//!
//! The product has no crash hook: everything that dies is wrapped here.

pub mod artifacts;
pub mod crash;
pub mod hosts;
pub mod mortal;
pub mod scene;
pub mod wiring;

/// Why something did not work, in words.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
