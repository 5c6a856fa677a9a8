//! Puts a plugin to the test: any component, with the real plugin host,
//! against a vendor on loopback.
//!
//! | File | What it does |
//! |---|---|
//! | `setup` | conformance.toml, which the plugin's author writes |
//! | `rest`, `template` | a stand-in vendor by description |
//! | `gate`, `meddle` | between plugin and vendor: sees, meddles, cuts |
//! | `death`, `stage` | the plugin's ports, and dying at each of them |
//! | `trial` | calls into the plugin as honey makes them |
//! | `law`, `laws/` | what a plugin promises, one file a subject |
//! | `report` | what came of it |
//!
//! No vendor is known here. The simulated vendors of the lab can be named.
#![allow(clippy::result_large_err, reason = "a fault is the error of every port, as it is")]

mod death;
mod gate;
mod law;
mod laws;
mod meddle;
mod report;
mod rest;
mod run;
mod setup;
mod stage;
mod template;
mod trial;

pub use law::Law;
pub use report::{Failure, Report, Row, Verdict};
pub use run::{StandIn, Subject, run, serve};
pub use setup::{FILE, Setup, SetupError};
